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


async def test_look_waits_for_no_writer(database: Database) -> None:
    storage = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM client")
        waiting = asyncio.ensure_future(storage.transact(lambda catalog: catalog.put_client(a_client("other"))))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        assert len(await storage.look(lambda catalog: catalog.clients())) == 1
        assert time.monotonic() - began < 1
        other.execute("COMMIT")
        await waiting
    assert [client.client_id for client in await storage.look(lambda catalog: catalog.clients())] == ["other"]


async def test_long_look_does_not_block_the_event_loop_and_is_given_up(tmp_path: Path, clock: MovableClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tokenry.db'}", clock)
    storage: Any = await database.open(patience=1)
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT count(*) FROM n"

    def work(catalog: Any) -> None:
        catalog._rows._rows._fetch(count, [])

    slow = asyncio.ensure_future(storage.look(work))
    beats, began = 0, time.monotonic()
    while time.monotonic() - began < 0.5:
        await asyncio.sleep(0.01)
        beats += 1
    assert beats > 5
    with pytest.raises(StorageUnavailable, match=r"too slow|INTERRUPT"):  # whichever of the two notices first
        await slow
    assert await storage.look(lambda catalog: catalog.clients()) == []
    began = time.monotonic()
    await database.close()
    assert time.monotonic() - began < 1


async def test_look_on_a_file_that_is_gone_or_damaged_is_unavailable(tmp_path: Path, clock: MovableClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'tokenry.db'}", clock)
    storage: Any = await database.open()
    storage._looker._path = tmp_path / "absent.db"
    with pytest.raises(StorageUnavailable, match="CANTOPEN"):
        await storage.look(lambda catalog: catalog.clients())
    (tmp_path / "damaged.db").write_bytes(b"no database" * 500)
    storage._looker._path = tmp_path / "damaged.db"
    with pytest.raises(StorageUnavailable, match="NOTADB"):
        await storage.look(lambda catalog: catalog.clients())
    await database.close()
