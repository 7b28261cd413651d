"""The engine for PostgreSQL on asyncpg: one connection for reads, one for writes, one statement for each batch."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from app.core.clock import Clock
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, WriteRefused, Writes
from app.models import Attempt
from app.storage._address import Address
from app.storage._batch import DEFERRED, Batcher, Deferred
from app.storage._clients import ClientCache, Resolver, clients_of
from app.storage._interface import LOST, REPEATED, WON
from app.storage._load import PROBE, possible
from app.storage._postgresql_link import Link, Undone
from app.storage._postgresql_load import CLIENTS, select_for, shape_of
from app.storage._postgresql_write import Verdict, admit, statement_of, unsound_of
from app.storage._storage import CHECK_IN, BaseStorage, Limits
from app.storage._tables import Readable, Rows

if TYPE_CHECKING:
    from app.storage._postgresql_transactions import Transactions

T = TypeVar("T")
_TRIES = 3
_FEW = 16
"""Reads that are not asked in two halves."""


class PostgresqlStorage(BaseStorage):
    """Two connections of our own; looks and operators' transactions have theirs."""

    _recalls = True

    def __init__(self, address: Address, clock: Clock, limits: Limits) -> None:
        super().__init__(clock, limits)
        self._address = address
        self._reading = Link(address.dsn)
        self._writing = Link(address.dsn)
        self._cache = ClientCache()
        self._patience = limits.patience
        self._looking: Transactions | None = None
        self._working: Transactions | None = None
        self._reads: Batcher[Needs, Facts] = Batcher(
            self._read, size=limits.batch, waiting=limits.waiting, patience=limits.patience, few=_FEW
        )

    def recall(self, needs: Needs) -> Facts | None:
        """See :class:`app.storage.Storage`."""
        if needs.client_id is None or not needs.is_of_client_alone:
            return None
        client = self._cache.last(needs.client_id)
        return None if client is None else Facts(client=client, remembered=True)

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
        await self._reads.close()
        await super().close()
        for transactions in (self._looking, self._working):
            if transactions is not None:
                await transactions.close()
        await self._reading.close()
        await self._writing.close()

    async def _look(self, work: Callable[[Readable], T]) -> T:
        if self._looking is None:
            from app.storage._postgresql_transactions import Transactions, looking

            self._looking = Transactions(self._address.dsn, looking(self._patience))
        return await self._looking.run(work)

    async def _run(self, work: Callable[[Rows], T], *, alone: bool = False) -> T:
        if self._working is None:
            from app.storage._postgresql_transactions import WORKING, Transactions

            self._working = Transactions(self._address.dsn, WORKING)
        return await self._working.run(work, alone=alone)

    async def _read(self, batch: list[Needs]) -> list[Facts]:
        try:
            return await self._select(batch)
        except WriteRefused:
            return await self._select([possible(needs) for needs in batch])

    async def _select(self, batch: list[Needs]) -> list[Facts]:
        select = select_for(shape_of(batch))
        resolver = Resolver(self._cache)
        self.counters.statements += 1
        answers: list[Facts] = [Facts()] * len(batch)
        for row in await self._reading.fetch(select.sql, select.arguments(batch)):
            number = row[0]
            answers[number] = select.facts(row, batch[number], resolver)
        if missing := resolver.missing:
            self.counters.statements += 1
            resolver.supply(clients_of(await self._reading.fetch(CLIENTS, [missing]), times=False))
        return answers

    async def _write(self, batch: list[Writes]) -> Sequence[Receipt | Exception | Deferred]:
        verdicts = admit(batch)
        admitted = [entry for entry, verdict in zip(batch, verdicts, strict=True) if verdict is Verdict.ADMITTED]
        try:
            receipts = iter(await self._send(admitted))
        except WriteRefused as refusal:
            if len(batch) == 1:
                return [refusal]
            return [await self._alone(entry) for entry in batch]
        others: dict[Verdict, Receipt | Deferred] = {Verdict.LOST: LOST, Verdict.WAITS: DEFERRED}
        return [next(receipts) if verdict is Verdict.ADMITTED else others[verdict] for verdict in verdicts]

    async def _alone(self, entry: Writes) -> Receipt | Exception:
        try:
            return (await self._send([entry]))[0]
        except (WriteRefused, StorageUnavailable) as error:
            return error

    async def _send(self, batch: Sequence[Writes]) -> list[Receipt]:
        rows = await self._fetch(batch)
        if unsound := unsound_of(batch, rows):
            # Nothing of the batch was written: who relied on what is no more so has lost, and the others are sent again.
            others = [entry for number, entry in enumerate(batch) if number not in unsound]
            receipts = iter(await self._send(others)) if others else iter(())
            return [LOST if number in unsound else next(receipts) for number in range(len(batch))]
        return _receipts(batch, rows)

    async def _fetch(self, batch: Sequence[Writes]) -> Sequence[Sequence[Any]]:
        sql, arguments = statement_of(batch)
        for _ in range(_TRIES):
            self.counters.statements += 1
            try:
                return await self._writing.fetch(sql, arguments)
            except Undone:
                continue
        raise StorageUnavailable("the database undid the writes three times")


def _receipts(batch: Sequence[Writes], rows: Sequence[Sequence[Any]]) -> list[Receipt]:
    """Say who won, and where each entry's failures stand: a counter's last value belongs to the last one who counted."""
    won: set[int] = set()
    repeated: set[int] = set()
    counters: dict[bytes, tuple[int, Any]] = {}
    for number, key, count, started_at in rows:
        if key is not None:
            counters[key] = (count, started_at)
        elif count is None:
            won.add(number)
        else:
            repeated.add(number)
    receipts = [WON if (entry.spend is None and entry.once is None) or number in won else LOST for number, entry in enumerate(batch)]
    for number in repeated:
        receipts[number] = REPEATED
    if counters:
        for number in reversed(range(len(batch))):
            if receipts[number].won and batch[number].count:
                receipts[number] = Receipt(attempts=_positions(batch[number].count, counters))
    return receipts


def _positions(keys: Sequence[bytes], counters: dict[bytes, tuple[int, Any]]) -> dict[bytes, Attempt]:
    """Read the counters as they stand after this entry, and take its failures off."""
    attempts: dict[bytes, Attempt] = {}
    for key in reversed(keys):
        count, started_at = counters[key]
        attempts.setdefault(key, Attempt(key=key, count=count, window_started_at=started_at))
        counters[key] = (count - 1, started_at)
    return attempts
