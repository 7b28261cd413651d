"""Many people at the login page at once: apps get their tokens meanwhile, others see the page at once, and nobody's login is lost.

The people are bytes that were made ready before, so that what is measured are the server's waits and not those of whoever measures.
"""

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from app.core.clock import SystemClock
from app.storage import open_storage
from tests.faults.conftest import Report
from tests.faults.driver import CONFIGURATION, Connection, Ledger, issue
from tests.fixtures.server import Server
from tests.journeys.wire import form

PEOPLE: Final = 50
ROUNDS: Final = 4
TOKENS_PER_SECOND: Final = 50
PAGES_PER_SECOND: Final = 20
PASSWORD: Final = "the-right-password-of-somebody"


def declared(folder: Path) -> list[str]:
    """Write clients and people to a file and return the flags that name it."""
    people = [f'[[users]]\nusername = "person-{number}"\npassword = "{PASSWORD}"' for number in range(PEOPLE)]
    path = folder / "people.toml"
    path.write_text("\n".join([CONFIGURATION, *people]), encoding="utf-8")
    return ["--config", str(path)]


@dataclass(frozen=True, slots=True)
class Shown:
    """What came back from a page; ``first_byte`` and ``seconds`` count from the request."""

    status: int
    text: str
    first_byte: float
    seconds: float

    def cookie(self, name: str) -> str:
        (value,) = re.findall(rf"(?i)^set-cookie: {name}=([^;]+)", self.text, re.MULTILINE)
        return str(value)


def page(path: str, cookies: str = "") -> bytes:
    """Return the request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n".encode()


async def shown(port: int, data: bytes) -> Shown:
    """Send a request over a connection of its own, as a new browser does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.monotonic()
    writer.write(data)
    line = await reader.readline()
    first_byte = time.monotonic() - started
    rest = await reader.read()
    writer.close()
    return Shown(int(line.split()[1]), rest.decode(), first_byte, time.monotonic() - started)


async def ready_to_log_in(port: int, number: int) -> bytes:
    """Open the login page and return the form, filled in."""
    there = await shown(port, page("/login"))
    signature = re.findall('name="csrf" value="([^"]+)"', there.text)[0]
    fields = {"csrf": signature, "username": f"person-{number}", "password": PASSWORD, "action": "sign_in"}
    return form("/login", fields, headers=[f"Cookie: tokenry_browser={there.cookie('tokenry_browser')}", "Connection: close"])


class Meanwhile:
    """What goes on beside the logins, for as long as they take; waits are in seconds."""

    def __init__(self, port: int) -> None:
        self.tokens: list[float] = []
        self.first_bytes: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._port = port
        self._over = False

    def end(self) -> None:
        self._over = True

    async def at_rate(self, count: int, work: Callable[[], Awaitable[None]]) -> None:
        """Begin work at a steady rate, whether or not what was begun before is done."""
        async with asyncio.TaskGroup() as group:
            begun = time.monotonic()
            for number in itertools.count(1):
                if self._over:
                    return
                group.create_task(_awaited(work()))
                await asyncio.sleep(max(0.0, begun + number / count - time.monotonic()))

    async def get_token(self) -> None:
        """Get a token, as an app does."""
        async with Connection(self._port, Ledger()) as ask:
            started = time.monotonic()
            self.statuses[(await ask(issue())).status] += 1
            self.tokens.append(time.monotonic() - started)

    async def open_page(self) -> None:
        """Open the login page in a new browser."""
        there = await shown(self._port, page("/login"))
        self.first_bytes.append(there.first_byte)
        self.statuses[there.status if 'name="password"' in there.text else 0] += 1


async def _awaited(work: Awaitable[None]) -> None:
    await work


@pytest.mark.security("BF-10")
async def test_fifty_logins_at_once_hold_nobody_up_and_lose_nobody(durable_url: str, tmp_path: Path, report: Report) -> None:
    logins: list[Shown] = []
    with Server(durable_url, arguments=declared(tmp_path)) as server:
        meanwhile = Meanwhile(server.port)
        rounds = [[await ready_to_log_in(server.port, number) for number in range(PEOPLE)] for _ in range(ROUNDS)]
        async with asyncio.TaskGroup() as group:
            group.create_task(meanwhile.at_rate(TOKENS_PER_SECOND, meanwhile.get_token))
            group.create_task(meanwhile.at_rate(PAGES_PER_SECOND, meanwhile.open_page))
            for forms in rounds:
                logins += await asyncio.gather(*(shown(server.port, data) for data in forms))
            meanwhile.end()
        assert {login.status for login in logins} == {303}
        await assert_kept(server.port, logins)
    await assert_stored(durable_url)
    slowest, tokens, pages = max(login.seconds for login in logins), p99(meanwhile.tokens), p99(meanwhile.first_bytes)
    report(
        f"{ROUNDS} × {PEOPLE} logins at once, {durable_url.partition(':')[0]}: the slowest took {slowest:.2f} s;"
        f" {len(meanwhile.tokens)} tokens meanwhile, p99 {tokens * 1000:.0f} ms;"
        f" {len(meanwhile.first_bytes)} login pages, first byte p99 {pages * 1000:.0f} ms"
    )
    assert set(meanwhile.statuses) == {200}
    assert tokens < 1
    assert pages < 0.1


async def assert_kept(port: int, logins: list[Shown]) -> None:
    """Check that everybody who was given a session is who they are."""
    for number, login in enumerate(logins):
        there = await shown(port, page("/account", f"tokenry_session={login.cookie('tokenry_session')}"))
        assert (there.status, f"person-{number % PEOPLE}<" in there.text) == (200, True)


async def assert_stored(url: str) -> None:
    """Check that everybody has as many sessions as logins, and no more."""
    storage = await open_storage(url, clock=SystemClock())
    try:
        kept = await storage.look(lambda catalog: [len(catalog.sessions_of(user.id)) for user in catalog.users(limit=PEOPLE)])
        assert kept == [ROUNDS] * PEOPLE
    finally:
        await storage.close()


def p99(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.99)]
