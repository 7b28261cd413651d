from tests.fixtures.world import shared_world, world

__all__ = ["shared_world", "world"]
