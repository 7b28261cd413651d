"""What the tests of the security requirements share: a world in this process, and real servers to attack over sockets."""

import os

import hypothesis

from tests.fixtures.world import shared_world, world
from tests.security.live import live, live_pair

# Seconds in every run; minutes where somebody asks for them: SECURITY_PROFILE=long.
hypothesis.settings.register_profile("brief", hypothesis.settings(max_examples=40), database=None, derandomize=True, deadline=None)
hypothesis.settings.register_profile("long", hypothesis.settings(max_examples=3000), database=None, derandomize=False, deadline=None)
PROFILE = hypothesis.settings.get_profile("long" if os.environ.get("SECURITY_PROFILE") == "long" else "brief")

__all__ = ["live", "live_pair", "shared_world", "world"]
