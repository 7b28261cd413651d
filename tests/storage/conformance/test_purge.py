"""What the purge takes, and above all what it leaves."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.ledger import Needs, Spend, StorageUnavailable, Writes
from app.models import AuthorizationCode, Token
from app.storage import Storage
from app.storage._purge import _replaced_tokens
from tests.storage.conftest import ENGINES, Database
from tests.storage.records import NOW, a_code, a_grant, a_token, fresh_hash

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def is_there(storage: Storage, record: Token | AuthorizationCode) -> bool:
    if isinstance(record, Token):
        return (await storage.load(Needs(token_hash=record.token_hash))).token is not None
    return (await storage.load(Needs(code_hash=record.code_hash))).code is not None


@pytest.mark.security("AT-09")
async def test_ended_families_go_and_living_ones_stay(storage: Storage) -> None:
    ended, living = a_grant(expires_at=NOW), a_grant(expires_at=NOW + timedelta(microseconds=1))
    gone: list[AuthorizationCode | Token] = [a_code(ended), a_token(ended), a_token(ended, "refresh", expires_at=None)]
    kept: list[AuthorizationCode | Token] = [a_code(living), a_token(living), a_token(living, "refresh")]
    records = [*gone, *kept]
    await storage.commit(
        Writes(
            NOW,
            grants=[ended, living],
            codes=[record for record in records if isinstance(record, AuthorizationCode)],
            tokens=[record for record in records if isinstance(record, Token)],
        )
    )
    assert await storage.purge(NOW + HOUR) == 4
    assert [await is_there(storage, record) for record in records] == [False] * 3 + [True] * 3
    assert await storage.purge(NOW + HOUR) == 0


@pytest.mark.security("AT-09")
async def test_used_codes_and_refresh_tokens_stay_as_long_as_their_family(storage: Storage) -> None:
    grant = a_grant(expires_at=NOW + 300 * DAY)
    code, refresh = a_code(grant), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[refresh]))
    await storage.commit(Writes(NOW, spend=Spend(code)))
    await storage.commit(Writes(NOW, spend=Spend(refresh)))
    assert await storage.purge(NOW + 299 * DAY) == 0
    assert await is_there(storage, code)
    assert await is_there(storage, refresh)
    assert await storage.purge(NOW + 301 * DAY) == 3


async def test_revoked_family_stays_for_a_day(storage: Storage) -> None:
    grant = a_grant()
    refresh = a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant, a_grant()], tokens=[refresh]))
    await storage.commit(Writes(NOW, revoke_grants=[grant.id]))
    assert await storage.purge(NOW + DAY - timedelta(microseconds=1)) == 0
    assert await is_there(storage, refresh)
    assert await storage.purge(NOW + DAY) == 2


async def test_expired_access_token_goes_once_its_family_has_a_younger_one(storage: Storage) -> None:
    """The youngest stays: it may be extended while its refresh token lives."""
    grant, single = a_grant(), a_grant()
    old, young, other = a_token(grant), a_token(grant, issued_at=NOW + HOUR, expires_at=NOW + 2 * HOUR), a_token(single)
    refresh = a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant, single], tokens=[old, young, other, refresh]))
    assert await storage.purge(NOW + 2 * HOUR - timedelta(microseconds=1)) == 0
    assert await storage.purge(NOW + 20 * HOUR) == 1
    assert [await is_there(storage, token) for token in (old, young, other, refresh)] == [False, True, True, True]


class Meddled:
    """Rows among which another process deletes a family before its youngest tokens are looked for."""

    def __init__(self, rows: Any, family: str) -> None:
        self._rows = rows
        self._family = family

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    def latest(self, *arguments: Any, **equal: Any) -> Any:
        self._rows.remove(Token, grant_id=self._family)
        return self._rows.latest(*arguments, **equal)


async def test_family_that_another_purge_deletes_meanwhile_is_passed_over(database: Database) -> None:
    storage: Any = await database.open()
    gone, living = a_grant(), a_grant()
    young = [a_token(grant, issued_at=NOW + HOUR, expires_at=NOW + 2 * HOUR) for grant in (gone, living)]
    await storage.commit(Writes(NOW, grants=[gone, living], tokens=[a_token(gone), a_token(living), *young]))
    step = await storage._run(lambda rows: _replaced_tokens(NOW + 20 * HOUR, 250, b"", Meddled(rows, gone.id)))
    assert step.deleted == 1
    assert await is_there(storage, young[1])


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_purge_ends_where_the_storage_is_closed_meanwhile(database: Database) -> None:
    storage = await database.open()
    await fill(storage, 450, NOW)
    purge = asyncio.ensure_future(storage.purge(NOW + HOUR))
    await asyncio.sleep(0.01)
    await storage.close()
    with pytest.raises(StorageUnavailable):
        await purge


async def test_counters_go_long_after_their_window(storage: Storage) -> None:
    old, young = fresh_hash(), fresh_hash()
    await storage.commit(Writes(NOW, count=[old]))
    await storage.commit(Writes(NOW + HOUR, count=[young]))
    assert await storage.purge(NOW + DAY) == 1
    assert set((await storage.load(Needs(attempts=(old, young)))).attempts) == {young}


async def fill(storage: Storage, families: int, end: datetime) -> list[Token]:
    grants = [a_grant(expires_at=end) for _ in range(families)]
    tokens = [a_token(grant, "refresh") for grant in grants]
    for first in range(0, families, 50):
        await storage.commit(Writes(NOW, grants=grants[first : first + 50], tokens=tokens[first : first + 50]))
    return tokens


@pytest.mark.security("F-11")
async def test_two_purges_at_once_beside_requests_do_no_harm(database: Database) -> None:
    one, another = await database.open(), await database.open()
    dead = await fill(one, 450, NOW)
    living = await fill(one, 50, NOW + 30 * DAY)
    big = a_grant(expires_at=NOW)
    await one.commit(Writes(NOW, grants=[big]))
    for _ in range(11):
        await one.commit(Writes(NOW, tokens=[a_token(big) for _ in range(100)]))
    purges = [asyncio.ensure_future(storage.purge(NOW + HOUR)) for storage in (one, another)]
    receipts = await asyncio.gather(*(one.commit(Writes(NOW, spend=Spend(token))) for token in living))
    assert all(receipt.won for receipt in receipts)
    assert sum(await asyncio.gather(*purges)) == 2 * 450 + 1101
    assert not await is_there(one, dead[0])
    assert all([await is_there(one, token) for token in living])
