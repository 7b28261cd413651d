"""Floods of wrong passwords: they slow nobody else down, and a lock holds whatever happens to the server."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.driver import CONFIGURATION, Connection, Ledger, issue
from tests.fixtures.server import Server
from tests.journeys.wire import form

PLATFORM_SECRET: Final = "a-secret-of-the-platform-client-of-the-logins"
PASSWORD: Final = "the-right-password-of-somebody"
USERS: Final = 40
SECONDS: Final = 8
WRONG_PER_SECOND: Final = 200
RIGHT_PER_SECOND: Final = 50


def declared(folder: Path) -> list[str]:
    """Write clients and users to a file and return the flags that name it."""
    client = {"client_id": "platform", "client_secret": PLATFORM_SECRET, "dialect": "open_platform"}
    lines = ["[[clients]]", *(f'{name} = "{value}"' for name, value in client.items()), 'grant_types = ["password"]']
    for number in range(USERS):
        lines += ["[[users]]", f'username = "user-{number}"', f'password = "{PASSWORD}"']
    path = folder / "logins.toml"
    path.write_text("\n".join([CONFIGURATION, *lines]), encoding="utf-8")
    return ["--config", str(path)]


def login(user: str, password: str) -> bytes:
    fields = {"grant_type": "password", "client_id": "platform", "client_secret": PLATFORM_SECRET, "username": user, "password": password}
    return form("/oauth2/password", fields)


@pytest.mark.security("F-16")
@pytest.mark.security("BF-10")
async def test_a_flood_of_wrong_logins_leaves_token_requests_their_time(durable_url: str, tmp_path: Path, report: Report) -> None:
    with Server(durable_url, arguments=declared(tmp_path)) as server:
        wrong, right = Ledger(), Ledger()
        waits: list[float] = []

        async def at_rate(count: float, request_of: int, ledger: Ledger) -> None:
            """Send requests at a steady rate, each over a connection of a small set, for the time of the flood."""
            connections: asyncio.Queue[Connection] = asyncio.Queue()
            for _ in range(100):
                connections.put_nowait(Connection(server.port, ledger))

            async def once(number: int) -> None:
                connection = await connections.get()
                started = time.monotonic()
                await connection(login(f"nobody-{number}", "wrong") if request_of == 0 else issue())
                if request_of == 1:
                    waits.append(time.monotonic() - started)
                connections.put_nowait(connection)

            async with asyncio.TaskGroup() as group:
                begun = time.monotonic()
                for number in range(int(count * SECONDS)):
                    await asyncio.sleep(max(0.0, begun + number / count - time.monotonic()))
                    group.create_task(once(number))
            while not connections.empty():
                await connections.get_nowait().close()

        await asyncio.gather(at_rate(WRONG_PER_SECOND, 0, wrong), at_rate(RIGHT_PER_SECOND, 1, right))
    p99 = sorted(waits)[int(len(waits) * 0.99)]
    report(
        f"F-16 {durable_url.partition(':')[0]}: beside {WRONG_PER_SECOND} wrong logins a second (answers {_told(wrong.statuses)})"
        f" {RIGHT_PER_SECOND} tokens a second with p99 {p99 * 1000:.0f} ms"
    )
    assert set(right.statuses) == {200}
    assert set(wrong.statuses) <= {400, 429, 503}
    assert wrong.surprises == []
    assert p99 < 1


def _told(statuses: Counter[int]) -> str:
    return ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))


@pytest.mark.security("BF-01")
@pytest.mark.security("BF-11")
async def test_a_lock_outlives_a_kill(durable_url: str, tmp_path: Path) -> None:
    with Server(durable_url, arguments=declared(tmp_path)) as server:
        async with Connection(server.port, Ledger()) as ask:
            statuses = [(await ask(login("user-1", "wrong"))).status for _ in range(11)]
            assert statuses == [400] * 10 + [429]
        server.kill()
        await asyncio.to_thread(server.start)
        async with Connection(server.port, Ledger()) as ask:
            locked = await ask(login("user-1", PASSWORD))
            assert (locked.status, "retry-after" in locked.headers) == (429, True)
            assert (await ask(login("user-2", PASSWORD))).status == 200
