"""Clients that remember every promise they were given: what a server has answered must hold, whatever happens to it afterwards.

A :class:`Ledger` tells, for every code and token, what its client knows: that it is good, that it is spent or revoked, or, where a
request got no answer, that nobody can know. :func:`audit` asks a server about all of it.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self, TypeVar

from app.core.clock import SystemClock
from app.core.secrets import digest, new_id
from app.ledger import Writes
from app.models import AuthorizationCode, Grant
from app.storage import open_storage
from tests.journeys.wire import NOTHING, Answer, form, receive

T = TypeVar("T")

CALLBACK: Final = "https://client.example.com/callback"
SECRET: Final = "a-secret-of-the-client-that-remembers-everything"
CONFIDENTIAL: Final = ("driver-confidential", SECRET)
PUBLIC: Final = "driver-public"
CONFIGURATION: Final = f"""
[[clients]]
client_id = "{CONFIDENTIAL[0]}"
client_secret = "{SECRET}"
grant_types = ["authorization_code", "client_credentials", "refresh_token"]
redirect_uris = ["{CALLBACK}"]

[[clients]]
client_id = "{PUBLIC}"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
"""
_AT_ONCE: Final = 32


def configuration(folder: Path) -> list[str]:
    """Write the clients to a file and return the flags that name it."""
    path = folder / "clients.toml"
    path.write_text(CONFIGURATION, encoding="utf-8")
    return ["--config", str(path)]


async def plant_codes(url: str, count: int) -> list[tuple[str, str]]:
    """Write codes, as if somebody had allowed them, and return each with its client."""
    clock = SystemClock()
    storage = await open_storage(url, clock=clock)
    now = clock.now()
    end = now + timedelta(hours=1)
    planted = [(secrets.token_urlsafe(32), (CONFIDENTIAL[0], PUBLIC)[number % 2]) for number in range(count)]
    writes = Writes(now)
    for value, client_id in planted:
        grant = Grant(
            id=new_id(),
            dialect="standard",
            grant_type="authorization_code",
            client_id=client_id,
            scope="",
            created_at=now,
            expires_at=end,
        )
        writes.grants.append(grant)
        writes.codes.append(
            AuthorizationCode(
                code_hash=digest(value), grant_id=grant.id, redirect_uri=CALLBACK, redirect_uri_sent=True, created_at=now, expires_at=end
            )
        )
    try:
        await storage.commit(writes)
    finally:
        await storage.close()
    return planted


@dataclass(slots=True)
class Chain:
    """The tokens that came of one code. ``in_flight``: a rotation got no answer, so nobody knows which token is the last."""

    client_id: str
    code: str
    access: list[str] = field(default_factory=list)
    refresh: list[str] = field(default_factory=list)
    in_flight: bool = False
    revoked: bool = False
    in_doubt: bool = False
    """The revocation of the chain got no answer."""

    @property
    def is_public(self) -> bool:
        return self.client_id == PUBLIC


@dataclass(slots=True)
class Ledger:
    """What clients were told."""

    chains: list[Chain] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    """Access tokens that were issued by themselves, and are good."""
    revoked: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    worst: float = 0.0
    """The longest wait for an answer, in seconds."""
    surprises: list[str] = field(default_factory=list)
    """Answers that must not be, whatever happened."""


class Connection:
    """A keep-alive connection that is made anew when it was lost. Calling it sends a request and returns the answer."""

    def __init__(self, port: int, ledger: Ledger) -> None:
        self._port = port
        self._ledger = ledger
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __call__(self, data: bytes) -> Answer:
        started = asyncio.get_running_loop().time()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(data)
            answer = await receive(reader)
        except ConnectionError:
            answer = NOTHING
        if answer == NOTHING or answer.headers.get("connection") == "close":
            await self.close()
        self._ledger.statuses[answer.status] += 1
        self._ledger.worst = max(self._ledger.worst, asyncio.get_running_loop().time() - started)
        if answer.status == 503 and "retry-after" not in answer.headers:
            self._ledger.surprises.append(f"503 without Retry-After: {answer.body!r}")
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def exchange(code: str, client_id: str) -> bytes:
    return _by(client_id, "/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK})


def refresh(token: str, client_id: str) -> bytes:
    return _by(client_id, "/token", {"grant_type": "refresh_token", "refresh_token": token})


def issue() -> bytes:
    return form("/token", {"grant_type": "client_credentials"}, basic=CONFIDENTIAL)


def introspect(token: str) -> bytes:
    return form("/introspect", {"token": token}, basic=CONFIDENTIAL)


def revoke(token: str, client_id: str = CONFIDENTIAL[0]) -> bytes:
    return _by(client_id, "/revoke", {"token": token})


def _by(client_id: str, path: str, fields: dict[str, str]) -> bytes:
    if client_id == PUBLIC:
        return form(path, {**fields, "client_id": PUBLIC})
    return form(path, fields, basic=CONFIDENTIAL)


class Driver:
    """Clients that redeem codes, rotate, issue and revoke until they are told to stop, or until the codes are used up."""

    def __init__(self, port: int, codes: Sequence[tuple[str, str]], ledger: Ledger | None = None) -> None:
        self.ledger = ledger or Ledger()
        self._port = port
        self._codes = iter(codes)
        self._stopped = False

    def stop(self) -> None:
        """Let every client finish what it is at."""
        self._stopped = True

    async def run(self, clients: int = 8, *, persistent: bool = False) -> None:
        """Run the clients; each ends at its first lost connection, unless they are ``persistent``."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(number, persistent=persistent))

    async def _client(self, number: int, *, persistent: bool) -> None:
        async with Connection(self._port, self.ledger) as ask:
            for step in itertools.count(number):
                code = next(self._codes, None)
                if self._stopped or code is None:
                    return
                if not await self._live(ask, Chain(code[1], code[0]), step) and not persistent:
                    return
                if self.ledger.statuses[503] and persistent:
                    await asyncio.sleep(0.02)  # who is told to come back later does not come back at once

    async def _live(self, ask: Connection, chain: Chain, step: int) -> bool:
        """Lead one chain from its code to its end, and say whether the server was there all the time."""
        answer = await ask(exchange(chain.code, chain.client_id))
        if answer.status != 200:
            return self._note(answer, "exchange", {503})
        self.ledger.chains.append(chain)
        self._keep(chain, answer)
        for _ in range(step % 4):
            answer = await ask(refresh(chain.refresh[-1], chain.client_id))
            if answer.status != 200:
                chain.in_flight = True
                return self._note(answer, "refresh", {503})
            self._keep(chain, answer)
        answer = await ask(issue())
        if answer.status != 200:
            return self._note(answer, "issue", {503})
        token: str = answer.json()["access_token"]
        if step % 3 == 0:
            answer = await ask(revoke(token))
            if answer.status != 200:
                return self._note(answer, "revoke", {503})
            self.ledger.revoked.append(token)
        else:
            self.ledger.tokens.append(token)
        if step % 5 == 0:
            answer = await ask(revoke(chain.refresh[-1], chain.client_id))
            chain.revoked, chain.in_doubt = answer.status == 200, answer.status != 200
            if answer.status != 200:
                return self._note(answer, "revoke", {503})
        return True

    @staticmethod
    def _keep(chain: Chain, answer: Answer) -> None:
        members = answer.json()
        chain.access.append(members["access_token"])
        chain.refresh.append(members["refresh_token"])

    def _note(self, answer: Answer, what: str, allowed: set[int]) -> bool:
        if answer == NOTHING:
            return False
        if answer.status not in allowed:
            self.ledger.surprises.append(f"{what}: {answer.status} {answer.body!r}")
        return True


