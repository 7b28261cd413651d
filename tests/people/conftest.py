"""People at the pages of a whole server in this process, on each database in turn: with a clock that a test moves, and no screen."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest

from app.admin import create_user
from tests.fixtures.visits import Visit
from tests.fixtures.world import World, world, world_of

__all__ = ["world"]

PASSWORD: Final = "a-password-of-their-own"
_numbers = itertools.count(1)

OpenVisit = Callable[..., Awaitable[Visit]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def shared_world(request: pytest.FixtureRequest, prepared: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A world on each database."""
    async with world_of(f"{request.param}-direct", prepared, tmp_path_factory) as opened:
        yield opened


@pytest.fixture
async def person(world: World) -> str:
    """The name of somebody whom no other test knows, and whose password is ``PASSWORD``."""
    name = f"person-{next(_numbers)}"
    await create_user(world.operator, {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    return name


@pytest.fixture
async def visits(world: World) -> AsyncIterator[OpenVisit]:
    """Opens browsers that nobody used before; they are closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> Visit:
            return await stack.enter_async_context(Visit(world, **options))

        yield opened


@pytest.fixture
async def visit(visits: OpenVisit) -> Visit:
    """One of them."""
    return await visits()
