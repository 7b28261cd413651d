"""A real server over a database, with everybody of the world in it, for tests that need sockets, processes or their logs."""

import asyncio
import base64
import itertools
import tomllib
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from app.admin import Operator, Rules, apply, parse_document
from app.core.clock import SystemClock
from app.core.secrets import digest, new_id
from app.models import AuthorizationCode, Grant
from app.storage import Catalog, open_storage
from tests.fixtures.dialects import built_in
from tests.fixtures.postgresql import PostgresServer
from tests.fixtures.server import Server
from tests.fixtures.vectors import EC
from tests.fixtures.world import CALLBACK, DECLARED

PASSWORDS: Final[Mapping[str, str]] = {
    user["username"]: user["password"] for user in tomllib.loads(DECLARED)["users"] if user["password"] != "demo-password"
}
OPENID: Final = """
[[clients]]
client_id = "demo-openid"
client_secret = "replaced"
profile = "oidc"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid profile email offline_access"
[[clients]]
client_id = "demo-signer"
token_endpoint_auth_method = "private_key_jwt"
grant_types = ["client_credentials"]
[[clients.jwks.keys]]
kty = "EC"
crv = "P-256"
x = "{x}"
y = "{y}"
""".format_map(EC)
_addresses: Final = itertools.count(2)


def long_secret(client_id: str) -> str:
    """Return the secret that a client of a live server has: long enough for a service."""
    return f"{client_id}-{'0123456789abcdef' * 3}"


def declared() -> dict[str, list[dict[str, object]]]:
    """Return the world's declarations, with secrets that a service accepts."""
    content: dict[str, list[dict[str, object]]] = tomllib.loads(DECLARED + OPENID)
    for client in content["clients"]:
        if "client_secret" in client:
            client["client_secret"] = long_secret(str(client["client_id"]))
    content["users"] = [user for user in content["users"] if user["username"] in PASSWORDS]
    return content


class Live:
    """A server and the operator of its database.

    ``address()`` gives a loopback address that nobody has used yet, so that no counter of one test reaches another.
    """

    def __init__(self, url: str, servers: Sequence[Server]) -> None:
        self.database_url = url
        self.servers = servers

    @property
    def server(self) -> Server:
        return self.servers[0]

    @property
    def port(self) -> int:
        return self.server.port

    @staticmethod
    def address() -> str:
        number = next(_addresses)
        return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    @staticmethod
    def basic(client_id: str, secret: str | None = None) -> str:
        pair = f"{client_id}:{long_secret(client_id) if secret is None else secret}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    @staticmethod
    def credentials(client_id: str) -> dict[str, str]:
        return {"client_id": client_id, "client_secret": long_secret(client_id)}

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        async with _operator(self.database_url) as operator:
            yield operator

    async def code(self, client_id: str, *, challenge: str | None = None, username: str = "alice", nonce: str | None = None) -> str:
        """Return a fresh authorization code, as if the person had allowed the request: a service issues none by hand.

        With a ``nonce`` the request was one of OpenID Connect.
        """
        async with self.operator() as operator:
            now = operator.clock.now()

            def work(catalog: Catalog) -> str:
                client, user = catalog.client(client_id), catalog.user_by_login(username)
                assert client is not None
                assert user is not None
                policy = operator.dialects[client.dialect].variant(client.options).grants["authorization_code"].alone
                value = policy.authorization_code.generate()
                grant = Grant(
                    id=new_id(),
                    dialect=client.dialect,
                    grant_type="authorization_code",
                    client_id=client_id,
                    user_id=user.id,
                    scope=client.scope,
                    created_at=now,
                    expires_at=now + timedelta(days=365),
                    auth_time=now if nonce is not None else None,
                )
                catalog.add_grant(grant)
                catalog.add_authorization_code(
                    AuthorizationCode(
                        code_hash=digest(value),
                        grant_id=grant.id,
                        redirect_uri=CALLBACK,
                        redirect_uri_sent=True,
                        code_challenge=challenge,
                        code_challenge_method="S256" if challenge else None,
                        created_at=now,
                        expires_at=now + timedelta(seconds=600),
                        nonce=nonce,
                    )
                )
                return value

            return await operator.storage.transact(work)


@asynccontextmanager
async def _operator(url: str) -> AsyncIterator[Operator]:
    clock, dialects = SystemClock(), built_in()
    storage = await open_storage(url, clock=clock)
    try:
        yield Operator(storage=storage, dialects=dialects, clock=clock, actor="test", rules=Rules())
    finally:
        await storage.close()


async def settle(url: str) -> None:
    """Put everybody into a database."""
    async with _operator(url) as operator:
        await apply(operator, parse_document(declared(), "declared", operator.dialects))


@contextmanager
def database(engine: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database on an engine."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'tokenry.db'}"
        return
    cluster: PostgresServer = request.getfixturevalue("postgres_cluster")
    name = f"tokenry_{uuid.uuid4().hex}"
    yield cluster.create_database(name)
    cluster.drop_database(name)


@contextmanager
def open_live(url: str, *, servers: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[Live]:
    """Start servers over a database with everybody in it."""
    with ThreadPoolExecutor(1) as pool:  # so that the caller may be inside an event loop
        pool.submit(lambda: asyncio.run(settle(url))).result()
    with ExitStack() as stack:
        yield Live(url, [stack.enter_context(Server(url, environment=environment)) for _ in range(servers)])


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server on each database."""
    with database(request.param, request, tmp_path_factory.mktemp("live")) as url, open_live(url) as running:
        yield running


@pytest.fixture(scope="session")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server for what has nothing to do with its database."""
    with open_live(f"sqlite:///{tmp_path_factory.mktemp('lone') / 'tokenry.db'}") as running:
        yield running


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def live_pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Two servers over one database, on each engine."""
    with database(request.param, request, tmp_path_factory.mktemp("live")) as url, open_live(url, servers=2) as running:
        yield running
