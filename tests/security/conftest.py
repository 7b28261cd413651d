"""What the tests of the security requirements share: a world in this process, and real servers to attack over sockets."""

from tests.fixtures.world import shared_world, world
from tests.security.exercise import robbed
from tests.security.live import live, live_pair, lone

__all__ = ["live", "live_pair", "lone", "robbed", "shared_world", "world"]
