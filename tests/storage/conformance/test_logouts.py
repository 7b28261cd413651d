"""What the end of a session means to clients: who is told, once each, and what ends with it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.core.secrets import new_id
from app.ledger import Writes
from app.models import Client, Grant, LogoutNotice, Session, SessionClient, User
from app.storage import Catalog, Storage
from tests.storage.conftest import Database, MovableClock
from tests.storage.records import NOW, a_client, a_grant, a_session, a_user

LEASE = timedelta(minutes=1)
HEARS: dict[str, Any] = {"extra": {"backchannel_logout_uri": "https://app.example/out"}}


async def put_client(storage: Storage, client_id: str, **values: Any) -> Client:
    return await storage.transact(lambda catalog: catalog.put_client(a_client(client_id, **values)))


@pytest.fixture
async def ada(storage: Storage) -> User:
    return await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))


async def begin(storage: Storage, user: User, *clients: str, instead_of: Session | None = None) -> Session:
    """Log somebody in, and in to some clients."""
    session = a_session(user, sid=new_id())
    replaced = instead_of.id_hash if instead_of is not None else None

    def work(catalog: Catalog) -> Session:
        assert catalog.add_session(session, user, replaced)
        stored = catalog.session(session.id_hash)
        assert stored is not None
        for client_id in clients:
            catalog.note_session_client(used(stored[0], client_id))
        return stored[0]

    return await storage.transact(work)


def used(session: Session, client_id: str) -> SessionClient:
    assert session.sid is not None
    name = f"{client_id}-{session.sid}"[:22]
    return SessionClient(name=name, sid=session.sid, client_id=client_id, user_id=session.user_id, expires_at=session.expires_at)


async def waiting(storage: Storage) -> list[LogoutNotice]:
    return await storage.look(lambda catalog: catalog._rows.find(LogoutNotice, order_by=["client_id", "name"]))


async def take(storage: Storage, most: int = 100, each: int = 100, **under_way: int) -> list[LogoutNotice]:
    return await storage.transact(lambda catalog: catalog.take_notices(most, each, under_way, LEASE))


@pytest.mark.rfc("OIDC Back-Channel Logout", "2.5")
async def test_clients_of_a_session_are_told_of_its_end_and_no_others(storage: Storage, ada: User) -> None:
    await put_client(storage, "one", **HEARS)
    await put_client(storage, "two", **HEARS)
    await put_client(storage, "silent", extra={"frontchannel_logout_uri": "https://app.example/out"})
    await put_client(storage, "disabled", **HEARS, disabled_at=NOW)
    session, other = await begin(storage, ada, "one", "silent", "disabled", "removed"), await begin(storage, ada, "one", "two")
    assert await storage.look(lambda catalog: catalog.next_notice_at()) is None
    assert not storage.noticed.is_set()
    assert await storage.transact(lambda catalog: catalog.end_session(session.id_hash))
    assert [(notice.client_id, notice.name, notice.user_id, notice.tries) for notice in await waiting(storage)] == [
        ("one", used(session, "one").name, ada.id, 0)
    ]
    assert storage.noticed.is_set()
    assert await storage.look(lambda catalog: catalog.next_notice_at()) == NOW
    assert await storage.look(lambda catalog: catalog.session_clients(str(session.sid))) == []
    assert [one.client_id for one in await storage.look(lambda catalog: catalog.session_clients(str(other.sid)))] == ["one", "two"]
    assert not await storage.transact(lambda catalog: catalog.end_session(session.id_hash))
    assert len(await waiting(storage)) == 1


async def test_every_way_to_end_sessions_tells_their_clients(storage: Storage, ada: User) -> None:
    user_id = ada.id

    def change(catalog: Catalog, kept: bytes) -> None:
        user = catalog.user(user_id)
        assert user is not None
        assert catalog.set_password(user_id, "new", seen=user.password_hash, keep=kept)

    await put_client(storage, "one", **HEARS)
    ways: dict[str, tuple[Callable[[Catalog, bytes], object], int]] = {
        "all but one": (lambda catalog, kept: catalog.end_sessions(user_id, kept), 2),
        "all": (lambda catalog, _: catalog.end_sessions(user_id), 3),
        "logins": (lambda catalog, _: catalog.end_logins(user_id), 3),
        "access": (lambda catalog, _: catalog.end_access(user_id), 3),
        "password": (change, 2),
    }
    for way, (work, told) in ways.items():
        sessions = [await begin(storage, ada, "one") for _ in range(3)]
        await storage.transact(partial(lambda catalog, end, kept: end(catalog, kept), end=work, kept=sessions[0].id_hash))
        assert len(await waiting(storage)) == told, way
        await storage.transact(lambda catalog: catalog.end_sessions(user_id))
        for notice in await take(storage):
            await storage.transact(partial(Catalog.remove_notice, notice=notice))
        found = await storage.look(lambda catalog: catalog.user(user_id))
        assert found is not None
        ada = found


async def test_session_of_the_same_person_goes_on_and_that_of_another_ends(storage: Storage, ada: User) -> None:
    await put_client(storage, "one", **HEARS)
    bob = await storage.transact(lambda catalog: catalog.put_user(a_user("bob")))
    first = await begin(storage, ada, "one")
    again = await begin(storage, ada, instead_of=first)
    assert again.sid == first.sid
    assert await waiting(storage) == []
    assert [one.name for one in await storage.look(lambda catalog: catalog.session_clients(str(again.sid)))] == [used(first, "one").name]
    his = await begin(storage, bob, instead_of=again)
    assert his.sid != again.sid
    assert [(notice.user_id, notice.name) for notice in await waiting(storage)] == [(ada.id, used(first, "one").name)]


async def test_a_session_goes_on_under_another_id_until_it_is_ended(storage: Storage, ada: User) -> None:
    session = await begin(storage, ada)
    again = await begin(storage, ada, instead_of=session)
    other = await begin(storage, ada)

    def look(catalog: Catalog) -> list[bool]:
        return [catalog.goes_on(one) for one in (session, again, other)]

    assert await storage.look(look) == [True, True, True]
    await storage.transact(lambda catalog: catalog.end_session(again.id_hash))
    assert await storage.look(look) == [False, False, True]


async def test_a_client_of_a_session_is_noted_once(storage: Storage, ada: User) -> None:
    session = await begin(storage, ada)
    for _ in range(2):
        await storage.transact(lambda catalog: catalog.note_session_client(used(session, "one")))
    found = await storage.look(lambda catalog: catalog.session_client(used(session, "one").name))
    assert found == used(session, "one")
    assert await storage.look(lambda catalog: catalog.session_clients(str(session.sid))) == [found]


@pytest.mark.security("RF-11")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.7")
async def test_what_was_granted_without_offline_access_ends_with_its_session(storage: Storage, ada: User) -> None:
    session, other = await begin(storage, ada), await begin(storage, ada)
    grants = {
        "bound": a_grant(user_id=ada.id, sid=session.sid, scope="openid offline_access_not"),
        "offline": a_grant(user_id=ada.id, sid=session.sid, scope="openid offline_access"),
        "elsewhere": a_grant(user_id=ada.id, sid=other.sid, scope="openid"),
        "older": a_grant(user_id=ada.id, scope="orders"),
    }
    await storage.commit(Writes(NOW, grants=list(grants.values())))
    await storage.transact(lambda catalog: catalog.end_session(session.id_hash))
    stored = await storage.look(lambda catalog: {name: catalog._rows.find(Grant, id=grant.id)[0] for name, grant in grants.items()})
    assert {name for name, grant in stored.items() if grant.revoked_at is not None} == {"bound"}


async def test_a_notice_is_taken_on_once_until_its_lease_is_over(database: Database, clock: MovableClock) -> None:
    one, other = await database.open(), await database.open()
    ada = await one.transact(lambda catalog: catalog.put_user(a_user("ada")))
    await put_client(one, "one", **HEARS)
    for _ in range(8):
        session = await begin(one, ada, "one")
        await one.transact(partial(Catalog.end_session, id_hash=session.id_hash))
    taken = await asyncio.gather(*(take(storage, 3) for storage in (one, other, one, other)))
    assert sorted(len(some) for some in taken) == [2, 3, 3] or sorted(len(some) for some in taken) == [0, 2, 3, 3]
    assert len({notice.id for some in taken for notice in some}) == 8
    assert all(notice.tries == 1 and notice.due_at == NOW + LEASE for some in taken for notice in some)
    assert await take(other) == []
    clock.forward(minutes=1)
    again = await take(other)
    assert [notice.tries for notice in again] == [2] * 8
    late, mine = next(notice for some in taken for notice in some if notice.id == again[0].id), again[0]
    await one.transact(lambda catalog: catalog.put_off_notice(late, NOW))
    assert await take(one) == [], "who has taken too long decides nothing any more"
    await other.transact(lambda catalog: catalog.put_off_notice(mine, clock.now() + LEASE / 2))
    assert await other.look(lambda catalog: catalog.next_notice_at()) == clock.now() + LEASE / 2
    clock.forward(seconds=30)
    assert [(notice.id, notice.tries) for notice in await take(one)] == [(mine.id, 3)]
    await one.transact(lambda catalog: catalog.remove_notice(mine))
    assert len(await waiting(one)) == 7


async def test_one_client_takes_no_more_than_its_share(storage: Storage, ada: User) -> None:
    for client_id in ("one", "two", "three"):
        await put_client(storage, client_id, **HEARS)
    for _ in range(6):
        await begin(storage, ada, "one", "two")
    await begin(storage, ada, "three")
    await storage.transact(lambda catalog: catalog.end_sessions(ada.id))
    taken = [notice.client_id for notice in await take(storage, 100, 4, two=3, three=4)]
    assert sorted(taken) == ["one"] * 4 + ["two"]
    assert len(await take(storage, 2, 4)) == 2


async def test_clients_come_by_turns(storage: Storage, ada: User) -> None:
    for client_id in ("a", "b", "c", "d"):
        await put_client(storage, client_id, **HEARS)
    for _ in range(3):
        await begin(storage, ada, "a", "b", "d")
    await storage.transact(lambda catalog: catalog.end_sessions(ada.id))
    served, last = list[str](), ""
    for _ in range(9):
        (notice,) = await storage.transact(lambda catalog, last=last: catalog.take_notices(1, 1, {}, LEASE, last))  # type: ignore[misc]
        last = notice.client_id
        served.append(last)
    assert served == ["a", "b", "d"] * 3
    assert await take(storage) == []


async def test_ended_sessions_are_forgotten_with_what_they_were_used_for(storage: Storage, ada: User, clock: MovableClock) -> None:
    session = await begin(storage, ada, "one", "two")
    clock.forward(hours=12, microseconds=-1)
    assert await storage.purge(clock.now()) == 0
    clock.forward(microseconds=1)
    assert await storage.purge(clock.now()) == 3
    assert await storage.look(lambda catalog: catalog.session_clients(str(session.sid))) == []
    assert await waiting(storage) == []
