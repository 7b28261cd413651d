"""An exchange leaves nothing to the garbage collector: what it made dies by reference count when it is answered."""

import gc
import json
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from app.core.clock import NEVER, SystemClock
from app.core.secrets import digest, new_id
from app.ledger import Writes
from app.main import Application, create_app
from app.models import Client, ClientSecret, Grant, Token
from app.settings import Settings
from app.storage import Catalog
from app.telemetry import Event
from tests.fixtures.server import SECRET_KEY
from tests.storage.fake import FakeStorage

SECRET = "a-secret-that-has-more-than-32-characters"
EXCHANGES = 50


class Silent:
    def record(self, event: Event) -> None:
        """Take no note."""


def register(catalog: Catalog) -> None:
    now = datetime.now(UTC)
    catalog.put_client(
        Client(
            client_id="app",
            dialect="open_platform",
            redirect_uris=[],
            post_logout_redirect_uris=[],
            allowed_origins=[],
            scope="",
            options={},
            extra={},
            version=1,
            created_at=now,
            updated_at=now,
        )
    )
    catalog.add_secret(ClientSecret(id=new_id(), client_id="app", secret_hash=digest(SECRET), created_at=now))


async def post(app: Application, path: str, **fields: str) -> dict[str, Any]:
    body = urlencode({"client_id": "app", "client_secret": SECRET, **fields}).encode()
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1)}
    await app(scope, receive, send)
    answer: dict[str, Any] = json.loads(sent[1]["body"])
    return answer


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/oauth2/client-credentials", {"grant_type": "client_credentials"}),
        ("/oauth2/client-credentials", {"grant_type": "client_credentials", "scope": "more"}),
        ("/oauth2/authorize", {"grant_type": "authorization_code", "code": "unknown", "redirect_uri": "https://a.example/"}),
        ("/oauth2/refresh-token", {"grant_type": "refresh_token", "refresh_token": "unknown"}),
        ("/oauth2/refresh-token", {"grant_type": "unknown"}),
        ("/oauth2/client-credentials", {"grant_type": "client_credentials", "client_secret": "wrong"}),
    ],
)
async def test_an_exchange_leaves_no_ring_of_objects(path: str, fields: dict[str, str]) -> None:
    storage = FakeStorage(SystemClock())
    await storage.transact(register)
    app = create_app(Settings(secret_key=SECRET_KEY), journal=Silent(), storage=storage)
    async with app.router.lifespan_context(app):
        await post(app, path, **fields)
        gc.collect()
        gc.disable()
        try:
            for _ in range(EXCHANGES):
                await post(app, path, **fields)
            assert gc.collect() < EXCHANGES
        finally:
            gc.enable()


async def test_a_chain_of_rotations_leaves_no_ring_of_objects() -> None:
    storage = FakeStorage(SystemClock())
    await storage.transact(register)
    now = datetime.now(UTC)
    grant = Grant(id=new_id(), dialect="open_platform", grant_type="password", client_id="app", scope="", created_at=now, expires_at=NEVER)
    first = Token(token_hash=digest("first"), kind="refresh", grant_id=grant.id, scope="", issued_at=now, expires_at=NEVER)
    await storage.commit(Writes(now, grants=[grant], tokens=[first]))
    app = create_app(Settings(secret_key=SECRET_KEY), journal=Silent(), storage=storage)
    async with app.router.lifespan_context(app):
        refresh_token = "first"
        gc.collect()
        gc.disable()
        try:
            for _ in range(EXCHANGES):
                answer = await post(app, "/oauth2/refresh-token", grant_type="refresh_token", refresh_token=refresh_token)
                refresh_token = answer["refresh_token"]
            assert gc.collect() < EXCHANGES
        finally:
            gc.enable()
