"""Signing keys that are replaced while two processes sign: no token that no published key verifies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.admin import Operator, Rules, list_keys, rotate_keys
from app.core.keyring import ACTIVE_IN, MAXIMUM_LIFE, PUBLISHED_FOR, REFRESH_IN
from app.core.keys import Algorithm
from app.dialects import load_dialects
from app.messages import Unsigned
from app.oauth2.jose import read_jwt
from app.proofs import KeyKeeper, Minter
from app.storage import Storage, open_storage
from tests.fixtures.world import MovableClock

SEALING = b"s" * 32
TICK = timedelta(seconds=10)
ROTATIONS = 5


@dataclass
class Process:
    """What one process of the service has of its own."""

    storage: Storage
    keeper: KeyKeeper
    minter: Minter
    clock: MovableClock
    looks_at: datetime
    """When it next looks for new keys."""

    async def tick(self) -> None:
        if self.clock.now() >= self.looks_at:
            await self.keeper.refresh()
            self.looks_at = self.clock.now() + REFRESH_IN

    async def published(self) -> list[Any]:
        return (await self.keeper.ring()).published(self.clock.now())


@dataclass
class Verifier:
    """A client that keeps the published keys as long as it may, and asks no sooner."""

    clock: MovableClock
    keys: list[Any] = field(default_factory=list)
    good_until: datetime | None = None
    largest: int = 0

    async def verify(self, token: str, source: Process) -> None:
        if self.good_until is None or self.clock.now() >= self.good_until:
            self.keys, self.good_until = await source.published(), self.clock.now() + ACTIVE_IN
            self.largest = max(self.largest, len(self.keys))
        assert read_jwt(token, self.keys, list(Algorithm))


@pytest.fixture
async def processes(database_url: str) -> AsyncIterator[list[Process]]:
    clock = MovableClock()
    running = []
    for number in range(2):
        storage = await open_storage(database_url, clock=clock)
        keeper = KeyKeeper(storage, clock, SEALING)
        running.append(Process(storage, keeper, Minter(keeper, clock), clock, clock.now() + number * timedelta(seconds=17)))
    yield running
    for process in running:
        process.minter.close()
        await process.storage.close()


@pytest.mark.security("F-09")
@pytest.mark.security("KY-03")
async def test_no_token_is_ever_unverifiable_through_five_rotations(processes: list[Process]) -> None:
    clock = processes[0].clock
    operator = Operator(storage=processes[0].storage, dialects=load_dialects(), clock=clock, rules=Rules())
    verifiers = [Verifier(clock) for _ in processes]
    minute, rotated, minted, alive = timedelta(minutes=1), 0, 0, []
    began = clock.now()
    while clock.now() < began + 20 * minute:
        if rotated < ROTATIONS and clock.now() >= began + (2 + rotated) * minute:
            await rotate_keys(operator, SEALING)
            rotated += 1
        for number, process in enumerate(processes):
            await process.tick()
            for algorithm in Algorithm:
                token = await process.minter.sign(Unsigned("JWT", algorithm, {"iat": int(clock.now().timestamp())}))
                minted += 1
                for verifier, source in zip(verifiers, processes[::-1], strict=True):  # the keys as the other process tells them
                    await verifier.verify(token, source)
                assert read_jwt(token, await processes[number - 1].published(), list(Algorithm))
                alive.append(token)
        clock.set(clock.now() + TICK)
    assert (rotated, minted) == (ROTATIONS, 720)
    assert max(verifier.largest for verifier in verifiers) == 3 * (1 + ROTATIONS)
    assert len({read_jwt(token, await processes[0].published(), list(Algorithm)).header["kid"] for token in alive}) == 3 * (1 + ROTATIONS)


@pytest.mark.security("KY-03")
async def test_a_replaced_key_is_published_until_the_last_of_its_tokens_is_dead(processes: list[Process]) -> None:
    one, other = processes
    operator = Operator(storage=one.storage, dialects=load_dialects(), clock=one.clock, rules=Rules())
    await one.minter.sign(Unsigned("JWT", "ES256", {}))
    await rotate_keys(operator, SEALING, "ES256")
    one.clock.set(one.clock.now() + ACTIVE_IN - timedelta(seconds=1))
    last = await other.minter.sign(Unsigned("JWT", "ES256", {}))
    one.clock.move(seconds=1)
    handover = one.clock.now()
    for moment, is_there in ((handover + MAXIMUM_LIFE, True), (handover + PUBLISHED_FOR, False)):
        one.clock.set(moment)
        for process in processes:
            await process.keeper.refresh()
            kids = {key["kid"] for key in await process.published()}
            assert (read_jwt(last, (await process.keeper.ring()).trusted(), ["ES256"]).header["kid"] in kids) == is_there
    assert sorted(str(view["state"]) for view in await list_keys(operator)) == ["ended", "signing", "signing", "signing"]
