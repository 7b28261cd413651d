import pytest

pytest.register_assert_rewrite("tests.fixtures.world", "tests.oauth2.browser", "tests.oauth2.exchange")

from tests.fixtures.world import shared_world, world  # noqa: E402 (rewritten first)

__all__ = ["shared_world", "world"]
