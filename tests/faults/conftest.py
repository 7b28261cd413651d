"""Servers that are killed and databases that break: slow, and therefore apart. What was measured is printed at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import missing
from tests.fixtures.postgresql import INSTALL_HINT, PostgresCluster

Report = Callable[[str], None]
_FIGURES: Final = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.faults)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if figures := config.stash.get(_FIGURES, []):
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.write_line(line)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Note a figure for the end of the run."""
    return request.config.stash[_FIGURES].append


@pytest.fixture(scope="session")
def durable_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL as durable as it is in production."""
    cluster = PostgresCluster(fsync=True)
    try:
        cluster.start()
    except FileNotFoundError:
        missing("postgresql", INSTALL_HINT)
    yield cluster
    cluster.stop()


@pytest.fixture
def durable_postgres_url(durable_cluster: PostgresCluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database on it."""
    durable_cluster.start()
    name = f"fault_{abs(hash(request.node.nodeid)):x}"
    durable_cluster.drop_database(name)
    yield durable_cluster.create_database(name)
    durable_cluster.start()
    durable_cluster.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh database that survives a crash, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tokenry.db'}"
    url: str = request.getfixturevalue("durable_postgres_url")
    return url
