"""The portable engine: the reference on SQLAlchemy Core with whichever asynchronous driver the URL names.

Its batches queue and wait as the native engines' do, but every entry is a transaction of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, event

from app.core.clock import Clock
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, WriteRefused, Writes
from app.storage import _reference
from app.storage._address import Address
from app.storage._batch import Batcher, Deferred
from app.storage._load import PROBE, possible
from app.storage._sql_rows import SqlRows
from app.storage._sqlalchemy import SqlTransactions, engine_for, reading, take_turn
from app.storage._storage import CHECK_IN, BaseStorage, Limits
from app.storage._tables import Readable, Rows

T = TypeVar("T")
_TRIES: Final = 3
_STATEMENTS_IN: Final = 2.5
"""Seconds for the statements of one transaction."""


class PortableStorage(BaseStorage):
    """One engine for reads, writes and operators' transactions."""

    def __init__(self, address: Address, clock: Clock, limits: Limits) -> None:
        super().__init__(clock, limits)
        self._engine = engine_for(address)
        event.listen(self._engine, "before_cursor_execute", self._note_statement)
        self._reading = SqlTransactions(reading(self._engine), _STATEMENTS_IN)
        self._writing = SqlTransactions(self._engine, _STATEMENTS_IN)
        self._working = SqlTransactions(self._engine)
        self._tasks: set[asyncio.Future[Any]] = set()
        self._reads: Batcher[Needs, Facts] = Batcher(self._read, size=limits.batch, waiting=limits.waiting, patience=limits.patience)

    async def load(self, needs: Needs) -> Facts:
        """See :class:`app.storage.Storage`."""
        self.counters.loads += 1
        return await self._reads.submit(needs)

    async def check(self) -> None:
        """See :class:`app.storage.Storage`."""
        try:
            async with asyncio.timeout(CHECK_IN):
                await self._reads.submit(PROBE)
        except TimeoutError:
            raise StorageUnavailable("the database does not answer") from None

    async def close(self) -> None:
        """See :class:`app.storage.Storage`."""
        self._is_closed = True
        # First, for what is closed below is the pool in which their connections are missing.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reads.close()
        await super().close()
        await self._writing.close()

    async def _read(self, batch: list[Needs]) -> list[Facts]:
        try:
            return await self._select(batch)
        except WriteRefused:
            return await self._select([possible(needs) for needs in batch])

    async def _select(self, batch: list[Needs]) -> list[Facts]:
        return await self._reading.run(lambda connection: [_reference.load(SqlRows(connection), needs) for needs in batch])

    async def _look(self, work: Callable[[Readable], T]) -> T:
        return await self._to_its_end(self._reading.run(lambda connection: work(SqlRows(connection))))

    async def _write(self, batch: list[Writes]) -> Sequence[Receipt | Exception | Deferred]:
        return [await self._alone(entry) for entry in batch]

    async def _alone(self, entry: Writes) -> Receipt | Exception:
        failure: Exception
        # Two processes may count the first failure of one key at once, or use one assertion. Then nothing of the second is written, and
        # it is tried again.
        for _ in range(_TRIES if entry.count or entry.once else 1):
            try:
                return await self._writing.run(lambda connection: _reference.commit(SqlRows(connection), entry))
            except WriteRefused as refusal:
                failure = refusal
            except StorageUnavailable as error:
                return error
        return failure

    async def _run(self, work: Callable[[Rows], T], *, alone: bool = False) -> T:
        def run(connection: Connection) -> T:
            if alone:
                take_turn(connection)
            return work(SqlRows(connection))

        return await self._to_its_end(self._working.run(run))

    async def _to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of work that goes on also where nobody waits for it any more."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        task.exception()

    def _note_statement(self, *_: object) -> None:
        self.counters.statements += 1
