"""Storages for tests: on every engine in turn, several on one database where a test needs them."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.storage import Limits, Storage, open_storage
from tests.conftest import Prepared
from tests.storage.fake import FakeStorage, Tables
from tests.storage.records import NOW

NATIVE = ["sqlite", "postgresql"]
PORTABLE = ["sqlite+aiosqlite", "postgresql+asyncpg"]
ENGINES = [*NATIVE, *PORTABLE]
ALL = [*ENGINES, "memory"]


class MovableClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def forward(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class Database:
    """One database, and the storages that were opened on it."""

    def __init__(self, url: str, clock: MovableClock) -> None:
        self.url = url
        self.clock = clock
        self.tables: Tables = {}
        self._opened: list[Storage] = []

    @property
    def engine(self) -> str:
        return self.url.partition(":")[0]

    async def open(self, *, waiting: int = 2000, patience: float = 60) -> Storage:
        storage: Storage
        if self.engine == "memory":
            storage = FakeStorage(self.clock, self.tables)
        else:
            storage = await open_storage(self.url, clock=self.clock, limits=Limits(waiting=waiting, patience=patience))
        self._opened.append(storage)
        return storage

    async def close(self) -> None:
        for storage in self._opened:
            await storage.close()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def url_of(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> Callable[[str], str]:
    """Make a database with nothing but the schema for an engine and return its URL."""

    def make(engine: str) -> str:
        if engine == "memory":
            return "memory:"
        if engine.startswith("sqlite"):
            return prepared.sqlite(tmp_path / "tokenry.db").replace("sqlite", engine, 1)
        url: str = request.getfixturevalue("ready_postgres_url")
        return url.replace("postgresql", engine, 1)

    return make


@pytest.fixture(params=ALL)
async def database(request: pytest.FixtureRequest, url_of: Callable[[str], str], clock: MovableClock) -> AsyncIterator[Database]:
    """A database on each engine and the fake; ``@pytest.mark.parametrize("database", …, indirect=True)`` takes some of them."""
    database = Database(url_of(request.param), clock)
    yield database
    await database.close()


@pytest.fixture
async def storage(database: Database) -> Storage:
    return await database.open()
