"""A started server as people and their apps meet it."""

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from app.admin import create_user
from tests.fixtures.server import NO_TLS, Server
from tests.journeys.person import Person
from tests.journeys.planting import WEB_SECRET, operator_of

SECRETS: Final = {
    "testclient": "testsecret",
    "platform-demo": "platform-demo-secret",
    "alexa-demo": "alexa-demo-secret",
    "demo-service": "demo-service-secret",
    "demo-app": "demo-app-secret",
    "confidential-web": WEB_SECRET,
    "openid-web": WEB_SECRET,
    "openid-es256": WEB_SECRET,
    "openid-eddsa": WEB_SECRET,
    "openid-hmac": WEB_SECRET,
    "openid-front": WEB_SECRET,
    "orders-api": WEB_SECRET,
    "back-office": WEB_SECRET,
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Site:
    """A running server and its database."""

    server: Server
    database_url: str

    @property
    def origin(self) -> str:
        """The issuer: where a browser finds it."""
        return f"http://localhost:{self.server.port}"

    def at(self, path: str, **parameters: str) -> str:
        """Return the address of a page, with a query."""
        return f"{self.origin}{path}" + (f"?{urlencode(parameters, quote_via=quote)}" if parameters else "")

    async def add_person(self, *, shops: Sequence[str] = ()) -> Person:
        """Open an account, for a person who manages some of Youzan's shops."""
        person = Person(f"person-{next(_numbers)}")
        async with operator_of(self.database_url) as operator:
            managed = [{"dialect": "youzan", "code": code} for code in shops]
            await create_user(operator, {"username": person.username, "password": person.password, "shops": managed})
        return person

    async def post(
        self, path: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None, multipart: bool = False
    ) -> httpx.Response:
        """Post a form to a machine door, as a client does."""
        async with httpx.AsyncClient(base_url=self.server.url, timeout=30, verify=NO_TLS) as client:
            headers = {"Authorization": _basic(*basic)} if basic is not None else {}
            if multipart:
                return await client.post(path, files={name: (None, value) for name, value in fields.items()}, headers=headers)
            return await client.post(path, data=dict(fields), headers=headers)

    async def get(self, path: str) -> httpx.Response:
        """Ask for what is public."""
        async with httpx.AsyncClient(base_url=self.server.url, timeout=30, verify=NO_TLS) as client:
            return await client.get(path)

    async def introspect(self, token: str, client_id: str) -> dict[str, Any]:
        """Return what the server tells a client about a token."""
        answer = await self.post("/introspect", {"token": token}, basic=(client_id, SECRETS[client_id]))
        assert answer.status_code == 200, answer.text
        members: dict[str, Any] = answer.json()
        return members


def _basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
