"""What every test may ask for: databases, a browser, an async back end, and a rule under which a skip cannot hide.

A test names what it needs by its fixtures. What is not on this machine skips the test with a hint, and fails it where
it is required: ``REQUIRE=postgresql,browser,node`` names what is, and where ``CI`` is set nothing may be missing.
"""

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

# Helpers assert too, in every folder.
pytest.register_assert_rewrite(*(f"tests.{folder.name}" for folder in Path(__file__).parent.iterdir() if folder.is_dir()))

from app.settings import Settings  # noqa: E402 (after what must be said first)
from app.storage import migrate  # noqa: E402
from tests.fixtures.postgresql import INSTALL_HINT, PostgresCluster, PostgresServer, RemotePostgres  # noqa: E402

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

# What tests write need not outlive them. In memory, where the machine has room there, none of them waits for a disk.
_MEMORY = Path("/dev/shm")  # noqa: S108 (folders in it are made by pytest and tempfile)


def _has_room(folder: Path) -> bool:
    """Whether a folder is there, can be written, has 4 GB, and programs in it can be run."""
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < 4 << 30:
        return False
    return not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)


if "TMPDIR" not in os.environ and _has_room(_MEMORY):
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

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


class Prepared:
    """Makes databases that have the schema already: it is written once, and copied for each."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self._folder = folder
        self._request = request
        self._template: str | None = None
        self._free: list[str] = []

    def sqlite(self, path: Path) -> str:
        """Return the URL of a database in a file that is not there yet."""
        template = self._folder / "tokenry.db"
        if not template.exists():
            _write_schema(f"sqlite:///{template}")
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    @contextmanager
    def postgresql(self, *, may_be_spoilt: bool = False) -> Iterator[str]:
        """Yield the URL of a database. One that was used is emptied for the next test, or dropped where its schema may be another now."""
        cluster: PostgresServer = self._request.getfixturevalue("postgres_cluster")
        if self._template is None:
            self._template = f"tokenry_template_{uuid.uuid4().hex}"
            _write_schema(cluster.create_database(self._template))
        if not self._free:
            self._free.append(f"tokenry_{uuid.uuid4().hex}")
            cluster.create_database(self._free[-1], self._template)
        name = self._free.pop()
        yield cluster.url(name)
        if may_be_spoilt:
            cluster.drop_database(name)
        else:
            cluster.empty_database(name)
            self._free.append(name)


def _write_schema(url: str) -> None:
    """Prepare a database in a thread of its own, so that the caller may be inside an event loop."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(lambda: asyncio.run(migrate(url))).result()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Prepared:
    """The way to databases with the schema in them."""
    return Prepared(tmp_path_factory.mktemp("schema"), request)


@pytest.fixture
def ready_postgres_url(prepared: Prepared) -> Iterator[str]:
    """The URL of a PostgreSQL database with nothing but the schema in it."""
    with prepared.postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ready_database_url(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> str:
    """The URL of a database with nothing but the schema in it, on each engine in turn."""
    if request.param == "sqlite":
        return prepared.sqlite(tmp_path / "tokenry.db")
    url: str = request.getfixturevalue("ready_postgres_url")
    return url


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
