"""Transactions over an asynchronous driver: operators' work on PostgreSQL, and all of the portable engine's."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

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

    def __init__(self, engine: AsyncEngine, within: float = _WORK_IN) -> None:
        self._engine = engine
        self._within = within

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See :class:`app.storage._cold.Cold`."""
        for _ in range(_TRIES):
            try:
                async with asyncio.timeout(self._within), self._engine.begin() as connection:
                    return await connection.run_sync(work)
            except (SQLAlchemyError, OverflowError, UnicodeError, OSError, TimeoutError) as error:
                if getattr(getattr(error, "orig", None), "sqlstate", None) not in _UNDONE:
                    raise judged(error) from None
        raise StorageUnavailable("the database undid the work three times")

    async def close(self) -> None:
        """See :class:`app.storage._cold.Cold`."""
        await self._engine.dispose()


def engine_for(address: Address) -> AsyncEngine:
    """Make an engine for an address, whichever driver it names.

    Raises:
        DatabaseUnusable: the driver is not installed.
    """
    if address.backend == "postgresql" and address.driver in {"", "asyncpg"}:
        from app.storage._postgresql_link import connect

        return create_async_engine("postgresql+asyncpg://", async_creator=partial(connect, address.dsn), **_POOL)
    connect_args = {"timeout": BUSY_IN, "isolation_level": None} if address.backend == "sqlite" else {}
    try:
        engine = create_async_engine(address.url, connect_args=connect_args, **_POOL)
    except (SQLAlchemyError, ImportError):
        raise DatabaseUnusable(f"there is no driver {address.driver} for {address.backend} here: install it, or name none") from None
    if address.backend == "sqlite":
        event.listen(engine.sync_engine, "connect", _set_up)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def reading(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for reads: each transaction sees one state of the database, and takes no lock."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reading=True)
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _set_up(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 (the driver's connection)
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")
