"""A value that the database cannot hold fails alone."""

import asyncio
from typing import Any

import pytest

from app.ledger import Needs, Spend, WriteRefused, Writes
from app.storage import Storage
from tests.storage.conftest import ENGINES, Database
from tests.storage.records import NOW, a_client, a_code, a_grant, a_token, a_user, fresh_hash

TAKEN = fresh_hash()
# What no engine can hold.
POISON: dict[str, dict[str, Any]] = {
    "half a surrogate pair": {"scope": "\ud800"},
    "nothing where there must be something": {"scope": None},
    "a hash that is taken": {"token_hash": TAKEN},
}
# What PostgreSQL refuses; SQLite holds it.
STRICT_POISON: dict[str, dict[str, Any]] = {
    "a NUL character": {"scope": "a\x00b"},
    "more than the column's length": {"kind": "k" * 9},
}


async def fails_alone(storage: Storage, values: dict[str, Any]) -> None:
    grant = a_grant()
    code, spent = a_code(grant), a_token(grant, "refresh")
    key = fresh_hash()
    await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[spent, a_token(grant, token_hash=TAKEN)]))
    poisoned = a_grant()
    before, after = [a_token(grant) for _ in range(5)], [a_token(grant) for _ in range(5)]
    entries = [
        *(Writes(NOW, tokens=[token], count=[key]) for token in before),
        Writes(NOW, spend=Spend(code), grants=[poisoned], tokens=[a_token(poisoned), a_token(poisoned, **values)], count=[key]),
        *(Writes(NOW, tokens=[token], count=[key]) for token in after),
        Writes(NOW, spend=Spend(spent)),
    ]
    answers = await asyncio.gather(*map(storage.commit, entries), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert refused == [answers[5]]
    assert isinstance(answers[5], WriteRefused)
    for token in before + after:
        assert (await storage.load(Needs(token_hash=token.token_hash))).token is not None
    facts = await storage.load(Needs(code_hash=code.code_hash, token_hash=spent.token_hash, attempts=(key,)))
    assert facts.code is not None
    assert facts.token is not None
    assert (facts.code.record.used_at, facts.token.record.used_at) == (None, NOW)
    assert facts.attempts[key].count == 10
    assert (await storage.commit(Writes(NOW, spend=Spend(code)))).won


@pytest.mark.parametrize("poison", POISON)
async def test_poisoned_entry_fails_alone(storage: Storage, poison: str) -> None:
    await fails_alone(storage, POISON[poison])


@pytest.mark.parametrize("database", ["postgresql", "postgresql+asyncpg"], indirect=True)
@pytest.mark.parametrize("poison", STRICT_POISON)
async def test_entry_that_postgresql_cannot_hold_fails_alone(storage: Storage, poison: str) -> None:
    await fails_alone(storage, STRICT_POISON[poison])


@pytest.mark.parametrize("poison", POISON)
async def test_single_poisoned_entry_is_refused(storage: Storage, poison: str) -> None:
    grant = a_grant()
    await storage.commit(Writes(NOW, grants=[grant], tokens=[a_token(grant, token_hash=TAKEN)]))
    with pytest.raises(WriteRefused):
        await storage.commit(Writes(NOW, tokens=[a_token(grant, **POISON[poison])]))


async def test_second_spend_of_a_record_whose_first_was_poisoned_wins(storage: Storage) -> None:
    grant = a_grant()
    code = a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    poisoned = Writes(NOW, spend=Spend(code), tokens=[a_token(grant, scope="\ud800")])
    answers = await asyncio.gather(
        *(storage.commit(entry) for entry in (poisoned, Writes(NOW, spend=Spend(code)), Writes(NOW, spend=Spend(code)))),
        return_exceptions=True,
    )
    assert isinstance(answers[0], WriteRefused)
    assert [getattr(answer, "won", None) for answer in answers[1:]] == [True, False]


async def test_refusal_does_not_repeat_the_value(storage: Storage) -> None:
    grant = a_grant()
    with pytest.raises(WriteRefused) as refusal:
        await storage.commit(Writes(NOW, tokens=[a_token(grant, scope="very secret \ud800")]))
    error: BaseException | None = refusal.value
    while error is not None:
        assert "secret" not in str(error)
        error = None if error.__suppress_context__ else error.__context__


async def test_odd_needs_find_nothing(database: Database) -> None:
    """The doors refuse such values before; a need that no row can meet must not hurt the others of its batch."""
    storage = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    odd = ("\x00", "a\x00", "\ud800", "x" * 100_000)
    answers = await asyncio.gather(
        *(storage.load(Needs(client_id=value)) for value in odd),
        *(storage.load(Needs(client_id="client", shop=value)) for value in odd),
        *(storage.load(Needs(login=value)) for value in odd),
        *(storage.load(Needs(client_id="client")) for _ in range(5)),
    )
    assert [facts.client for facts in answers[:4]] == [None] * 4
    assert [facts.shop for facts in answers[4:8]] == [None] * 4
    assert [facts.user for facts in answers[8:12]] == [None] * 4
    assert all(facts.client is not None for facts in answers[12:])


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_work_on_text_that_is_none_is_refused(database: Database) -> None:
    """Whoever finds out that it is none: the driver, or the work."""
    storage = await database.open()
    for work in (lambda _: "\ud800".encode(), lambda catalog: catalog.put_client(a_client("\ud800"))):
        with pytest.raises(WriteRefused) as refusal:
            await storage.transact(work)
        assert "ud800" not in repr(refusal.value)


async def test_operator_is_refused_a_name_that_is_taken(storage: Storage) -> None:
    await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))
    with pytest.raises(WriteRefused):
        await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))
    with pytest.raises(WriteRefused):
        await storage.transact(lambda catalog: catalog.put_client(a_client("\ud800")))
