"""The engine for SQLite on the standard library's driver: reads on the event loop, writes in one thread."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from app.core.clock import Clock
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, Writes
from app.storage._batch import Deferred
from app.storage._load import PROBE, possible
from app.storage._sqlite_file import connect
from app.storage._sqlite_load import Reader
from app.storage._sqlite_look import Looker, rows_of
from app.storage._sqlite_write import Writer
from app.storage._storage import BaseStorage, Limits
from app.storage._tables import Readable, Rows

T = TypeVar("T")

# The writer gives the interpreter away with every statement and gets it back from a busy event loop only after this time: with the
# usual 5 ms a batch of a few dozen rows would wait for most of its life.
_SWITCH_IN: Final = 0.0005


class SqliteStorage(BaseStorage):
    """One file: a connection that reads, one that writes, and one for looks."""

    _transaction_in = 0.01

    def __init__(self, path: Path, clock: Clock, limits: Limits) -> None:
        super().__init__(clock, limits)
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_IN))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenry-writer")
        self._reading = connect(path)
        self._reading.execute("PRAGMA query_only = ON")
        self._reader = Reader(self._reading, self.counters)
        self._writing = connect(path)
        self._writer = Writer(self._writing, self.counters)
        self._looker = Looker(path, limits.patience)

    async def load(self, needs: Needs) -> Facts:
        """See :class:`app.storage.Storage`."""
        self.counters.loads += 1
        return self._load(needs)

    async def check(self) -> None:
        """See :class:`app.storage.Storage`."""
        self._load(PROBE)

    async def close(self) -> None:
        """See :class:`app.storage.Storage`."""
        await super().close()
        await self._looker.close()
        await asyncio.to_thread(self._thread.shutdown)
        self._writing.close()
        self._reading.close()

    def _load(self, needs: Needs) -> Facts:
        try:
            return self._reader.load(needs)
        except UnicodeError:
            return self._reader.load(possible(needs))
        except sqlite3.Error as error:
            raise StorageUnavailable(f"the database failed ({getattr(error, 'sqlite_errorname', type(error).__name__)})") from None

    async def _look(self, work: Callable[[Readable], T]) -> T:
        return await self._looker.run(work)

    async def _write(self, batch: list[Writes]) -> Sequence[Receipt | Exception | Deferred]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.write, batch)

    async def _run(self, work: Callable[[Rows], T], *, alone: bool = False) -> T:
        rows = rows_of(self._writing)
        # In the writer's own thread and connection, so that the two never wait for each other's lock.
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.transact, partial(work, rows))
