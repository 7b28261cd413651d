"""Started servers: each a process of its own, asked over real sockets."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.fixtures.postgresql import PostgresServer
from tests.fixtures.server import Server
from tests.journeys.browsing import Browsing
from tests.journeys.elsewhere import elsewhere
from tests.journeys.nodes import node
from tests.journeys.person import Person
from tests.journeys.planting import clients_file
from tests.journeys.site import Site

__all__ = ["node"]

OpenBrowser = Callable[..., Awaitable[Browsing]]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox and its database."""

    server: Server
    database_url: str

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def port(self) -> int:
        return self.server.port


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox over SQLite, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("sandbox")
    url = f"sqlite:///{folder / 'tokenry.db'}"
    with Server(url, command="sandbox", arguments=["--config", str(clients_file(folder))]) as server:
        yield Sandbox(server, url)


@contextmanager
def fresh_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Make a database on the engine that the fixture's parameter names, for as long as the fixture is used."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'tokenry.db'}"
        return
    cluster: PostgresServer = request.getfixturevalue("postgres_cluster")
    name = f"tokenry_{uuid.uuid4().hex}"
    try:
        yield cluster.create_database(name)
    finally:
        cluster.drop_database(name)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sandboxes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Sandbox]]:
    """Two sandbox processes over one database, on each engine in turn, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("sandboxes")
    config = ["--config", str(clients_file(folder))]
    with ExitStack() as stack:
        url = stack.enter_context(fresh_database(request, folder))
        yield [Sandbox(stack.enter_context(Server(url, command="sandbox", arguments=config)), url) for _ in range(2)]


# -- people with browsers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sandbox on each engine in turn, shared by all tests: each brings people of its own."""
    folder = tmp_path_factory.mktemp("site")
    config = ["--config", str(clients_file(folder))]
    with fresh_database(request, folder) as url, Server(url, command="sandbox", arguments=config) as server:
        yield Site(server, url)


ONE_ENGINE = pytest.mark.parametrize("site", ["sqlite"], indirect=True)
"""For what pages show and browsers do, whatever lies under it."""


@pytest.fixture
async def person(site: Site) -> Person:
    """Somebody with an account, whom no other test knows."""
    return await site.add_person()


@pytest.fixture
async def open_browser(site: Site, chromium: Browser) -> AsyncIterator[OpenBrowser]:
    """Opens browsers, with the options of a context; what they complain of fails the test."""
    opened: list[Browsing] = []
    async with AsyncExitStack() as stack:

        async def open_one(**options: Any) -> Browsing:
            there = await stack.enter_async_context(elsewhere())
            context = await chromium.new_context(
                **{
                    "locale": "en-GB",
                    "ignore_https_errors": True,
                    "proxy": {"server": there.proxy, "bypass": "<-loopback>,localhost"},
                    **options,
                }
            )
            stack.push_async_callback(context.close)
            opened.append(Browsing(site, context, await context.new_page(), there))
            return opened[-1]

        yield open_one
    assert [complaint for browsing in opened for complaint in browsing.complaints] == []


@pytest.fixture
async def browsing(open_browser: OpenBrowser) -> Browsing:
    """A browser that nobody used before."""
    return await open_browser()
