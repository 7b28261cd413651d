"""An operator at a real database, on each engine in turn."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.admin import SANDBOX, Operator, Rules
from app.core.clock import Clock
from app.core.secrets import new_id
from app.dialects import Dialects
from app.models import AuditEvent, Client, Grant
from app.storage import Storage, open_storage
from tests.fixtures.dialects import built_in

START = datetime(2026, 11, 22, 1, 5, 27, tzinfo=UTC)


class StandingClock:
    """Stands until a test moves it."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


@pytest.fixture(scope="session")
def dialects() -> Dialects:
    return built_in()


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
async def storage(ready_database_url: str, clock: Clock) -> AsyncIterator[Storage]:
    opened = await open_storage(ready_database_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def operator(storage: Storage, dialects: Dialects, clock: Clock) -> Operator:
    """An operator of a service."""
    return Operator(storage=storage, dialects=dialects, clock=clock, actor="tester", rules=Rules(light_passwords=True))


@pytest.fixture
async def sandbox_operator(operator: Operator) -> Operator:
    """An operator of a sandbox."""
    await operator.storage.transact(lambda catalog: catalog.set_property(SANDBOX, "1"))
    return replace(operator, rules=Rules(minimum_secret=1, light_passwords=True))


async def audit(operator: Operator) -> list[AuditEvent]:
    """Return all audit events, latest first."""
    return await operator.storage.transact(lambda catalog: catalog.audit_events(limit=1000))


async def stored(operator: Operator, client_id: str) -> Client:
    """Return a client as it is stored."""
    client = await operator.storage.transact(lambda catalog: catalog.client(client_id))
    assert client is not None
    return client


def standard_client(**more: object) -> Mapping[str, object]:
    """Return the declaration of a service client of the standard dialect."""
    return {"client_id": "service", "grant_types": ["client_credentials"], "scope": "orders", **more}


async def grant(operator: Operator, client_id: str, *, user_id: str | None = None, shop_id: str | None = None) -> None:
    """Store a living grant."""
    made = Grant(
        id=new_id(),
        dialect="standard",
        grant_type="authorization_code",
        client_id=client_id,
        user_id=user_id,
        shop_id=shop_id,
        scope="",
        created_at=START,
        expires_at=START + timedelta(days=1),
    )
    await operator.storage.transact(lambda catalog: catalog.add_grant(made))


async def living_grants(operator: Operator, **whose: str) -> int:
    """Return how many grants are alive, and end them."""
    return await operator.storage.transact(lambda catalog: catalog.revoke_grants(**whose))
