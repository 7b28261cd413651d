"""Requests whose clients go away, and those that wait."""

import asyncio
from collections.abc import Callable

import pytest

from app.ledger import Needs, Spend, StorageUnavailable, Writes
from app.models import Client
from app.storage import Catalog, Storage
from tests.storage.conftest import ENGINES, Database
from tests.storage.records import NOW, a_client, a_code, a_grant, a_token


@pytest.mark.security("F-20")
async def test_commit_of_a_client_that_vanished_is_done_once(storage: Storage) -> None:
    grant = a_grant()
    code, tokens = a_code(grant), [a_token(grant) for _ in range(20)]
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    tasks = [asyncio.ensure_future(storage.commit(Writes(NOW, tokens=[token]))) for token in tokens]
    spend = asyncio.ensure_future(storage.commit(Writes(NOW, spend=Spend(code))))
    await asyncio.sleep(0)
    for task in (*tasks[::2], spend):
        task.cancel()
    await asyncio.wait([*tasks, spend])
    assert not (await storage.commit(Writes(NOW, spend=Spend(code)))).won
    for token in tokens:
        assert (await storage.load(Needs(token_hash=token.token_hash))).token is not None


async def test_cancelled_load_harms_no_other(storage: Storage) -> None:
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    tasks = [asyncio.ensure_future(storage.load(Needs(client_id="client"))) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    assert all(facts.client is not None for facts in await asyncio.gather(*tasks[1::2]))


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_queue_of_commits_is_bounded_and_what_it_took_is_done(database: Database) -> None:
    storage = await database.open(waiting=10)
    grant = a_grant()
    await storage.commit(Writes(NOW, grants=[grant]))
    tokens = [a_token(grant) for _ in range(25)]
    answers = await asyncio.gather(*(storage.commit(Writes(NOW, tokens=[token])) for token in tokens), return_exceptions=True)
    assert [isinstance(answer, StorageUnavailable) for answer in answers] == [False] * 10 + [True] * 15
    for token, answer in zip(tokens, answers, strict=True):
        held = (await storage.load(Needs(token_hash=token.token_hash))).token
        assert (held is None) is isinstance(answer, StorageUnavailable)


@pytest.mark.parametrize("database", [engine for engine in ENGINES if engine != "sqlite"], indirect=True)
async def test_queue_of_loads_is_bounded(database: Database) -> None:
    storage = await database.open(waiting=10)
    answers = await asyncio.gather(*(storage.load(Needs(client_id="client")) for _ in range(25)), return_exceptions=True)
    assert [isinstance(answer, StorageUnavailable) for answer in answers] == [False] * 10 + [True] * 15


async def test_storage_says_that_it_is_alive(storage: Storage) -> None:
    await storage.check()


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_closed_storage_is_unavailable(database: Database) -> None:
    storage = await database.open()
    pending = asyncio.ensure_future(storage.commit(Writes(NOW, grants=[a_grant()])))
    await asyncio.sleep(0)
    await storage.close()
    assert (await pending).won
    with pytest.raises(StorageUnavailable):
        await storage.commit(Writes(NOW, grants=[a_grant()]))
    with pytest.raises(StorageUnavailable):
        await storage.load(Needs(client_id="client"))
    with pytest.raises(StorageUnavailable):
        await storage.check()
    with pytest.raises(StorageUnavailable):
        await storage.transact(lambda catalog: catalog.clients())
    await storage.close()


async def test_operator_and_requests_work_at_the_same_time(storage: Storage) -> None:
    grants = [a_grant() for _ in range(50)]
    commits = [storage.commit(Writes(NOW, grants=[grant], tokens=[a_token(grant)])) for grant in grants]

    def put(number: int) -> Callable[[Catalog], Client]:
        return lambda catalog: catalog.put_client(a_client(f"client-{number}"))

    puts = [storage.transact(put(number)) for number in range(10)]
    receipts, _ = await asyncio.gather(asyncio.gather(*commits), asyncio.gather(*puts))
    assert all(receipt.won for receipt in receipts)
    assert len(await storage.transact(lambda catalog: catalog.clients())) == 10


async def test_failed_work_of_an_operator_changes_nothing(storage: Storage) -> None:
    def work(catalog: Catalog) -> None:
        catalog.put_client(a_client())
        raise LookupError("never mind")

    with pytest.raises(LookupError, match="never mind"):
        await storage.transact(work)
    assert (await storage.load(Needs(client_id="client"))).client is None
    assert (await storage.commit(Writes(NOW, grants=[a_grant()]))).won
