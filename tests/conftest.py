"""What every test may ask for: databases, a browser, an async back end, and a rule under which a skip cannot hide.

A test names what it needs by its fixtures. What is not on this machine skips the test with a hint, and fails it where
it is required: ``REQUIRE=postgresql,browser,node`` names what is, and where ``CI`` is set nothing may be missing.
"""

import os
import signal
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

from app.settings import Settings
from tests.fixtures.postgresql import INSTALL_HINT, PostgresCluster, PostgresServer, RemotePostgres

if TYPE_CHECKING:
    from playwright.async_api import Browser

# A shell that starts the tests in the background has SIGINT ignored, and every server we start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

CI = bool(os.environ.get("CI"))
REQUIRED = set(filter(None, os.environ.get("REQUIRE", "postgresql,browser,node" if CI else "").split(",")))

# A developer's own settings, and libpq's, must not reach the tests.
for variable in [name for name in os.environ if name.startswith(("TOKENRY_", "PG")) and name != "PG_BIN"]:
    del os.environ[variable]
Settings.model_config["env_file"] = None

# Time is no property: a busy machine must not fail an example. In CI the examples are the same at every run.
hypothesis.settings.register_profile("tokenry", hypothesis.settings.get_profile("ci" if CI else "default"), deadline=None)
hypothesis.settings.load_profile("tokenry")


def missing(what: str, hint: str) -> NoReturn:
    """Skip the test, or fail it where ``what`` is required."""
    (pytest.fail if what in REQUIRED else pytest.skip)(f"{what} is not here: {hint}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and CI and not item.get_closest_marker("may_skip"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same rule for a module that skips itself as a whole, which no marker of a test can allow."""
    report = yield
    if report.skipped and CI:
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresServer]:
    """One server per worker; with ``TEST_POSTGRES_URL`` the one that it names."""
    if address := os.environ.get("TEST_POSTGRES_URL"):
        yield RemotePostgres(address)
        return
    cluster = PostgresCluster()
    try:
        cluster.start()
    except FileNotFoundError:
        missing("postgresql", INSTALL_HINT)
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres_url(postgres_cluster: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    name = f"tokenry_{uuid.uuid4().hex}"
    yield postgres_cluster.create_database(name)
    postgres_cluster.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tokenry.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(scope="session")
async def chromium() -> "AsyncIterator[Browser]":
    """One browser per worker; a test opens contexts in it."""
    from tests.fixtures.chromium import INSTALL_HINT as HINT
    from tests.fixtures.chromium import launched

    async with AsyncExitStack() as stack:
        try:
            browser = await stack.enter_async_context(launched())
        except FileNotFoundError:
            missing("browser", HINT)
        yield browser
