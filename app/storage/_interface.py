"""What every engine offers: the storage's protocol."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

from app.ledger import Facts, Needs, Receipt, Writes
from app.storage.catalog import Catalog

T = TypeVar("T")

WON: Final = Receipt()
LOST: Final = Receipt(won=False)
REPEATED: Final = Receipt(won=False, is_repeated=True)


@dataclass(slots=True)
class Counters:
    """What the hot path has done: loads and commits asked for, and statements sent for them."""

    loads: int = 0
    commits: int = 0
    statements: int = 0


class Storage(Protocol):
    """The database of one process. ``noticed`` is set where a transaction of this process has left word for clients."""

    counters: Counters
    noticed: asyncio.Event

    def recall(self, needs: Needs) -> Facts | None:
        """Return facts from memory where no more than a client is needed and it is known, else ``None``.

        They may be out of date: whatever is written on their strength has to rely on them (:class:`app.ledger.Reliance`).
        """
        ...

    async def load(self, needs: Needs) -> Facts:
        """Return what is found for the needs, as one consistent answer.

        Raises:
            StorageUnavailable: no answer within three seconds, or too many wait.
        """
        ...

    async def commit(self, writes: Writes) -> Receipt:
        """Write one entry, durably, and say whether it won.

        It is written whether or not the caller still waits.

        Raises:
            WriteRefused: the database cannot hold a value; nothing of the entry is written.
            StorageUnavailable: the outcome is unknown. The entry is never sent a second time.
            ValueError: the entry contradicts itself: it changes the token that it spends, or counts and forgets one counter; or it
                relies on what this storage never recalls.
        """
        ...

    async def transact(self, work: Callable[[Catalog], T]) -> T:
        """Run an operator's work in one transaction and return its result.

        ``work`` must not wait for anything, and may run again where a conflict undid it.

        Raises:
            WriteRefused: the database cannot hold a value, or a name is taken.
            StorageUnavailable: no database, or no lock in time.
        """
        ...

    async def look(self, work: Callable[[Catalog], T]) -> T:
        """Run work that only reads, over one state of the database and without a lock, and return its result.

        ``work`` must not wait for anything. It sees what was committed before the look; words that no database can hold are found
        nowhere.

        Raises:
            TypeError: the work tried to change something; a fault of the program.
            StorageUnavailable: no database, no answer in time, or too many wait.
        """
        ...

    async def check(self) -> None:
        """Ask the database for a sign of life.

        Raises:
            StorageUnavailable: none within a second.
        """
        ...

    async def purge(self, now: datetime) -> int:
        """Delete what is dead at ``now``, in small transactions, and return the number of rows. Nothing relies on it."""
        ...

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
        ...
