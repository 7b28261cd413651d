"""Transactions over an asynchronous driver: operators' work on PostgreSQL, and all of the portable engine's."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from app.ledger import StorageUnavailable
from app.storage._address import Address
from app.storage._cold import judged
from app.storage._errors import DatabaseUnusable
from app.storage._sqlite_file import BUSY_IN, PRAGMAS

T = TypeVar("T")
_TRIES: Final = 3
_UNDONE: Final = ("40001", "40P01")
_WORK_IN: Final = 30.0
"""Seconds for an operator's work."""
_POOL: Final[dict[str, Any]] = {
    "pool_size": 4,
    "max_overflow": 0,
    "pool_timeout": 2.0,
    "pool_pre_ping": True,
    "hide_parameters": True,
}


class AsyncCold:
    """Runs work over a small pool of connections, each within so many seconds."""

    transaction_in = 0.05

    def __init__(self, engine: Engine, within: float = _WORK_IN) -> None:
        self._engine = engine
        self._within = within

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See :class:`app.storage._cold.Cold`."""
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(self._within):
                    return await greenlet_spawn(self._run, work)
            except (SQLAlchemyError, OverflowError, UnicodeError, OSError, TimeoutError) as error:
                if getattr(getattr(error, "orig", None), "sqlstate", None) not in _UNDONE:
                    raise judged(error) from None
        raise StorageUnavailable("the database undid the work three times")

    def _run(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    async def close(self) -> None:
        """See :class:`app.storage._cold.Cold`."""
        await greenlet_spawn(self._engine.dispose)


def engine_for(address: Address) -> Engine:
    """Make an engine for an address, whichever asynchronous driver it names; it works inside SQLAlchemy's greenlets.

    It is what an ``AsyncEngine`` would hold: that class comes with the whole ORM, which is a tenth of a worker's memory.

    Raises:
        DatabaseUnusable: the driver is not installed.
    """
    if address.backend == "postgresql" and address.driver in {"", "asyncpg"}:
        from app.storage._postgresql_link import connect

        def creator() -> Any:  # noqa: ANN401 (the driver's connection, as SQLAlchemy adapts it)
            return engine.dialect.dbapi.connect(async_creator_fn=partial(connect, address.dsn))  # type: ignore[union-attr]  # it has a driver

        engine: Engine = create_engine("postgresql+asyncpg://", _is_async=True, creator=creator, **_POOL)
        return engine
    connect_args = {"timeout": BUSY_IN, "isolation_level": None} if address.backend == "sqlite" else {}
    try:
        engine = create_engine(address.url, _is_async=True, connect_args=connect_args, **_POOL)
    except (SQLAlchemyError, ImportError):
        raise DatabaseUnusable(f"there is no driver {address.driver} for {address.backend} here: install it, or name none") from None
    if address.backend == "sqlite":
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    return engine


def reading(engine: Engine) -> Engine:
    """Return the engine for reads: each transaction sees one state of the database, and takes no lock."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reading=True)
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _set_up(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 (the driver's connection)
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")
