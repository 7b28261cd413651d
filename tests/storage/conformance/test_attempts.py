"""Failure counters: atomic, summed over a batch, each caller told its own place."""

import asyncio
from datetime import timedelta

import pytest

from app.ledger import Needs, Spend, Writes
from app.models import Attempt
from app.storage import Storage
from tests.storage.conftest import Database
from tests.storage.records import NOW, a_code, a_grant, a_token, fresh_hash

WINDOW = timedelta(minutes=15)


async def counts(storages: list[Storage], key: bytes, number: int) -> list[int]:
    entries = (storages[i % len(storages)].commit(Writes(NOW, count=[key])) for i in range(number))
    return [receipt.attempts[key].count for receipt in await asyncio.gather(*entries)]


@pytest.mark.security("BF-02")
async def test_fifty_failures_at_once_are_told_one_to_fifty(storage: Storage) -> None:
    key = fresh_hash()
    assert await counts([storage], key, 50) == list(range(1, 51))
    assert (await storage.load(Needs(attempts=(key,)))).attempts == {key: Attempt(key=key, count=50, window_started_at=NOW)}


@pytest.mark.security("BF-11")
async def test_failures_over_two_storages_are_counted_together(database: Database) -> None:
    storages = [await database.open(), await database.open()]
    for _ in range(3):
        key = fresh_hash()
        assert sorted(await counts(storages, key, 50)) == list(range(1, 51))


async def test_several_keys_are_counted_apart(storage: Storage) -> None:
    account, address = fresh_hash(), fresh_hash()
    await storage.commit(Writes(NOW, count=[address]))
    receipt = await storage.commit(Writes(NOW, count=[account, address]))
    assert receipt.attempts == {
        account: Attempt(key=account, count=1, window_started_at=NOW),
        address: Attempt(key=address, count=2, window_started_at=NOW),
    }


async def test_window_starts_with_its_first_failure_and_ends_on_time(storage: Storage) -> None:
    key = fresh_hash()

    async def count_at(seconds: float, window: timedelta = WINDOW) -> tuple[int, float]:
        receipt = await storage.commit(Writes(NOW + timedelta(seconds=seconds), count=[key], window=window))
        attempt = receipt.attempts[key]
        return attempt.count, (attempt.window_started_at - NOW).total_seconds()

    assert await count_at(0) == (1, 0)
    assert await count_at(899.999999) == (2, 0)
    assert await count_at(900) == (1, 900)
    assert await count_at(901) == (2, 900)
    assert await count_at(902, timedelta(seconds=1)) == (1, 902)


@pytest.mark.security("F-08")
async def test_clock_that_is_put_back_neither_stops_nor_restarts_the_count_unless_it_is_by_a_window(storage: Storage) -> None:
    key = fresh_hash()

    async def count_at(seconds: float) -> tuple[int, float]:
        receipt = await storage.commit(Writes(NOW + timedelta(seconds=seconds), count=[key]))
        attempt = receipt.attempts[key]
        return attempt.count, (attempt.window_started_at - NOW).total_seconds()

    assert await count_at(0) == (1, 0)
    assert await count_at(-0.001) == (2, 0)
    assert await count_at(-899.999999) == (3, 0)
    assert await count_at(-900) == (1, -900)


@pytest.mark.security("BF-02")
async def test_requests_that_overtake_each_other_are_counted_all_the_same(storage: Storage) -> None:
    key = fresh_hash()
    await storage.commit(Writes(NOW, count=[key]))
    entries = [Writes(NOW - timedelta(milliseconds=n), count=[key]) for n in range(49)]
    receipts = await asyncio.gather(*map(storage.commit, entries))
    assert [receipt.attempts[key].count for receipt in receipts] == list(range(2, 51))


async def test_window_that_is_over_restarts_once_for_all_who_count_at_once(storage: Storage) -> None:
    key = fresh_hash()
    await counts([storage], key, 7)
    later = NOW + WINDOW
    receipts = await asyncio.gather(*(storage.commit(Writes(later, count=[key])) for _ in range(20)))
    assert [receipt.attempts[key].count for receipt in receipts] == list(range(1, 21))


async def test_forgotten_counter_is_gone(storage: Storage) -> None:
    key, other = fresh_hash(), fresh_hash()
    await storage.commit(Writes(NOW, count=[key, other]))
    await storage.commit(Writes(NOW, forget=[key, fresh_hash()]))
    assert set((await storage.load(Needs(attempts=(key, other)))).attempts) == {other}
    assert await counts([storage], key, 1) == [1]


async def test_counting_and_forgetting_at_once_loses_no_entry(storage: Storage) -> None:
    key = fresh_hash()
    entries = [Writes(NOW, forget=[key]) if n % 3 == 2 else Writes(NOW, count=[key]) for n in range(30)]
    receipts = await asyncio.gather(*map(storage.commit, entries))
    assert all(len(receipt.attempts) == len(entry.count) for receipt, entry in zip(receipts, entries, strict=True))


async def test_failures_of_losers_are_not_counted_among_those_of_winners(storage: Storage) -> None:
    grant, key = a_grant(), fresh_hash()
    codes = [a_code(grant) for _ in range(5)]
    await storage.commit(Writes(NOW, grants=[grant], codes=codes))
    await storage.commit(Writes(NOW, spend=Spend(codes[0])))
    entries = [
        *(Writes(NOW, spend=Spend(code), count=[key]) for code in codes),
        Writes(NOW, tokens=[a_token(grant)]),
        Writes(NOW, count=[key]),
        Writes(NOW, spend=Spend(codes[4]), count=[key]),
    ]
    receipts = await asyncio.gather(*map(storage.commit, entries))
    assert [receipt.won for receipt in receipts] == [False, True, True, True, True, True, True, False]
    assert [[attempt.count for attempt in receipt.attempts.values()] for receipt in receipts] == [[], [1], [2], [3], [4], [], [5], []]
