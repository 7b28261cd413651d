"""A database for a sandbox, on each engine in turn."""

from collections.abc import AsyncIterator

import pytest

from app.admin import Operator
from app.core.clock import SystemClock
from app.dialects import Dialects
from app.storage import Storage, open_storage
from tests.fixtures.dialects import built_in
from tests.sandbox.spaces import sandbox

__all__ = ["dialects", "operator", "sandbox", "storage"]


@pytest.fixture(scope="session")
def dialects() -> Dialects:
    return built_in()


@pytest.fixture
async def storage(ready_database_url: str) -> AsyncIterator[Storage]:
    opened = await open_storage(ready_database_url, clock=SystemClock())
    yield opened
    await opened.close()


@pytest.fixture
def operator(storage: Storage, dialects: Dialects) -> Operator:
    """An operator who is bound by no rules of a sandbox or service."""
    from app.sandbox import SANDBOX_RULES

    return Operator(storage=storage, dialects=dialects, actor="tester", rules=SANDBOX_RULES)
