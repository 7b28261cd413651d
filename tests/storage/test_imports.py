"""What a start may import: it must take under a second, and a database's driver is nobody else's business."""

import json
import sys
from asyncio import create_subprocess_exec, subprocess
from collections.abc import Callable

import pytest

PROGRAM = """
import asyncio, json, sys
from app.core.clock import SystemClock
from app.ledger import Needs, Writes
from app.storage import open_storage
from tests.storage.records import NOW, a_client, a_grant

async def main(url):
    storage = await open_storage(url, clock=SystemClock())
    await storage.load(Needs(client_id="client", shop="1", login="ada", token_hash=b"x"))
    await storage.commit(Writes(NOW, grants=[a_grant()]))
    await storage.check()
    if not await storage.look(lambda catalog: catalog.client("client")):
        await storage.transact(lambda catalog: catalog.put_client(a_client()))
    await storage.purge(NOW)
    await storage.close()

asyncio.run(main(sys.argv[1]))
print(json.dumps(sorted(sys.modules)))
"""
COLD = {"aiosqlite", "alembic", "sqlalchemy"}
FORBIDDEN = {
    "sqlite": COLD | {"asyncpg", "greenlet"},
    "postgresql": COLD | {"sqlite3"},
}


@pytest.mark.parametrize("engine", FORBIDDEN)
async def test_native_engine_imports_its_own_driver_alone(engine: str, url_of: Callable[[str], str]) -> None:
    url = url_of(engine)
    for _ in range(2):  # a first start makes the schema
        process = await create_subprocess_exec(sys.executable, "-c", PROGRAM, url, stdout=subprocess.PIPE)
        output, _ = await process.communicate()
        assert set(json.loads(output)) & FORBIDDEN[engine] == set()
