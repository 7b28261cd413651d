"""Group commit and coalesced reads: what is asked while a batch is on its way makes the next batch. There is no timer.

An idle caller waits for one round trip; busy callers share it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from app.ledger import StorageUnavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_LONG: Final = 0.02
"""Seconds that a batch takes where a database is far away, or has much to do."""
_TICK: Final = 0.2
"""Seconds between two looks at who has waited too long."""


class Deferred:
    """An item's answer that puts it into the next batch."""


DEFERRED: Final = Deferred()


class Batcher(Generic[Item, Answer]):
    """Collects items and runs them in batches, one at a time, in the order of their coming.

    ``run`` answers each item of a batch by an answer, an exception or ``DEFERRED``; if it raises, that is the answer to all. ``size``
    is the largest batch, ``waiting`` the number of items beyond which nobody may queue, and ``patience`` the seconds after which a
    waiter is told that the storage is unavailable, whatever becomes of the item. A waiter that is cancelled takes nothing back.

    With ``few``, one half goes first where more than so many wait, but no fewer: what comes of its answers is under way while the others
    are asked. Not where batches take long: there it is their number that costs.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception | Deferred]]],
        *,
        size: int,
        waiting: int,
        patience: float,
        few: int | None = None,
    ) -> None:
        self._run = run
        self._size = size
        self._limit = waiting
        self._patience = patience
        self._few = few
        self._took = 0.0
        self._loop = asyncio.get_running_loop()
        # Who waits: the item, the future of its answer, and since when.
        self._waiting: deque[tuple[Item, asyncio.Future[Answer], float]] = deque()
        self._flying: list[tuple[Item, asyncio.Future[Answer], float]] = []
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    def submit(self, item: Item) -> asyncio.Future[Answer]:
        """Queue an item and return the future of its answer.

        Raises:
            StorageUnavailable: too many wait already, or the storage is closed.
        """
        if self._closed:
            raise StorageUnavailable("the storage is closed")
        if len(self._waiting) >= self._limit:
            raise StorageUnavailable("too many requests wait for the database")
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.append((item, future, self._loop.time()))
        if self._task is None:
            self._task = self._loop.create_task(self._work())
        return future

    async def close(self) -> None:
        """Take nothing more and wait until what was queued is done."""
        self._closed = True
        if self._task is not None:
            await self._task

    async def _work(self) -> None:
        self._watch = self._loop.call_later(_TICK, self._look)
        try:
            while self._waiting:
                self._flying = [self._waiting.popleft() for _ in range(self._next())]
                began = self._loop.time()
                answers = await self._answers([item for item, _, _ in self._flying])
                self._took = self._loop.time() - began
                self._settle(answers)
                self._flying = []
        finally:
            self._task = None
            self._watch.cancel()

    def _next(self) -> int:
        """Return how many items the next batch has."""
        count = len(self._waiting)
        if self._few is not None and count > self._few and self._took < _LONG:
            count = max(self._few, (count + 1) // 2)
        return min(self._size, count)

    async def _answers(self, items: list[Item]) -> Sequence[Answer | Exception | Deferred]:
        try:
            return await self._run(items)
        except StorageUnavailable as error:
            return [StorageUnavailable(*error.args) for _ in items]
        except Exception as error:  # noqa: BLE001 (a fault of ours, handed to every waiter)
            return [error] * len(items)

    def _settle(self, answers: Sequence[Answer | Exception | Deferred]) -> None:
        again = []
        for waiter, answer in zip(self._flying, answers, strict=True):
            future = waiter[1]
            if isinstance(answer, Deferred):
                again.append(waiter)
            elif isinstance(answer, Exception):
                _fail(future, answer)
            elif not future.done():
                future.set_result(answer)
        # A deferred item whose waiter was told that it failed is dropped; one whose waiter merely went away is still done.
        self._waiting.extendleft(waiter for waiter in reversed(again) if waiter[1].cancelled() or not waiter[1].done())

    def _look(self) -> None:
        """Tell those who waited too long. What was not sent is not sent any more; of what was, the outcome is unknown."""
        oldest = self._loop.time() - self._patience
        while self._waiting and self._waiting[0][2] < oldest:
            _fail(self._waiting.popleft()[1], StorageUnavailable("the database is too slow"))
        for _, future, since in self._flying:
            if since < oldest:
                _fail(future, StorageUnavailable("the database is too slow"))
        self._watch = self._loop.call_later(_TICK, self._look)


def _fail(future: asyncio.Future[Answer], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # seen: a waiter who vanished meanwhile leaves no complaint behind
