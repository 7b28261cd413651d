"""Passwords change once, end what they opened, and are set anew by a link that is good once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from app.ledger import Needs, Writes
from app.models import PasswordReset, User
from app.storage import Catalog, Storage
from tests.storage.conftest import Database, MovableClock
from tests.storage.records import NOW, a_grant, a_session, a_token, a_user, fresh_hash

DAY = timedelta(days=1)


@pytest.fixture
async def ada(storage: Storage) -> User:
    return await storage.transact(lambda catalog: catalog.put_user(a_user("ada", password_hash="old")))


async def test_failures_are_forgotten_with_what_succeeded_or_not_at_all(storage: Storage) -> None:
    one, other = fresh_hash(), fresh_hash()
    await storage.commit(Writes(NOW, count=[one, other]))

    def forget(catalog: Catalog, *, fails: bool) -> None:
        catalog.forget_failures([one])
        if fails:
            raise LookupError

    with pytest.raises(LookupError):
        await storage.transact(partial(forget, fails=True))
    assert set((await storage.load(Needs(attempts=(one, other)))).attempts) == {one, other}
    await storage.transact(partial(forget, fails=False))
    await storage.transact(lambda catalog: catalog.forget_failures([]))
    assert set((await storage.load(Needs(attempts=(one, other)))).attempts) == {other}


@pytest.mark.security("LG-13")
async def test_new_password_ends_other_sessions_grants_and_the_link(storage: Storage, ada: User, clock: MovableClock) -> None:
    bob = a_user("bob")
    sessions, his = [a_session(ada) for _ in range(3)], a_session(bob)
    grant, other = a_grant(user_id=ada.id), a_grant(user_id=bob.id)
    refresh, token = a_token(grant, "refresh"), a_token(other)
    link = fresh_hash()
    await storage.commit(Writes(NOW, grants=[grant, other], tokens=[refresh, token]))

    def fill(catalog: Catalog) -> None:
        catalog.put_user(bob)
        assert catalog.add_session(his, bob)
        assert all(catalog.add_session(session, ada) for session in sessions)
        catalog.put_password_reset(ada.id, link, NOW + DAY)

    await storage.transact(fill)
    clock.forward(seconds=5)
    assert await storage.transact(lambda catalog: catalog.set_password(ada.id, "new", seen="old", keep=sessions[1].id_hash))

    def look(catalog: Catalog) -> None:
        changed = replace(ada, password_hash="new", password_changed_at=clock.now(), updated_at=clock.now())
        assert catalog.user(ada.id) == changed
        assert catalog.sessions_of(ada.id) == [sessions[1]]
        assert catalog.sessions_of(bob.id) == [his]
        assert catalog.password_reset(link) is None

    await storage.look(look)
    held = [(await storage.load(Needs(token_hash=one.token_hash))).token for one in (refresh, token)]
    assert [one is not None and one.grant.revoked_at for one in held] == [clock.now(), None]


async def test_password_changes_only_from_the_one_that_was_checked(storage: Storage, ada: User) -> None:
    assert not await storage.transact(lambda catalog: catalog.set_password(ada.id, "new", seen="another"))
    assert not await storage.transact(lambda catalog: catalog.set_password(ada.id, "new", seen=None))
    assert not await storage.transact(lambda catalog: catalog.set_password("nobody", "new", seen="old"))
    await storage.transact(lambda catalog: catalog.put_user(replace(ada, disabled_at=NOW)))
    assert not await storage.transact(lambda catalog: catalog.set_password(ada.id, "new", seen="old"))
    await storage.transact(lambda catalog: catalog.put_user(replace(ada, password_hash=None)))
    assert await storage.transact(lambda catalog: catalog.set_password(ada.id, "new", seen=None))


async def test_link_names_its_user_until_it_ends(storage: Storage, ada: User, clock: MovableClock) -> None:
    link = fresh_hash()
    await storage.transact(lambda catalog: catalog.put_password_reset(ada.id, link, NOW + DAY))
    assert await storage.look(lambda catalog: catalog.password_reset(link)) == ada
    assert await storage.look(lambda catalog: catalog.password_reset(fresh_hash())) is None
    clock.forward(days=1)
    assert await storage.look(lambda catalog: catalog.password_reset(link)) is None
    assert await storage.transact(lambda catalog: catalog.reset_password(link, "new")) is None
    assert await storage.purge(clock.now()) == 1
    assert await storage.look(lambda catalog: catalog._rows.find(PasswordReset)) == []


async def test_later_link_replaces_the_earlier_one(storage: Storage, ada: User) -> None:
    links = [fresh_hash(), fresh_hash()]
    for link in links:
        await storage.transact(partial(Catalog.put_password_reset, user_id=ada.id, token_hash=link, expires_at=NOW + DAY))
    assert [await storage.look(partial(Catalog.password_reset, token_hash=link)) for link in links] == [None, ada]


async def test_link_of_a_disabled_user_is_good_for_nothing(storage: Storage, ada: User) -> None:
    link = fresh_hash()
    await storage.transact(lambda catalog: catalog.put_password_reset(ada.id, link, NOW + DAY))
    await storage.transact(lambda catalog: catalog.put_user(replace(ada, disabled_at=NOW)))
    assert await storage.transact(lambda catalog: catalog.reset_password(link, "new")) is None


@pytest.mark.parametrize("old", ["old", None])
async def test_link_sets_one_password_once_and_ends_all_sessions(storage: Storage, clock: MovableClock, old: str | None) -> None:
    ada = await storage.transact(lambda catalog: catalog.put_user(a_user("ada", password_hash=old, second_factor_at=NOW)))
    link, session = fresh_hash(), a_session(ada)

    def fill(catalog: Catalog) -> None:
        catalog.put_password_reset(ada.id, link, NOW + DAY)
        assert catalog.add_session(session, ada)

    await storage.transact(fill)
    clock.forward(hours=1)
    assert await storage.transact(lambda catalog: catalog.reset_password(link, "new")) == ada
    assert await storage.transact(lambda catalog: catalog.reset_password(link, "newer")) is None
    stored = await storage.look(lambda catalog: catalog.user(ada.id))
    assert stored is not None
    assert (stored.password_hash, stored.password_changed_at, stored.second_factor_at) == ("new", clock.now(), NOW)
    assert await storage.look(lambda catalog: catalog.sessions_of(ada.id)) == []


async def test_link_is_spent_once_however_many_try_at_once(database: Database) -> None:
    storages = [await database.open() for _ in range(2)]
    ada, link = a_user("ada", password_hash="old"), fresh_hash()
    await storages[0].transact(lambda catalog: catalog.put_user(ada))
    await storages[0].transact(lambda catalog: catalog.put_password_reset(ada.id, link, NOW + DAY))
    tries = [storages[n % 2].transact(partial(Catalog.reset_password, token_hash=link, password_hash=f"new-{n}")) for n in range(10)]
    winners = [n for n, user in enumerate(await asyncio.gather(*tries)) if user is not None]
    assert len(winners) == 1
    stored = await storages[1].look(lambda catalog: catalog.user(ada.id))
    assert stored is not None
    assert stored.password_hash == f"new-{winners[0]}"


async def test_password_is_changed_once_from_one_old_one_by_many_at_once(database: Database) -> None:
    storages = [await database.open() for _ in range(2)]
    ada = a_user("ada", password_hash="old")
    await storages[0].transact(lambda catalog: catalog.put_user(ada))
    tries = [
        storages[n % 2].transact(partial(Catalog.set_password, user_id=ada.id, password_hash=f"new-{n}", seen="old")) for n in range(10)
    ]
    assert sum(await asyncio.gather(*tries)) == 1
