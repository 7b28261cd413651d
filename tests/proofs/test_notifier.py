"""Word to clients: sent once, tried again with longer and longer pauses, and given up in the end; over real sockets and every database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from app.core.secrets import new_id
from app.models import LogoutNotice, SessionClient, User
from app.oauth2 import Subjects
from app.proofs import KeyKeeper, Minter, Notifier, Remote
from app.proofs.notifier import DELAYS
from app.storage import Catalog, Storage
from tests.fixtures.listening import Listening, listen, listening
from tests.storage.conftest import Database, MovableClock, clock, database, storage, url_of
from tests.storage.records import NOW, a_client, a_session, a_user

__all__ = ["clock", "database", "listening", "storage", "url_of"]

ISSUER = "https://id.example.com"
SEALING_KEY = b"s" * 32
natively = pytest.mark.parametrize("database", ["sqlite", "postgresql", "memory"], indirect=True)


class Process:
    """What one process of the server tells clients with."""

    def __init__(self, storage: Storage, clock: MovableClock, *, allow_private: bool = True) -> None:
        self.storage = storage
        self.keeper = KeyKeeper(storage, clock, SEALING_KEY)
        self.minter = Minter(self.keeper, clock)
        remote = Remote(allow_private=allow_private)
        self.notifier = Notifier(storage, self.minter, remote, ISSUER, Subjects(b"p" * 32), clock)

    async def settle(self) -> None:
        """Send what is due, and wait until that is done."""
        await self.notifier.send_due()
        while self.notifier._sending:
            await asyncio.gather(*self.notifier._sending)


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[None]:
    task = asyncio.create_task(process.notifier.keep())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def end_a_session(storage: Storage, uri: str, count: int = 1, client_id: str = "app", **extra: Any) -> User:
    """Let somebody log in to a client so many times, and out everywhere."""
    client = a_client(client_id, extra={"backchannel_logout_uri": uri, **extra})
    user = a_user(new_id()[:8])

    def work(catalog: Catalog) -> None:
        catalog.put_client(client)
        catalog.put_user(user)
        for _ in range(count):
            session = a_session(user, sid=new_id())
            assert catalog.add_session(session, user)
            used = SessionClient(name=new_id(), sid=str(session.sid), client_id=client_id, user_id=user.id, expires_at=session.expires_at)
            catalog.note_session_client(used)
        catalog.end_sessions(user.id)

    await storage.transact(work)
    return user


async def waiting(storage: Storage) -> list[LogoutNotice]:
    return await storage.look(lambda catalog: catalog._rows.find(LogoutNotice, order_by=["due_at"]))


@natively
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.8")
@pytest.mark.parametrize("status", [200, 204])
async def test_client_is_told_once(storage: Storage, clock: MovableClock, listening: Listening, status: int) -> None:
    process = Process(storage, clock)
    user = await end_a_session(storage, f"{listening.origin}/out?a=b", subject_type="pairwise", id_token_signed_response_alg="ES256")
    (notice,) = await waiting(storage)
    listening.answers.append(status)
    await process.settle()
    assert await waiting(storage) == []
    await process.settle()
    (told,) = listening.told
    keys = KeySet.import_key_set({"keys": [dict(key) for key in (await process.keeper.ring()).published(clock.now())]})
    token = jwt.decode(told.logout_token, keys, algorithms=["ES256"])
    now = int(NOW.timestamp())
    expected = {
        "iss": ISSUER,
        "aud": "app",
        "sub": Subjects(b"p" * 32).of(a_client("app", extra={"subject_type": "pairwise"}), user.id),
        "sid": notice.name,
        "iat": now,
        "exp": now + 120,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }
    assert token.header["typ"] == "logout+jwt"
    assert {name: value for name, value in token.claims.items() if name != "jti"} == expected
    assert token.claims["jti"]


@natively
async def test_client_that_fails_is_told_again_later_and_later_and_given_up_in_the_end(
    storage: Storage, clock: MovableClock, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(storage, clock)
    await end_a_session(storage, f"{listening.origin}/out")
    statuses = [500, 503, 429, 408, 425, 502, 504, 500]
    listening.answers.extend(statuses)
    for number, pause in enumerate(DELAYS, 1):
        await process.settle()
        assert len(listening.told) == number
        ((due_at, tries),) = [(notice.due_at, notice.tries) for notice in await waiting(storage)]
        assert (due_at, tries) == (clock.now() + pause, number)
        clock.time = due_at - timedelta(microseconds=1)
        await process.settle()
        assert len(listening.told) == number
        clock.time = due_at
    await process.settle()
    assert (len(listening.told), await waiting(storage)) == (8, [])
    assert "client app is not told that a session has ended, after try 8: it answered 500" in caplog.text
    assert len({jwt.decode(told.logout_token, await keys(process)).claims["jti"] for told in listening.told}) == 8
    assert not any(told.logout_token in caplog.text for told in listening.told)


async def keys(process: Process) -> KeySet:
    return KeySet.import_key_set({"keys": [dict(key) for key in (await process.keeper.ring()).trusted()]})


@natively
async def test_word_of_yesterday_is_given_up(storage: Storage, clock: MovableClock, listening: Listening) -> None:
    process = Process(storage, clock)
    await end_a_session(storage, f"{listening.origin}/out")
    clock.forward(days=1)
    listening.answers.append(500)
    await process.settle()
    assert (len(listening.told), await waiting(storage)) == (1, [])


@natively
@pytest.mark.security("LG-18")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 400, 401, 403, 404, 410])
async def test_client_that_refuses_is_not_told_again_and_nobody_is_told_elsewhere(
    storage: Storage, clock: MovableClock, listening: Listening, status: int
) -> None:
    process = Process(storage, clock)
    async with listen() as elsewhere:
        listening.answers.append(status)
        listening.headers["Location"] = f"{elsewhere.origin}/out"
        await end_a_session(storage, f"{listening.origin}/out")
        await process.settle()
        assert (len(listening.told), len(elsewhere.told), await waiting(storage)) == (1, 0, [])


@natively
@pytest.mark.security("AD-12")
async def test_client_on_this_machine_is_not_told_where_that_is_not_allowed(
    storage: Storage, clock: MovableClock, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(storage, clock, allow_private=False)
    await end_a_session(storage, f"{listening.origin}/out")
    await process.settle()
    assert listening.told == []
    assert "try 1: its host is in a private network (see TOKENRY_PRIVATE_ADDRESSES)" in caplog.text


@natively
async def test_nobody_is_told_who_is_gone_disabled_or_does_not_want_to_hear_any_more(
    storage: Storage, clock: MovableClock, listening: Listening
) -> None:
    process = Process(storage, clock)
    for client_id in ("gone", "disabled", "silent"):
        await end_a_session(storage, f"{listening.origin}/out", client_id=client_id)
    uri = {"backchannel_logout_uri": f"{listening.origin}/out"}
    await storage.transact(lambda catalog: catalog.remove_client("gone"))
    await storage.transact(lambda catalog: catalog.put_client(a_client("disabled", disabled_at=NOW, extra=uri)))
    await storage.transact(lambda catalog: catalog.put_client(a_client("silent")))
    await process.settle()
    assert (listening.told, await waiting(storage)) == ([], [])


@natively
async def test_two_processes_tell_each_client_once(database: Database, clock: MovableClock, listening: Listening) -> None:
    one, other = [Process(await database.open(), clock) for _ in range(2)]
    await end_a_session(one.storage, f"{listening.origin}/out", 40)
    async with running(one), running(other):
        await listening.hears(40)
        async with asyncio.timeout(20):
            while await waiting(one.storage):
                await asyncio.sleep(0.02)
    assert len(listening.told) == 40
    sids = [jwt.decode(told.logout_token, await keys(one)).claims["sid"] for told in listening.told]
    assert len(set(sids)) == 40


@natively
async def test_word_goes_out_at_once_and_what_a_dead_process_had_taken_on_comes_back(
    database: Database, clock: MovableClock, listening: Listening
) -> None:
    one, other = [Process(await database.open(), clock) for _ in range(2)]
    listening.holding = asyncio.Event()
    async with running(one):
        await asyncio.sleep(0.05)  # it has looked, and rests
        await end_a_session(one.storage, f"{listening.origin}/out")
        await listening.hears(1)
    listening.holding.set()
    listening.holding = None
    await other.settle()
    assert len(listening.told) == 1, "the lease of the one that died is not over"
    clock.forward(minutes=1)
    await other.settle()
    assert (len(listening.told), await waiting(other.storage)) == (2, [])


@natively
async def test_client_that_does_not_answer_holds_up_no_other(storage: Storage, clock: MovableClock, listening: Listening) -> None:
    process = Process(storage, clock)
    async with listen() as slow:
        slow.holding = asyncio.Event()
        await end_a_session(storage, f"{slow.origin}/out", 30, client_id="slow")
        await end_a_session(storage, f"{listening.origin}/out", 6, client_id="quick")
        async with running(process):
            await listening.hears(6)
            assert 1 <= len(slow.told) <= 4


@natively
async def test_database_that_is_away_for_a_while_is_no_end(
    storage: Storage, clock: MovableClock, listening: Listening, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(storage, clock)

    async def away(_: object) -> None:
        raise OSError("away")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "look", away)
        async with running(process):
            await asyncio.sleep(0.05)
            assert "logout notices: OSError: away" in caplog.text
            patched.undo()
            await end_a_session(storage, f"{listening.origin}/out")
            await listening.hears(1)


@natively
async def test_notice_that_cannot_be_settled_is_told_of_and_comes_back(
    storage: Storage, clock: MovableClock, listening: Listening, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(storage, clock)
    await end_a_session(storage, f"{listening.origin}/out")
    transact, calls = storage.transact, 0

    async def away_then(work: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError("away")
        return await transact(work)

    await process.keeper.ring()
    with monkeypatch.context() as patched:
        patched.setattr(storage, "transact", away_then)
        await process.notifier.send_due()
        await asyncio.wait(process.notifier._sending)
    await asyncio.sleep(0)
    assert "logout notices: OSError: away" in caplog.text
    clock.forward(minutes=1)
    await process.settle()
    assert (len(listening.told), await waiting(storage)) == (2, [])
