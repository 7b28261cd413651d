"""The client that plays the conformance suite's part, in front of a whole server in this process on each database in turn."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import pytest

from app.admin import create_user
from tests.conformance.party import CLIENTS, KNOWN, PASSWORD, OpenParty, Party
from tests.fixtures.visits import Visit
from tests.fixtures.world import World, shared_world, world

__all__ = ["shared_world", "world"]

_numbers: Final = itertools.count(1)


@pytest.fixture
async def parties(world: World) -> AsyncIterator[OpenParty]:
    """Makes clients that somebody of whom much is known lets in, each with a browser of its own unless one is given."""
    await world.declare_once(CLIENTS)
    name = f"person-{next(_numbers)}"
    members = {"username": name, "password": PASSWORD, "email": f"{name}@example.com", "name": "Ada Lovelace", "claims": KNOWN}
    await create_user(world.operator, members)
    async with AsyncExitStack() as stack:

        async def opened(client_id: str = "suite", *, browser: Visit | None = None) -> Party:
            if browser is None:
                browser = await stack.enter_async_context(Visit(world))
            return Party(world, client_id, name, browser)

        yield opened


@pytest.fixture
async def party(parties: OpenParty) -> Party:
    """The suite's first client."""
    return await parties()
