"""Looks on SQLite: in a thread of their own, so that a long one holds up neither the event loop nor the writer."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.ledger import StorageUnavailable
from app.storage._driver_rows import DriverRows, Style
from app.storage._sqlite_file import FAILURES, connect, judged
from app.storage._tables import Readable

T = TypeVar("T")
_STYLE: Final = Style(arrays=False, times=True)
_STEPS: Final = 100_000
"""Steps of SQLite's machine, about a millisecond, between two looks at the time."""


class Looker:
    """One connection and its thread; both begin with the first look. ``patience`` is how many seconds a look may take, with its wait."""

    def __init__(self, path: Path, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenry-reader")
        self._connection: sqlite3.Connection | None = None
        self._end = 0.0

    async def run(self, work: Callable[[Readable], T]) -> T:
        """Return what ``work`` returns, over one state of the database.

        Raises:
            StorageUnavailable: the database fails, or is too slow.
        """
        looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look, work)
        try:
            async with asyncio.timeout(self._patience):
                return await looking
        except TimeoutError:
            raise StorageUnavailable("the database is too slow") from None

    async def close(self) -> None:
        """End the thread and its connection, after the look that is under way."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._connection is not None:
            self._connection.close()

    def _look(self, work: Callable[[Readable], T]) -> T:
        self._end = time.monotonic() + self._patience
        try:
            connection = self._opened()
            connection.execute("BEGIN")
            try:
                return work(rows_of(connection))
            finally:
                connection.execute("ROLLBACK")
        except FAILURES as error:
            raise judged(error) from None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.set_progress_handler(lambda: time.monotonic() > self._end, _STEPS)
        return self._connection


def rows_of(connection: sqlite3.Connection) -> DriverRows:
    """Return the records in the tables of a connection."""
    return DriverRows(
        _STYLE,
        lambda sql, arguments: connection.execute(sql, arguments).fetchall(),
        lambda sql, arguments: connection.execute(sql, arguments).rowcount,
    )
