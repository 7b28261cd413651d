"""Transactions on SQLAlchemy over an asynchronous driver: the portable engine's. Migrations use its engines and locks."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import greenlet_spawn

from app.ledger import StorageUnavailable, WriteRefused
from app.storage._address import Address
from app.storage._errors import DatabaseUnusable
from app.storage._schema import TURN
from app.storage._sqlite_file import BUSY_IN, PRAGMAS

T = TypeVar("T")
_TRIES: Final = 3
_UNDONE: Final = ("40001", "40P01")
_REFUSED: Final = ("22", "23")
_WORK_IN: Final = 30.0
"""Seconds for an operator's work."""
_POOL: Final[dict[str, Any]] = {
    "pool_size": 4,
    "max_overflow": 0,
    "pool_timeout": 2.0,
    "pool_pre_ping": True,
    "hide_parameters": True,
}


class SqlTransactions:
    """Runs work over a small pool of connections, each within so many seconds."""

    def __init__(self, engine: Engine, within: float = _WORK_IN) -> None:
        self._engine = engine
        self._within = within

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returns, after its transaction is committed.

        Raises:
            WriteRefused: the database cannot hold a value.
            StorageUnavailable: no connection or no answer in time; what became of the work is unknown.
        """
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
        """Let go of all connections."""
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


def take_turn(connection: Connection) -> None:
    """Wait until no other operator's transaction is under way, so that what this one reads stays true until it has written.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")


def begin_immediate(engine: Engine) -> None:
    """Let every transaction take the write lock at its start, so that none fails half-way because another one wrote."""
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))


def judged(error: Exception) -> Exception:
    """Translate a driver's or SQLAlchemy's error into the ledger's words, without the statement and its values."""
    cause = getattr(error, "orig", None) or error
    state = str(getattr(cause, "sqlstate", None) or "")
    if isinstance(error, IntegrityError) or state.startswith(_REFUSED) or isinstance(cause, OverflowError | UnicodeError):
        return WriteRefused(f"{type(cause).__name__} {state}".rstrip())
    if isinstance(error, PoolTimeoutError):
        return StorageUnavailable("too many requests wait for the database")
    if isinstance(error, SQLAlchemyError) and not isinstance(error, DBAPIError):
        return error
    return StorageUnavailable(f"the database failed ({type(cause).__name__}{f' {state}' if state else ''})")


def _set_up(connection: Any, _entry: ConnectionPoolEntry) -> None:  # noqa: ANN401 (the driver's connection)
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get("reading") else "BEGIN IMMEDIATE")
