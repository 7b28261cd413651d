"""The database goes away, hangs or is slow: who asks is told to come back, and what was promised before still holds."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.driver import Connection, Driver, Ledger, audit, configuration, introspect, issue, plant_codes, revoke
from tests.faults.proxy import Mood, Proxy
from tests.fixtures.postgresql import PostgresCluster
from tests.fixtures.server import Server
from tests.journeys.wire import Answer

READY: Final = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIVE: Final = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
METADATA: Final = b"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: localhost\r\n\r\n"
AWAY_SECONDS: Final = 8
"""How long the database is gone."""
HEAL_SECONDS: Final = 3
"""Within which the service must be well again: a second, and what a busy machine adds."""


async def until_well(ask: Connection, seconds: float = 15) -> float:
    """Issue tokens until one is got, and return after how many seconds."""
    started = time.monotonic()
    while (await ask(issue())).status != 200:
        assert time.monotonic() - started < seconds, "the service does not recover"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


@pytest.mark.security("F-04")
@pytest.mark.security("RV-09")
@pytest.mark.timeout(180)
async def test_a_database_that_crashes_and_returns_costs_503s_and_no_promise(
    durable_cluster: PostgresCluster, durable_postgres_url: str, tmp_path: Path, report: Report
) -> None:
    with Server(durable_postgres_url, arguments=configuration(tmp_path)) as server:
        codes = await plant_codes(durable_postgres_url, 4000)
        driver = Driver(server.port, codes)
        async with Connection(server.port, Ledger()) as ask:
            token = (await ask(issue())).json()["access_token"]
            running = asyncio.create_task(driver.run(clients=4, persistent=True))
            await asyncio.sleep(0.7)
            await asyncio.to_thread(durable_cluster.halt, immediate=True)
            await asyncio.sleep(0.5)
            refused = await ask(revoke(token))
            assert (refused.status, refused.headers.get("retry-after") is not None) == (503, True)
            assert (await ask(READY)).status == 503
            assert (await ask(LIVE)).status == 200
            await asyncio.sleep(1)
            await asyncio.to_thread(durable_cluster.start)
            healed = await until_well(ask)
            await asyncio.sleep(0.5)
            driver.stop()
            await running
            assert driver.ledger.surprises == []
            assert set(driver.ledger.statuses) == {200, 503}
            judged = await ask(introspect(token))
            assert judged.json()["active"] is True, "a revocation that was answered 503 was done in secret"
            found = await audit(server.port, driver.ledger)
    report(
        f"F-04 immediate restart: {driver.ledger.statuses[200]} answers and {driver.ledger.statuses[503]} × 503;"
        f" {found.promises} promises audited, {len(found.broken)} broken; {found.stranded} of {found.in_flight} rotations stranded;"
        f" worst answer {driver.ledger.worst:.2f} s; well again {healed:.2f} s after the database"
    )
    assert found.broken == []
    assert healed < HEAL_SECONDS


@pytest.fixture
async def proxied(durable_postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Proxy, Server]]:
    """A server that reaches its database through a proxy."""
    async with Proxy(durable_postgres_url) as proxy:
        server = Server(proxy.url, arguments=configuration(tmp_path))
        try:
            await asyncio.to_thread(server.start)
            yield proxy, server
        finally:
            server.close()


async def ask_for(seconds: float, server: Server, ledger: Ledger, data: bytes, clients: int = 8) -> list[Answer]:
    """Send one request again and again over some connections, and return all answers."""
    answers: list[Answer] = []
    end = time.monotonic() + seconds

    async def client() -> None:
        async with Connection(server.port, ledger) as ask:
            while time.monotonic() < end:
                answers.append(await ask(data))
                if answers[-1].status == 503:
                    await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return answers


@pytest.mark.security("F-05")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("mood", [Mood.SWALLOW, Mood.REFUSE], ids=["black_hole", "refused"])
async def test_a_database_out_of_reach_is_told_within_three_seconds(proxied: tuple[Proxy, Server], report: Report, mood: Mood) -> None:
    proxy, server = proxied
    ledger = Ledger()
    async with Connection(server.port, ledger) as ask:
        assert (await ask(issue())).status == 200
    proxy.turn(mood)
    light = Ledger()
    answers, ready, live, metadata = await asyncio.gather(
        ask_for(AWAY_SECONDS, server, ledger, issue()),
        ask_for(AWAY_SECONDS - 1, server, Ledger(), READY, clients=1),
        ask_for(AWAY_SECONDS - 1, server, light, LIVE, clients=1),
        ask_for(AWAY_SECONDS - 1, server, light, METADATA, clients=1),
    )
    proxy.turn(Mood.PASS)
    async with Connection(server.port, Ledger()) as ask:
        healed = await until_well(ask)
        well = (await ask(READY)).status
    report(
        f"F-05 {mood.value}: {len(answers)} answers, all 503, the worst after {ledger.worst:.2f} s;"
        f" light routes' worst {light.worst * 1000:.0f} ms; well again after {healed:.2f} s"
    )
    assert {answer.status for answer in answers} == {503}
    assert ledger.surprises == []
    assert ledger.worst < 3.5
    assert {answer.status for answer in ready} == {503}
    assert {answer.status for answer in [*live, *metadata]} == {200}
    assert light.worst < 1
    assert healed < HEAL_SECONDS
    assert well == 200


@pytest.mark.security("F-06")
@pytest.mark.timeout(120)
async def test_a_slow_database_slows_answers_and_piles_nothing_up(proxied: tuple[Proxy, Server], report: Report) -> None:
    proxy, server = proxied
    before = server.processes()[0].memory_info().rss
    told = []
    for delay in (0.2, 2.0):
        proxy.delay = delay
        ledger, light = Ledger(), Ledger()
        answers, lively = await asyncio.gather(ask_for(6, server, ledger, issue(), clients=50), ask_for(6, server, light, LIVE, clients=1))
        statuses = {status: sum(answer.status == status for answer in answers) for status in (200, 503)}
        told.append(f"{delay} s: {statuses[200]} × 200, {statuses[503]} × 503, worst {ledger.worst:.2f} s")
        assert sum(statuses.values()) == len(answers)
        assert ledger.surprises == []
        assert ledger.worst < 4.5, "a voice platform waits for 4.5 s"
        assert light.worst < 1
        assert {answer.status for answer in lively} == {200}
    proxy.delay = 0
    async with Connection(server.port, Ledger()) as ask:
        healed = await until_well(ask)
    grown = (server.processes()[0].memory_info().rss - before) / 2**20
    report(f"F-06 per statement {'; '.join(told)}; well again after {healed:.2f} s; memory grew by {grown:.0f} MB")
    assert grown < 20
