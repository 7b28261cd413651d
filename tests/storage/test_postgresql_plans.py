"""Every statement of the hot path looks its rows up by an index, however the tables have grown."""

import re
from itertools import combinations

import asyncpg
import pytest

from app.ledger import Needs
from app.storage import prepare
from app.storage._postgresql_link import HOT_SETTINGS
from app.storage._postgresql_load import CLIENTS, select_for, shape_of
from app.storage._postgresql_statement import LATER, Part, Shape, statement_for

EVERYTHING = Needs("client", "1001", b"c", b"t", b"b", "ada", (b"1", b"2"), ("urn:1", "urn:2"))
SELECTS = {
    "everything": select_for(shape_of([EVERYTHING])).sql,
    "client": select_for(shape_of([Needs(client_id="client")])).sql,
    "token": select_for(shape_of([Needs(token_hash=b"t")])).sql,
    "clients": CLIENTS,
}
CHANGES = {" and ".join(part.name for part in parts): statement_for(Shape(parts)) for n in (1, 2) for parts in combinations(Part, n)} | {
    "everything": statement_for(Shape(tuple(Part), tuple(LATER), relies=True)),
    "relying": statement_for(Shape((Part.GRANTS, Part.TOKENS), relies=True)),
}


async def plan_of(url: str, statement: str) -> str:
    connection = await asyncpg.connect(url, server_settings=HOT_SETTINGS)
    try:
        await connection.execute(f"PREPARE looked AS {statement}")
        count = max(int(number) for number in re.findall(r"\$(\d+)", statement))
        rows = await connection.fetch(f"EXPLAIN EXECUTE looked ({', '.join(['NULL'] * count)})")
    finally:
        await connection.close()
    return "\n".join(row[0] for row in rows)


@pytest.fixture
async def schema(postgres_url: str) -> str:
    await prepare(postgres_url)
    return postgres_url


async def test_loads_and_commits_scan_no_table(schema: str) -> None:
    for name, statement in {**SELECTS, **CHANGES}.items():
        plan = await plan_of(schema, statement)
        assert "Seq Scan" not in plan, f"{name}:\n{plan}"
        assert "Hash Join" not in plan, f"{name}:\n{plan}"
        assert "Merge Join" not in plan, f"{name}:\n{plan}"
