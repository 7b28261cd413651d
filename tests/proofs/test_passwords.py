"""The pool in which passwords are checked."""

import asyncio
import os
import sys

import pytest

from app.ledger import StorageUnavailable
from app.proofs import PasswordPool
from app.proofs.passwords import hash_problem


@pytest.mark.security("BF-10")
@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
@pytest.mark.may_skip
async def test_a_check_gives_way_to_answers() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)  # of the calling thread

    pool = PasswordPool(threads=1)
    try:
        checking = await asyncio.get_running_loop().run_in_executor(pool._executor, niceness)
        assert checking == min(19, niceness() + 5)
    finally:
        pool.close()


async def waiting(pool: PasswordPool, address: str, done: list[str], enter: asyncio.Event) -> None:
    async with pool.slot(address):
        done.append(address)
        await enter.wait()


@pytest.mark.security("BF-10")
async def test_a_network_that_floods_waits_behind_itself() -> None:
    pool, done, enter = PasswordPool(threads=1), list[str](), asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(60):
                group.create_task(waiting(pool, f"2001:db8:0:1::{number:x}", done, enter))
            await asyncio.sleep(0)
            for number in range(5):
                group.create_task(waiting(pool, f"192.0.2.{number}", done, enter))
            await asyncio.sleep(0)
            enter.set()
    finally:
        pool.close()
    assert len(done) == 65
    # One of the flood is inside already; from then on everybody has a turn.
    assert {address for address in done[1:7] if address.startswith("192.")} == {f"192.0.2.{number}" for number in range(5)}


async def test_a_full_queue_is_said_at_once_and_is_one_networks_own() -> None:
    pool, done, enter = PasswordPool(threads=1, queue=3, queues=5), list[str](), asyncio.Event()
    try:
        tasks = [asyncio.create_task(waiting(pool, "192.0.2.1", done, enter)) for _ in range(5)]
        await asyncio.sleep(0)
        others = [asyncio.create_task(waiting(pool, f"192.0.2.{number}", done, enter)) for number in (2, 3, 4)]
        await asyncio.sleep(0)
        enter.set()
        results = await asyncio.gather(*tasks, *others, return_exceptions=True)
    finally:
        pool.close()
    refused = [isinstance(result, StorageUnavailable) for result in results]
    # One inside and three that wait; the fifth of the same network is one too many, and of the others the sixth that waits in all.
    assert refused == [False, False, False, False, True, False, False, True]


async def test_who_goes_away_leaves_the_turn_to_the_next() -> None:
    pool, done, enter = PasswordPool(threads=1), list[str](), asyncio.Event()
    try:
        tasks = [asyncio.create_task(waiting(pool, f"192.0.2.{number}", done, enter)) for number in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[0].cancel()  # and this one was inside
        await asyncio.sleep(0)
        tasks[2].cancel()  # has its turn at this moment
        await asyncio.sleep(0)
        enter.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(5), pool.slot("192.0.2.9"):
            assert done[-1] == "192.0.2.3"
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("cost", "service", "sandbox"),
    [
        ("m=47104,t=1,p=1", True, True),
        ("m=19456,t=2,p=1", True, True),
        ("m=12288,t=3,p=1", True, True),
        ("m=9216,t=4,p=1", True, True),
        ("m=7168,t=5,p=1", True, True),
        ("m=19456,t=1,p=1", False, True),
        ("m=8192,t=1,p=1", False, True),
        ("m=7167,t=16,p=1", False, False),
        ("m=262144,t=16,p=16", True, True),
        ("m=262145,t=1,p=1", False, False),
        ("m=19456,t=17,p=1", False, False),
    ],
)
def test_a_hash_made_elsewhere_costs_neither_too_little_nor_too_much(cost: str, *, service: bool, sandbox: bool) -> None:
    """What OWASP names for Argon2id is enough for a service."""
    encoded = f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"
    assert (hash_problem(encoded) is None, hash_problem(encoded, light=True) is None) == (service, sandbox)
