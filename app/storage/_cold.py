"""Transactions of operators: a synchronous function over a connection, in one transaction. Imported when the first one comes."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.ledger import StorageUnavailable, WriteRefused
from app.storage._schema import LOCK
from app.storage._sql_rows import SqlRows
from app.storage._sqlite_file import FAILURES

T = TypeVar("T")
_REFUSED = ("22", "23")

_TURN = LOCK + 1
"""The advisory lock that operators' transactions hold one after the other."""

__all__ = ["Cold", "SqlRows", "ThreadedCold", "begin_immediate", "judged", "take_turn"]


class Cold(Protocol):
    """Runs a function over a connection in one transaction.

    ``transaction_in`` is how many seconds a transaction in the background should take, for the sake of those who wait for it.
    """

    transaction_in: float

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returns, after its transaction is committed."""
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...


class ThreadedCold:
    """On SQLite: in the thread of this process's only writer, so that the two never wait for each other's lock."""

    transaction_in = 0.01

    def __init__(self, connect: Callable[[], sqlite3.Connection], executor: Executor) -> None:
        self._engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
        self._executor = executor
        begin_immediate(self._engine)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """See :class:`Cold`."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(self._run, work))

    def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except (SQLAlchemyError, *FAILURES) as error:
            raise judged(error) from None

    async def close(self) -> None:
        """See :class:`Cold`."""
        self._engine.dispose()


def take_turn(connection: Connection) -> None:
    """Wait until no other operator's transaction is under way, so that what this one reads stays true until it has written.

    SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")


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
