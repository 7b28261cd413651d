"""What the engines share: the queue of commits, the way to operators' transactions, and the purge."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from app.core.clock import Clock
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, Writes
from app.models import Token
from app.storage._batch import Batcher, Deferred
from app.storage._interface import Counters
from app.storage._tables import Readable, Reading, Rows
from app.storage.catalog import Catalog

T = TypeVar("T")
CHECK_IN: Final = 1.0
"""Seconds for a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may wait, in requests, and how long, in seconds."""

    batch: int = 256
    waiting: int = 2000
    patience: float = 2.5


class BaseStorage(ABC):
    """A storage whose commits share transactions."""

    _recalls = False
    _transaction_in = 0.05
    """Seconds that a transaction in the background should take, for the sake of those who wait for it."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self.counters = Counters()
        self.noticed = asyncio.Event()
        self._clock = clock
        self._is_closed = False
        self._writes: Batcher[Writes, Receipt] = Batcher(self._write, size=limits.batch, waiting=limits.waiting, patience=limits.patience)

    def recall(self, _needs: Needs) -> Facts | None:
        """Return nothing: this storage reads."""
        return None

    @abstractmethod
    async def load(self, needs: Needs) -> Facts:
        """See :class:`app.storage.Storage`."""

    async def commit(self, writes: Writes) -> Receipt:
        """See :class:`app.storage.Storage`."""
        refuse_contradictions(writes, recalls=self._recalls)
        self.counters.commits += 1
        return await self._writes.submit(writes)

    async def transact(self, work: Callable[[Catalog], T]) -> T:
        """See :class:`app.storage.Storage`."""
        self._refuse_when_closed()

        def noticing(rows: Rows) -> tuple[T, bool]:
            catalog = Catalog(rows, self._clock)
            return work(catalog), catalog.has_notices

        result, has_notices = await self._run(noticing, alone=True)
        if has_notices:
            self.noticed.set()
        return result

    async def look(self, work: Callable[[Catalog], T]) -> T:
        """See :class:`app.storage.Storage`."""
        self._refuse_when_closed()
        return await self._look(lambda rows: work(Catalog(Reading(rows), self._clock)))

    @abstractmethod
    async def check(self) -> None:
        """See :class:`app.storage.Storage`."""

    async def purge(self, now: datetime) -> int:
        """See :class:`app.storage.Storage`."""
        from app.storage._purge import Step, purge

        async def run(step: Callable[[Rows], Step]) -> Step:
            self._refuse_when_closed()
            return await self._run(step)

        return await purge(run, self._transaction_in, now)

    async def close(self) -> None:
        """See :class:`app.storage.Storage`."""
        self._is_closed = True
        await self._writes.close()

    def _refuse_when_closed(self) -> None:
        if self._is_closed:
            raise StorageUnavailable("the storage is closed")

    @abstractmethod
    async def _run(self, work: Callable[[Rows], T], *, alone: bool = False) -> T:
        """Return what ``work`` returns, after its transaction is committed; ``alone`` keeps operators' other work waiting meanwhile."""

    @abstractmethod
    async def _look(self, work: Callable[[Readable], T]) -> T: ...

    @abstractmethod
    async def _write(self, batch: list[Writes]) -> Sequence[Receipt | Exception | Deferred]: ...


def refuse_contradictions(writes: Writes, *, recalls: bool = False) -> None:
    """Refuse an entry that touches one row in two ways, or that relies on what was not recalled.

    Raises:
        ValueError: it does; a fault of the program.
    """
    if writes.relies_on is not None and (writes.spend is not None or not recalls):
        raise ValueError("an entry must not rely on what this storage does not recall, nor spend what it has not loaded")
    if writes.spend is not None and isinstance(record := writes.spend.record, Token):
        changed = [*writes.revoke_tokens, *writes.touch, *(token for token, _ in writes.extend)]
        if any(token.token_hash == record.token_hash for token in changed):
            raise ValueError("an entry must not change the token that it spends")
    if writes.count and writes.forget and not set(writes.count).isdisjoint(writes.forget):
        raise ValueError("an entry must not count and forget one counter")
