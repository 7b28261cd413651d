"""What the tests of the security requirements share: a world in this process, and real servers to attack over sockets."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fixtures.world import World, open_world, world, world_of
from tests.security.exercise import robbed
from tests.security.live import live, live_pair, lone
from tests.security.people import person, visit, visits
from tests.security.work import hashings

__all__ = ["any_world", "hashings", "live", "live_pair", "lone", "person", "robbed", "shared_world", "visit", "visits", "world"]


# What decides lies behind both ways in, so each database has one of them here, and modules take turns which one it is. Where tests
# do meet in a way of their own, in races and in how one door is read, a module asks for every world.
@pytest.fixture(scope="module", params=["sqlite-direct", "postgresql-routed"])
async def shared_world(request: pytest.FixtureRequest, prepared: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world on each database."""
    async with world_of(request.param, prepared, tmp_path_factory) as opened:
        yield opened


@pytest.fixture(scope="module")
async def any_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One world, for what never comes as far as a database."""
    async with open_world(f"sqlite:///{tmp_path_factory.mktemp('world') / 'tokenry.db'}") as opened:
        yield opened
