"""Who changes what: an operator with the tools at hand, and the desk at which one transaction of theirs is done."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from functools import partial
from typing import Final, TypeVar

from app.core.clock import Clock, SystemClock
from app.core.mistakes import Missing, Mistake, Taken
from app.core.secrets import new_id
from app.dialects import Dialects
from app.models import AuditEvent
from app.storage import Catalog, Storage, WriteRefused

T = TypeVar("T")
SANDBOX: Final = "sandbox"
"""The property that marks a database which holds demo identities."""
Page = Callable[["Desk", str | None], Iterable[tuple[str, T]]]
"""Some of the things of one kind, in their order: those behind a key, each with its own, or none where the key is the last one."""
_MAXIMUM_NAME: Final = 200
_LOOK_IN: Final = 1.0
"""Seconds after which a look takes up nothing more; the storage gives it two and a half."""


class Overtaken(Mistake):
    """Somebody else changed the same thing at this moment; what can be done again may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is asked of declared secrets.

    ``minimum_secret`` is the least number of characters of a client's; ``known_secrets`` are the digests of published ones, which
    nobody may have, and ``known_passwords`` published passwords, which no declared hash may be of. ``light_passwords`` hashes passwords
    cheaply. ``makes_secrets`` makes a secret where none is declared.
    """

    minimum_secret: int = 32
    known_secrets: frozenset[bytes] = frozenset()
    known_passwords: tuple[str, ...] = ()
    light_passwords: bool = False
    makes_secrets: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Someone who changes what the server knows; ``actor`` names them in the audit trail.

    ``sealing_key`` gives the key that seals the secrets of clients which sign with them; it is asked when there is one to seal.
    """

    storage: Storage
    dialects: Dialects
    clock: Clock = field(default_factory=SystemClock)
    actor: str = "operator"
    rules: Rules = field(default_factory=Rules)
    sealing_key: Callable[[], bytes] | None = None

    async def transact(self, work: Callable[["Desk"], T]) -> T:
        """Do all of the work in one transaction, or none of it, and return its result.

        Raises:
            Overtaken: the database refused a value, as when somebody else took a name at this moment.
            StorageUnavailable: the database is away.
        """
        try:
            return await self.storage.transact(lambda catalog: work(Desk(catalog, self)))
        except WriteRefused as refused:
            raise Overtaken(f"the database refused the change ({refused}): somebody else may have made it just now") from None

    async def look(self, work: Callable[["Desk"], T]) -> T:
        """Return the result of work that only reads, over one state of the database: no writer waits for it, and it waits for none.

        It must end within a second or two; what grows with the number of records is for :meth:`read`.

        Raises:
            StorageUnavailable: the database is away, or too slow.
        """
        return await self.storage.look(lambda catalog: work(Desk(catalog, self)))

    async def read(self, *kinds: Page[T]) -> list[T]:
        """Return all things of some kinds, one kind after the other, and keep no writer waiting, however many there are.

        A look is bounded in time: what does not fit in one is read by the next, from where the last one ended. So small databases are
        read in one state. In a large one each thing is as it was at some moment of the reading, and is there once; what is made or changed
        meanwhile may be there or not, and what it refers to may be missing.

        Raises:
            StorageUnavailable: the database is away, or too slow.
        """
        found: list[T] = []
        at, behind = 0, None
        while at < len(kinds):
            more, at, behind = await self.look(partial(_read, kinds, at, behind))
            found += more
        return found


def _read(kinds: tuple[Page[T], ...], at: int, behind: str | None, desk: "Desk") -> tuple[list[T], int, str | None]:
    """Return what can be read in time, from a key of a kind on, and where to go on."""
    found: list[T] = []
    end = time.monotonic() + _LOOK_IN
    while at < len(kinds):
        before = behind
        for key, one in kinds[at](desk, before):
            behind = key
            found.append(one)
            if time.monotonic() >= end:
                return found, at, behind
        if behind == before:
            at, behind = at + 1, None
    return found, at, behind


class Desk:
    """One transaction of an operator: the catalogue, the moment, and what everything done in it goes by."""

    def __init__(self, catalog: Catalog, operator: Operator) -> None:
        self.catalog = catalog
        self.dialects = operator.dialects
        self.rules = operator.rules
        self.now: datetime = operator.clock.now()
        self.sealing_key = operator.sealing_key
        self._actor = operator.actor[:_MAXIMUM_NAME]

    def note(self, action: str, subject: str, before: Mapping[str, object] | None, after: Mapping[str, object] | None) -> None:
        """Write an audit event; what is in both is left out."""
        was, now = before or {}, after or {}
        self.catalog.add_audit_event(
            AuditEvent(
                id=new_id(),
                at=self.now,
                actor=self._actor,
                action=action,
                subject=subject,
                before={name: was[name] for name in changed(was, now) if name in was} if before is not None else None,
                after={name: now[name] for name in changed(was, now) if name in now} if after is not None else None,
            )
        )

    @property
    def is_sandbox(self) -> bool:
        """Whether the database is marked as a sandbox's."""
        return self.catalog.property(SANDBOX) is not None


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the members that differ."""
    absent = object()
    return tuple(name for name in {**before, **after} if before.get(name, absent) != after.get(name, absent))


class Status(StrEnum):
    """What became of a declared object."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class Expected(Enum):
    """Whether the object must be there already."""

    NEW = "new"
    THERE = "there"
    EITHER = "either"

    def check(self, found: object, shown: str) -> None:
        """Check what was found.

        Raises:
            Taken: it is there and should not be.
            Missing: the other way round.
        """
        if found is None and self is Expected.THERE:
            raise unknown(shown)
        if found is not None and self is Expected.NEW:
            raise Taken(f"{shown} is there already: choose another name, or update it")


def unknown(shown: str) -> Missing:
    """Return the answer to whoever names what is not there."""
    return Missing(f"there is no {shown}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one object. ``members`` are those that differ now; ``secret`` is one that was made: never shown again."""

    noun: str
    name: str
    status: Status
    members: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)


def text_of(moment: datetime | None) -> str | None:
    """Return a moment as RFC 3339 text to the second."""
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
