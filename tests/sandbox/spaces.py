"""A whole sandbox in this process, asked over its own protocol."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.clock import Clock
from app.core.secret_key import SecretKey
from app.main import Application, create_app
from app.sandbox import Sandbox
from app.sandbox.movable_clock import MovableClock
from app.sandbox.stage import staged
from app.sandbox.worlds import Workshop
from app.settings import Settings
from app.storage import Storage, open_storage
from app.telemetry import Journal
from tests.fixtures.dialects import built_in
from tests.fixtures.memory import MemoryTransport, listening
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.world import Notes

ISSUER = "http://localhost:6749"
SERVICE = ("demo-service", "demo-service-secret")


class Space:
    """A namespace as a test sees it: its doors and its control API."""

    def __init__(self, client: httpx.AsyncClient, issuer: str) -> None:
        self.client = client
        self.issuer = issuer

    async def api(self, method: str, path: str, members: Mapping[str, Any] | None = None, status: int | None = None) -> Any:
        """Ask the control API and return what it answers."""
        answer = await self.client.request(method, f"{self.issuer}/sandbox/api{path}", json=members)
        assert answer.status_code == status if status is not None else answer.is_success, (answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def token(self, auth: tuple[str, str] = SERVICE, **fields: str) -> httpx.Response:
        """Ask the standard token endpoint."""
        return await self.client.post(f"{self.issuer}/token", data={"grant_type": "client_credentials", **fields}, auth=auth)

    async def is_active(self, token: str) -> bool:
        """Whether a token of the demo service is alive here."""
        answer = await self.client.post(f"{self.issuer}/introspect", data={"token": token}, auth=SERVICE)
        return bool(answer.json()["active"])

    async def make(self, **members: Any) -> "Space":
        """Make a namespace."""
        return Space(self.client, (await self.api("POST", "/namespaces", members, 201))["issuer"])


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Space]:
    """A running sandbox with its demo identities."""
    path = tmp_path_factory.mktemp("sandbox") / "tokenry.db"
    settings = Settings(database_url=f"sqlite:///{path}", issuer=ISSUER, secret_key=SECRET_KEY)
    dialects, clock, notes, key = built_in(), MovableClock(), Notes(), SecretKey(SECRET_KEY)
    storage = await open_storage(f"sqlite:///{path}", clock=clock)
    await Sandbox(database="", codes="", is_kept=False, config=None, is_terminal=False).prepare(storage, dialects, clock)

    def build(issuer: str, storage: Storage, clock: Clock, journal: Journal) -> Application:
        changed = settings.model_copy(update={"issuer": issuer, "direct_doors": False})
        return create_app(changed, clock=clock, journal=journal, dialects=dialects, key=key, storage=storage)

    workshop = Workshop(build=build, journal=notes, dialects=dialects)
    async with (
        staged(ISSUER, storage, workshop, clock=clock, path=Path(path)) as host,
        httpx.AsyncClient(transport=MemoryTransport(listening(host), "127.0.0.1"), timeout=20) as client,
    ):
        yield Space(client, ISSUER)
