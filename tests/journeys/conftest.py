"""Started servers: each a process of its own, asked over real sockets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.server import Server
from tests.journeys.planting import clients_file


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


@pytest.fixture
def start_sandboxes(database_url: str, tmp_path: Path) -> Iterator[Callable[[int], list[Sandbox]]]:
    """Start a number of sandbox processes over one database, on each engine in turn."""
    with ExitStack() as stack:

        def start(count: int) -> list[Sandbox]:
            config = ["--config", str(clients_file(tmp_path))]
            servers = [stack.enter_context(Server(database_url, command="sandbox", arguments=config)) for _ in range(count)]
            return [Sandbox(server, database_url) for server in servers]

        yield start
