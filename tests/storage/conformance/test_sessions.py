"""Sessions: kept by digest, ended in many ways, begun only by whoever still may."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from app.models import Session, User
from app.storage import Catalog, Storage
from tests.storage.conftest import Database, MovableClock
from tests.storage.records import NOW, a_session, a_user, fresh_hash

HOUR = timedelta(hours=1)


@pytest.fixture
async def ada(storage: Storage) -> User:
    return await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))


async def begin(storage: Storage, user: User, **values: object) -> Session:
    session = a_session(user, **values)
    assert await storage.transact(lambda catalog: catalog.add_session(session, user))
    return session


async def found(storage: Storage, session: Session) -> tuple[Session, User] | None:
    return await storage.look(lambda catalog: catalog.session(session.id_hash))


@pytest.mark.security("LG-10")
async def test_session_is_found_by_its_digest_with_its_user(storage: Storage, ada: User) -> None:
    session = await begin(storage, ada)
    assert await found(storage, session) == (session, ada)
    assert await storage.look(lambda catalog: catalog.session(fresh_hash())) is None


@pytest.mark.security("LG-12")
async def test_session_ends_at_its_limits(storage: Storage, ada: User, clock: MovableClock) -> None:
    session = await begin(storage, ada, expires_at=NOW + 2 * HOUR)
    assert session.is_alive(NOW, 3600)
    assert session.is_alive(NOW + HOUR - timedelta(microseconds=1), 3600)
    assert not session.is_alive(NOW + HOUR, 3600)
    assert not session.is_alive(NOW + 2 * HOUR, 9 * 3600)
    clock.forward(hours=2, microseconds=-1)
    assert await found(storage, session) is not None
    clock.forward(microseconds=1)
    assert await found(storage, session) is None
    assert await storage.look(lambda catalog: catalog.sessions_of(ada.id)) == []


@pytest.mark.security("LG-09")
@pytest.mark.security("LG-11")
async def test_login_ends_the_session_that_the_browser_had(storage: Storage, ada: User) -> None:
    old, other = await begin(storage, ada), await begin(storage, ada)
    new = a_session(ada)
    assert await storage.transact(lambda catalog: catalog.add_session(new, ada, old.id_hash))
    assert await found(storage, old) is None
    assert await found(storage, other) is not None
    assert await found(storage, new) is not None
    assert await storage.transact(lambda catalog: catalog.end_session(new.id_hash))
    assert not await storage.transact(lambda catalog: catalog.end_session(new.id_hash))
    assert await found(storage, new) is None


async def test_nobody_begins_a_session_after_what_was_proved_has_changed(storage: Storage, ada: User) -> None:
    """The password was checked outside of the transaction: what it was checked against must still be so."""
    changes = (
        replace(ada, disabled_at=NOW),
        replace(ada, password_hash="another"),
        replace(ada, password_hash=None),
        replace(ada, second_factor_at=NOW),
    )
    for changed in changes:
        await storage.transact(partial(Catalog.put_user, user=changed))
        session = a_session(ada)
        assert not await storage.transact(partial(Catalog.add_session, session=session, seen=ada, instead_of=fresh_hash()))
        assert await found(storage, session) is None
    await storage.transact(lambda catalog: catalog.put_user(replace(ada, name="Countess", email="other@example.org")))
    await begin(storage, ada)
    nobody = a_user("nobody")
    assert not await storage.transact(lambda catalog: catalog.add_session(a_session(nobody), nobody))


async def test_session_of_a_disabled_user_is_not_found(storage: Storage, ada: User) -> None:
    session = await begin(storage, ada)
    await storage.transact(lambda catalog: catalog.put_user(replace(ada, disabled_at=NOW)))
    assert await found(storage, session) is None


async def test_somebody_is_noted_as_seen_once_a_minute_at_most(storage: Storage, ada: User, clock: MovableClock) -> None:
    session = await begin(storage, ada)
    clock.forward(seconds=60, microseconds=-1)
    assert not session.is_due(clock.now())
    assert not await storage.transact(lambda catalog: catalog.touch_session(session))
    clock.forward(microseconds=1)
    assert session.is_due(clock.now())
    assert await storage.transact(lambda catalog: catalog.touch_session(session))
    assert not await storage.transact(lambda catalog: catalog.touch_session(session)), "two requests read it before"
    assert await found(storage, session) == (replace(session, last_seen_at=clock.now()), ada)


async def test_touching_brings_no_ended_session_back(storage: Storage, ada: User, clock: MovableClock) -> None:
    session = await begin(storage, ada)
    await storage.transact(lambda catalog: catalog.end_session(session.id_hash))
    clock.forward(minutes=2)
    assert not await storage.transact(lambda catalog: catalog.touch_session(session))
    assert await found(storage, session) is None


async def test_sessions_are_listed_latest_first_and_ended_together(storage: Storage, ada: User) -> None:
    bob = await storage.transact(lambda catalog: catalog.put_user(a_user("bob")))
    sessions = [await begin(storage, ada, last_seen_at=NOW + timedelta(minutes=n)) for n in range(4)]
    his = await begin(storage, bob)
    assert await storage.look(lambda catalog: catalog.sessions_of(ada.id)) == sessions[::-1]

    def work(catalog: Catalog) -> None:
        assert not catalog.end_session(his.id_hash, ada.id), "a session of somebody else"
        assert catalog.end_session(sessions[0].id_hash, ada.id)
        assert catalog.end_sessions(ada.id, sessions[1].id_hash) == 2
        assert catalog.sessions_of(ada.id) == [sessions[1]]
        assert catalog.end_sessions(ada.id, sessions[0].id_hash) == 1, "one that is gone keeps nothing"
        assert catalog.end_sessions(ada.id) == 0
        assert catalog.sessions_of(bob.id) == [his]
        assert catalog.end_sessions(bob.id) == 1

    await storage.transact(work)


async def test_what_a_browser_says_of_itself_is_cut_to_what_can_be_kept(storage: Storage, ada: User) -> None:
    session = await begin(storage, ada, user_agent="\ud800\x00é\r\n" + "x" * 2000, address="\x00" + "1" * 400)
    stored = await found(storage, session)
    assert stored is not None
    assert (stored[0].user_agent, stored[0].address) == ("é" + "x" * 395, "1" * 63)
    unnamed = await begin(storage, ada, user_agent=None, address=None)
    assert await found(storage, unnamed) == (unnamed, ada)


@pytest.mark.security("AT-09")
async def test_ended_sessions_are_purged(storage: Storage, ada: User, clock: MovableClock) -> None:
    for n in range(300):
        await begin(storage, ada, expires_at=NOW + timedelta(seconds=n % 2))
    assert await storage.purge(NOW) == 150
    assert await storage.purge(NOW) == 0
    assert len(await storage.look(lambda catalog: catalog._rows.find(Session))) == 150
    clock.forward(seconds=1)
    assert await storage.purge(clock.now()) == 150


@pytest.mark.security("LG-13")
async def test_session_that_begins_while_all_are_ended_is_ended_or_refused(database: Database) -> None:
    """Two processes: one logs in by the old password while the other changes it."""
    one, other = await database.open(), await database.open()
    for turn in range(10):
        user = await one.transact(partial(Catalog.put_user, user=a_user(f"user{turn}", password_hash="old")))

        def log_in(catalog: Catalog, user: User = user) -> bool:
            return catalog.add_session(a_session(user), user)

        def change(catalog: Catalog, user: User = user) -> bool:
            return catalog.set_password(user.id, "new", seen="old")

        _, changed = await asyncio.gather(one.transact(log_in), other.transact(change))
        assert changed
        assert await one.look(partial(Catalog.sessions_of, user_id=user.id)) == []
