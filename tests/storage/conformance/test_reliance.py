"""What is recalled from memory is confirmed by the commit that relies on it, or the entry loses."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.ledger import Needs, Reliance, Spend, Writes
from app.models import Client, Token
from app.storage import Storage
from tests.storage.conftest import Database
from tests.storage.records import NOW, a_client, a_grant, a_token, fresh_hash

ONLY_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
WINDOW = timedelta(minutes=15)


async def known(storage: Storage, client_id: str = "client") -> Client:
    """Store a client and let the storage know it."""
    await storage.transact(lambda catalog: catalog.put_client(a_client(client_id)))
    client = (await storage.load(Needs(client_id=client_id))).client
    assert client is not None
    return client


def relying(client: Client, key: bytes | None = None, **more: Any) -> Writes:
    """Return an entry that relies on a client and on fewer than 3 failures."""
    grant = a_grant(client_id=client.client_id)
    reliance = Reliance(client.client_id, client.version, key, 3, NOW - WINDOW)
    return replace(Writes(NOW, grants=[grant], tokens=[a_token(grant)], relies_on=reliance), **more)


async def is_there(storage: Storage, writes: Writes) -> bool:
    found: list[Token | None] = []
    for token in writes.tokens:
        held = (await storage.load(Needs(token_hash=token.token_hash))).token
        found.append(held.record if held else None)
    assert found in ([*writes.tokens], [None] * len(found))
    return found == writes.tokens


async def test_only_a_known_client_that_nothing_else_is_needed_of_is_recalled(storage: Storage, database: Database) -> None:
    assert storage.recall(Needs(client_id="client")) is None
    client = await known(storage)
    recalled = storage.recall(Needs(client_id="client", attempts=(b"k" * 32,)))
    if database.engine != "postgresql":
        assert recalled is None
        return
    assert recalled is not None
    assert (recalled.client, recalled.remembered) == (client, True)
    for needs in (Needs(), Needs(client_id="other"), Needs(client_id="client", shop="1"), Needs(client_id="client", token_hash=b"t")):
        assert storage.recall(needs) is None


async def test_storage_that_recalls_nothing_is_relied_on_for_nothing(storage: Storage, database: Database) -> None:
    client = await known(storage)
    token = a_token(a_grant(), "refresh")
    if database.engine != "postgresql":
        with pytest.raises(ValueError, match="rely"):
            await storage.commit(relying(client))
    with pytest.raises(ValueError, match="rely"):
        await storage.commit(relying(client, spend=Spend(token)))


@ONLY_POSTGRESQL
async def test_entry_that_relies_on_what_is_so_is_written(storage: Storage) -> None:
    entry = relying(await known(storage), fresh_hash())
    assert (await storage.commit(entry)).won
    assert await is_there(storage, entry)


@ONLY_POSTGRESQL
@pytest.mark.security("CA-12")
async def test_entry_loses_when_another_process_has_changed_the_client(database: Database) -> None:
    here, there = await database.open(), await database.open()
    client = await known(here)
    await there.transact(lambda catalog: catalog.put_client(replace(client, disabled_at=NOW)))
    entry = relying(client)
    assert not (await here.commit(entry)).won
    assert not await is_there(here, entry)


@ONLY_POSTGRESQL
async def test_entry_loses_when_its_client_was_removed(database: Database) -> None:
    here, there = await database.open(), await database.open()
    client = await known(here)
    await there.transact(lambda catalog: catalog.remove_client("client"))
    assert not (await here.commit(relying(client))).won


@ONLY_POSTGRESQL
@pytest.mark.security("BF-11")
async def test_entry_loses_when_its_counter_is_full_in_its_window(storage: Storage) -> None:
    client, key = await known(storage), fresh_hash()
    await storage.commit(Writes(NOW, count=[key], window=WINDOW))
    await storage.commit(Writes(NOW, count=[key], window=WINDOW))
    assert (await storage.commit(relying(client, key))).won
    await storage.commit(Writes(NOW, count=[key], window=WINDOW))
    entry = relying(client, key)
    assert not (await storage.commit(entry)).won
    assert not await is_there(storage, entry)
    later = Reliance(client.client_id, client.version, key, 3, NOW)
    assert (await storage.commit(relying(client, relies_on=later))).won, "the window is over"


@ONLY_POSTGRESQL
async def test_of_one_batch_only_those_lose_that_relied_in_vain(database: Database) -> None:
    here, there = await database.open(), await database.open()
    good, bad = await known(here, "good"), await known(here, "bad")
    await there.transact(lambda catalog: catalog.put_client(replace(bad, client_name="changed")))
    grant = a_grant()
    refresh = a_token(grant, "refresh")
    await here.commit(Writes(NOW, grants=[grant], tokens=[refresh]))
    key = fresh_hash()
    entries = [
        relying(good),  # flies alone; the others make the next batch
        relying(bad),
        relying(good),
        Writes(NOW, spend=Spend(refresh), tokens=[a_token(grant)]),
        Writes(NOW, count=[key], window=WINDOW),
        relying(bad),
        Writes(NOW, spend=Spend(refresh), tokens=[a_token(grant)]),
    ]
    receipts = await asyncio.gather(*map(here.commit, entries))
    assert [receipt.won for receipt in receipts] == [True, False, True, True, True, False, False]
    assert [await is_there(here, entry) for entry in entries if entry.tokens] == [True, False, True, True, False, False]
    assert receipts[4].attempts[key].count == 1
