"""Every golden, on SQLite and PostgreSQL, through the direct and the routed way in."""

import pytest

from tests.dialects.conformance.golden import Golden, Player, all_goldens
from tests.fixtures.world import World

GOLDENS = all_goldens()


@pytest.mark.parametrize("golden", [golden.parameter() for golden in GOLDENS])
async def test_the_answer_is_byte_for_byte_the_one_of_the_contract(world: World, golden: Golden) -> None:
    await Player(world).play(golden)