@dataclass(slots=True)
class Audit:
    """What became of the promises."""

    promises: int = 0
    broken: list[str] = field(default_factory=list)
    in_flight: int = 0
    """Rotations that got no answer."""
    stranded: int = 0
    """Of these, the ones whose client has no good token left: the rotation was done, and its answer lost."""

    def hold(self, kept: bool, promise: str) -> None:  # noqa: FBT001 (the finding itself)
        self.promises += 1
        if not kept:
            self.broken.append(promise)

    def __iadd__(self, other: "Audit") -> Self:
        self.promises += other.promises
        self.broken += other.broken
        self.in_flight += other.in_flight
        self.stranded += other.stranded
        return self


async def audit(port: int, ledger: Ledger) -> Audit:
    """Ask a server about every promise. What a replay would destroy is asked first."""
    found = Audit()
    ask = _Several(port)
    alive = [chain for chain in ledger.chains if not (chain.revoked or chain.in_doubt)]

    async def is_active(token: str) -> bool:
        answer = await ask(introspect(token))
        return answer.status == 200 and answer.json()["active"] is True

    async def check_active(token: str) -> None:
        found.hold(await is_active(token), "an access token that was issued is not active")

    async def check_inactive(token: str) -> None:
        found.hold(not await is_active(token), "an access token that was revoked is active")

    async def check_last(chain: Chain) -> None:
        answer = await ask(refresh(chain.refresh[-1], chain.client_id))
        if chain.in_flight:
            found.in_flight += 1
            found.stranded += answer.status != 200
        else:
            found.hold(answer.status == 200, f"the last refresh token of a chain is refused: {answer.status} {answer.body!r}")

    async def check_dead(chain: Chain) -> None:
        answer = await ask(refresh(chain.refresh[-1], chain.client_id))
        found.hold(_is_refused(answer), f"a refresh token that was revoked is good: {answer.status}")

    async def check_rotated(chain: Chain) -> None:
        answer = await ask(refresh(chain.refresh[0], chain.client_id))
        found.hold(_is_refused(answer), f"a refresh token that was rotated is good: {answer.status}")

    async def check_code(chain: Chain) -> None:
        answer = await ask(exchange(chain.code, chain.client_id))
        found.hold(_is_refused(answer), f"a code that was used is good: {answer.status}")

    own = [token for chain in alive if not chain.is_public for token in chain.access]
    await _each(check_active, [*ledger.tokens, *own])
    await _each(check_inactive, ledger.revoked)
    await _each(check_inactive, [token for chain in ledger.chains if chain.revoked and not chain.is_public for token in chain.access])
    await _each(check_last, alive)
    await _each(check_dead, [chain for chain in ledger.chains if chain.revoked])
    await _each(check_rotated, [chain for chain in ledger.chains if chain.is_public and len(chain.refresh) > 1])
    await _each(check_code, ledger.chains)
    await ask.close()
    return found


def _is_refused(answer: Answer) -> bool:
    return answer.status == 400 and answer.json()["error"] == "invalid_grant"


class _Several:
    """A handful of connections for whoever asks next."""

    def __init__(self, port: int) -> None:
        self._ledger = Ledger()
        self._all = [Connection(port, self._ledger) for _ in range(_AT_ONCE)]
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        for connection in self._all:
            self._free.put_nowait(connection)

    async def __call__(self, data: bytes) -> Answer:
        connection = await self._free.get()
        try:
            return await connection(data)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        for connection in self._all:
            await connection.close()


async def _each(work: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(_await(work(item)))


async def _await(awaitable: Awaitable[None]) -> None:
    await awaitable
