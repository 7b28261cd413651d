"""SQLite is locked, full or damaged: what requests are told, and how it heals."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.ledger import Needs, StorageUnavailable, Writes
from tests.storage.conftest import Database, MovableClock
from tests.storage.records import NOW, a_client, a_grant, a_token


@pytest.fixture
async def database(tmp_path: Path, clock: MovableClock) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'tokenry.db'}", clock)
    yield database
    await database.close()


def fresh(tokens: int = 1) -> Writes:
    grant = a_grant()
    return Writes(NOW, grants=[grant], tokens=[a_token(grant, scope="s" * 1000) for _ in range(tokens)])


async def test_lock_of_another_process_is_waited_for_but_not_beyond_the_deadline(database: Database) -> None:
    storage = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        patient = asyncio.ensure_future(storage.commit(fresh()))
        await asyncio.sleep(0.5)
        assert (await storage.load(Needs(client_id="client"))).client is not None
        other.execute("COMMIT")
        assert (await patient).won
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StorageUnavailable, match="BUSY"):
            await storage.commit(fresh())
        assert 1.5 < time.monotonic() - began <= 3
        with pytest.raises(StorageUnavailable):
            await storage.transact(lambda catalog: catalog.clients())
        other.execute("ROLLBACK")
    assert (await storage.commit(fresh())).won
    assert len(await storage.transact(lambda catalog: catalog.clients())) == 1


@pytest.mark.security("F-07")
async def test_full_disk_fails_writes_and_not_reads_and_heals(database: Database) -> None:
    storage: Any = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    (pages,) = storage._writing.execute("PRAGMA page_count").fetchone()
    storage._writing.execute(f"PRAGMA max_page_count = {pages + 30}")
    entries = [fresh() for _ in range(300)]
    answers = []
    for first in range(0, 300, 20):
        answers += await asyncio.gather(*map(storage.commit, entries[first : first + 20]), return_exceptions=True)
    won = [getattr(answer, "won", False) for answer in answers]
    assert won[0] is True
    assert won[-1] is False
    assert all(isinstance(answer, StorageUnavailable) for answer in answers if not getattr(answer, "won", False))
    for entry, is_won in zip(entries, won, strict=True):
        held = (await storage.load(Needs(token_hash=entry.tokens[0].token_hash))).token
        assert (held is not None) is is_won
    storage._writing.execute("PRAGMA max_page_count = 1000000")
    assert (await storage.commit(fresh())).won


async def test_database_that_fails_while_it_is_read_is_unavailable(database: Database) -> None:
    storage: Any = await database.open()
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("DROP TABLE token")
    with pytest.raises(StorageUnavailable, match="SQLITE_ERROR"):
        await storage.load(Needs(token_hash=b"x"))
    with pytest.raises(StorageUnavailable, match="SQLITE_ERROR"):
        await storage.commit(fresh())
    assert (await storage.commit(Writes(NOW, grants=[a_grant()]))).won


async def test_fault_of_ours_leaves_no_transaction_behind(database: Database) -> None:
    storage = await database.open()
    odd: Any = Writes(NOW, tokens=[a_token(a_grant(), issued_at="yesterday")])
    with pytest.raises(TypeError):
        await storage.commit(odd)
    assert (await storage.commit(fresh())).won
