"""An assertion is used once: by one entry, whoever comes with it at the same time, and whatever else that entry wanted."""

import asyncio
from datetime import timedelta

import pytest

from app.ledger import Needs, Receipt, Spend, Writes
from app.models import Token, UsedAssertion
from app.storage import Storage
from tests.storage.conftest import Database
from tests.storage.records import NOW, a_code, a_grant, a_token, fresh_hash

LATER = NOW + timedelta(seconds=30)
REPEATED = Receipt(won=False, is_repeated=True)


def an_assertion(key: bytes | None = None) -> UsedAssertion:
    return UsedAssertion(key=key or fresh_hash(), expires_at=NOW + timedelta(minutes=5))


async def are_there(storage: Storage, *tokens: Token) -> list[bool]:
    return [(await storage.load(Needs(token_hash=token.token_hash))).token is not None for token in tokens]


@pytest.mark.security("CA-10")
async def test_second_use_loses_with_all_that_it_brings(storage: Storage) -> None:
    grants = [a_grant(), a_grant()]
    tokens = [a_token(grant) for grant in grants]
    once = an_assertion()
    entries = [Writes(NOW, once=once, grants=[grant], tokens=[token]) for grant, token in zip(grants, tokens, strict=True)]
    assert await storage.commit(entries[0]) == Receipt()
    assert await storage.commit(entries[1]) == REPEATED
    assert await are_there(storage, *tokens) == [True, False]


async def test_use_alone_is_written(storage: Storage) -> None:
    once = an_assertion()
    assert Writes(NOW, once=once)
    assert await storage.commit(Writes(NOW, once=once)) == Receipt()
    assert await storage.commit(Writes(LATER, once=once)) == REPEATED


async def test_repeated_use_changes_and_counts_nothing(storage: Storage) -> None:
    grant, once, key = a_grant(), an_assertion(), fresh_hash()
    token = a_token(grant)
    await storage.commit(Writes(NOW, once=once, grants=[grant], tokens=[token]))
    receipt = await storage.commit(Writes(LATER, once=once, revoke_grants=[grant.id], revoke_tokens=[token], count=[key]))
    assert receipt == REPEATED
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    assert (held.grant.revoked_at, held.record.revoked_at) == (None, None)
    assert (await storage.load(Needs(attempts=(key,)))).attempts == {}


async def test_repeated_use_spends_no_code(storage: Storage) -> None:
    grant, once = a_grant(), an_assertion()
    code, token = a_code(grant), a_token(grant)
    await storage.commit(Writes(NOW, once=once, grants=[grant], codes=[code]))
    assert await storage.commit(Writes(LATER, once=once, spend=Spend(code), tokens=[token])) == REPEATED
    assert (await storage.commit(Writes(LATER, once=an_assertion(), spend=Spend(code), tokens=[token]))).won
    assert await are_there(storage, token) == [True]


async def test_who_loses_a_code_has_used_the_assertion_all_the_same(storage: Storage) -> None:
    grant, once = a_grant(), an_assertion()
    code, token = a_code(grant), a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    await storage.commit(Writes(NOW, spend=Spend(code)))
    assert await storage.commit(Writes(LATER, once=once, spend=Spend(code), tokens=[token])) == Receipt(won=False)
    assert await storage.commit(Writes(LATER, once=once)) == REPEATED
    assert await are_there(storage, token) == [False]


async def test_counters_of_an_entry_with_an_assertion_are_told(storage: Storage) -> None:
    key = fresh_hash()
    for count in (1, 2):
        receipt = await storage.commit(Writes(NOW, once=an_assertion(), count=[key]))
        assert receipt.won
        assert receipt.attempts[key].count == count


@pytest.mark.security("CA-10")
async def test_of_many_at_once_one_wins(database: Database) -> None:
    here, there = await database.open(), await database.open()
    for _ in range(5):
        once = an_assertion()
        grants = [a_grant() for _ in range(20)]
        tokens = [a_token(grant) for grant in grants]
        entries = [Writes(NOW, once=an_assertion(once.key), grants=[g], tokens=[t]) for g, t in zip(grants, tokens, strict=True)]
        receipts = await asyncio.gather(*((here, there)[i % 2].commit(entry) for i, entry in enumerate(entries)))
        assert sorted(receipt.won for receipt in receipts) == [False] * 19 + [True]
        assert all(receipt.is_repeated is not receipt.won for receipt in receipts)
        assert (await are_there(here, *tokens)).count(True) == 1


@pytest.mark.security("CA-10")
async def test_of_many_that_want_one_code_all_use_their_assertions(storage: Storage) -> None:
    grant = a_grant()
    code = a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    uses = [an_assertion() for _ in range(10)]
    tokens = [a_token(grant) for _ in uses]
    entries = [Writes(NOW, once=once, spend=Spend(code), tokens=[token]) for once, token in zip(uses, tokens, strict=True)]
    receipts = await asyncio.gather(*(storage.commit(entry) for entry in entries))
    assert sorted(receipt.won for receipt in receipts) == [False] * 9 + [True]
    assert not any(receipt.is_repeated for receipt in receipts)
    assert (await are_there(storage, *tokens)).count(True) == 1
    assert await asyncio.gather(*(storage.commit(Writes(LATER, once=once)) for once in uses)) == [REPEATED] * 10


async def test_used_assertions_go_an_hour_after_their_end(storage: Storage) -> None:
    once = an_assertion()
    await storage.commit(Writes(NOW, once=once))
    assert await storage.purge(once.expires_at + timedelta(minutes=59)) == 0
    assert await storage.commit(Writes(LATER, once=once)) == REPEATED
    assert await storage.purge(once.expires_at + timedelta(hours=1)) == 1
    assert await storage.purge(once.expires_at + timedelta(hours=1)) == 0
