"""Killed in the middle of its work, a server has broken no promise."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.driver import Audit, Driver, Ledger, audit, configuration, plant_codes
from tests.fixtures.server import Server

LEAST_PROMISES: Final = 2000
MOST_ROUNDS: Final = 10
START_SECONDS: Final = 3
CODES: Final = 2500


async def killed_under_load(server: Server, database_url: str) -> tuple[Audit, list[float]]:
    """Kill a running server in the middle of load, start it again, audit, and return what was found and how long the start took."""
    codes = await plant_codes(database_url, CODES)
    await asyncio.to_thread(server.start)
    driver = Driver(server.port, codes)
    running = asyncio.create_task(driver.run())
    await asyncio.sleep(random.uniform(0.4, 1.4))  # noqa: S311 (a moment, not a secret)
    server.kill()
    driver.stop()
    await running
    assert driver.ledger.surprises == []
    await asyncio.to_thread(server.start)
    found = await audit(server.port, driver.ledger)
    server.kill()
    return found, [server.start_seconds]


@pytest.mark.security("F-01")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("workers", "rounds"), [(1, 5), (2, 2)], ids=["one_worker", "two_workers"])
async def test_no_promise_is_broken_by_a_kill_in_the_middle_of_load(
    durable_url: str, tmp_path: Path, report: Report, workers: int, rounds: int
) -> None:
    total, starts, kills = Audit(), [], 0
    least = LEAST_PROMISES if workers == 1 else 1
    with Server(durable_url, arguments=configuration(tmp_path), workers=workers) as server:
        server.stop()
        while kills < rounds or (total.promises < least and kills < MOST_ROUNDS):
            found, seconds = await killed_under_load(server, durable_url)
            total += found
            starts += seconds
            kills += 1
    report(
        f"F-01 {durable_url.partition(':')[0]}, {workers} worker(s): {kills} kills, {total.promises} promises audited,"
        f" {len(total.broken)} broken; {total.in_flight} rotations in flight, {total.stranded} of them stranded;"
        f" start {min(starts):.2f} to {max(starts):.2f} s"
    )
    assert total.broken == []
    assert total.promises >= least
    assert workers > 1 or min(starts) <= START_SECONDS


@pytest.mark.security("F-01")
async def test_the_audit_sees_a_promise_that_was_broken(durable_url: str, tmp_path: Path) -> None:
    codes = []
    with Server(durable_url, arguments=configuration(tmp_path)) as server:
        codes = await plant_codes(durable_url, 40)
        driver = Driver(server.port, codes)
        await driver.run(clients=4)
        ledger = driver.ledger
        forged = Ledger(chains=ledger.chains, tokens=[*ledger.tokens, "never-issued"], revoked=[*ledger.revoked, ledger.tokens[0]])
        found = await audit(server.port, forged)
    assert sorted(found.broken) == ["an access token that was issued is not active", "an access token that was revoked is active"]
