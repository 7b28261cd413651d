"""Namespaces: whole servers beside each other in one process, each with its own issuer, people, clients, clock and past.

A namespace is the same application as ``serve`` runs, over an SQLite database of its own. Nothing is shared but the code, the dialects
and the key under which all is sealed, so what happens in one is never seen in another.

A namespace's clock may be moved to before everything in it was made: what is granted there is good, there and back in the present. Only
passwords are as old as they are: who had theirs changed grants nothing in a time before that.
"""

import asyncio
import contextlib
import re
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from app.admin import SANDBOX, Change, Document, Operator, apply, parse_document
from app.core.clock import Clock, SystemClock
from app.core.mistakes import Missing, Mistake, Taken
from app.dialects import Dialects
from app.sandbox.demo import DEMO
from app.sandbox.faults import Faults
from app.sandbox.guard import SANDBOX_RULES
from app.sandbox.movable_clock import MovableClock
from app.sandbox.recorder import Recorder
from app.sandbox.robot import Responses
from app.storage import Storage, open_storage
from app.telemetry import Journal

PREFIX: Final = "/n/"
"""Where the namespaces are, behind the sandbox's own issuer."""
MAXIMUM: Final = 200
"""Namespaces at one time."""
IDLE_SECONDS: Final = 600
"""How long a namespace stays that nobody asks, if nothing else is said."""
START: Final = "start"
"""The snapshot of how a namespace began."""
_SNAPSHOTS: Final = 20
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_SWEEP_SECONDS: Final = 1.0

Build = Callable[[str, Storage, Clock, Journal], Any]
"""Makes the application of an issuer over an open storage: an ASGI application with a ``router`` that has a lifespan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all namespaces are made with: ``journal`` hears of their requests, ``sealing_key`` seals the secrets of clients that sign."""

    build: Build
    journal: Journal
    dialects: Dialects
    sealing_key: Callable[[], bytes] | None = None


class World:
    """One namespace; the sandbox's own is the one without a name.

    ``lasts`` are the seconds for which nobody may ask before it is dropped, or ``None``. ``used_at`` is when somebody last did, on the
    machine's steady clock.
    """

    def __init__(
        self,
        name: str,
        issuer: str,
        workshop: Workshop,
        *,
        clock: MovableClock,
        path: Path | None,
        lasts: float | None = None,
    ) -> None:
        self.name = name
        self.issuer = issuer
        self.clock = clock
        self.recorder = Recorder(workshop.journal, f"{PREFIX}{name}" if name else "")
        self.faults = Faults()
        self.responses = Responses()
        self.lasts = lasts
        self.used_at = time.monotonic()
        self.app: Any = None
        self.storage: Storage
        self.operator: Operator
        self._workshop = workshop
        self._path = path
        self._running: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._turn = asyncio.Lock()
        self._open = asyncio.Event()

    async def open(self, storage: Storage | None = None) -> None:
        """Begin to serve: over an open storage, or over the namespace's own file. Either is closed with the namespace."""
        self.storage = storage or await open_storage(f"sqlite:///{self._path}", clock=self.clock)
        self.operator = Operator(
            storage=self.storage,
            dialects=self._workshop.dialects,
            clock=self.clock,
            actor="sandbox",
            rules=SANDBOX_RULES,
            sealing_key=self._workshop.sealing_key,
        )
        self.app = self._workshop.build(self.issuer, self.storage, self.clock, self.recorder)
        self._stop.clear()
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._live(started))
        await started
        self._open.set()

    async def _live(self, started: asyncio.Future[None]) -> None:
        try:
            async with self.app.router.lifespan_context(self.app):
                started.set_result(None)
                await self._stop.wait()
        except BaseException as problem:
            if started.done():
                raise
            started.set_exception(problem)
        finally:
            await self.storage.close()

    async def close(self) -> None:
        """Serve no more; who asks now waits until it is open again."""
        self._open.clear()
        self._stop.set()
        if self._running is not None:
            await self._running
            self._running = None

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI's)
        """Hand a request to the application as soon as it is open."""
        await self._open.wait()
        await self.app(scope, receive, send)

    async def declare(self, document: Document) -> list[Change]:
        """Bring the data to what a document declares, also that which a reset brings back, and return what became of each object.

        Raises:
            Mistake: something in it cannot be; nothing is changed then.
            StorageUnavailable: the database is away.
        """
        async with self._turn:
            changes = await apply(self.operator, document)
            if self._path is not None and (began := self._snapshot_path(START)).exists():
                await self._declare_in(began, _with_secrets(document, changes))
            return changes

    async def _declare_in(self, kept: Path, document: Document) -> None:
        """Apply a document to data that was kept."""
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            fresh = Path(folder) / "tokenry.db"
            await asyncio.to_thread(shutil.copy, kept, fresh)
            storage = await open_storage(f"sqlite:///{fresh}", clock=self.clock)
            try:
                await apply(replace(self.operator, storage=storage), document)
            finally:
                await storage.close()
            await asyncio.to_thread(_copy_database, fresh, kept)

    # -- snapshots ---------------------------------------------------------------------------------------------------------------

    @property
    def is_restorable(self) -> bool:
        """Whether the data may be put back: it is the sandbox's own."""
        return self._path is not None

    @property
    def snapshots(self) -> Iterator[str]:
        """The names of what was kept."""
        return (file.stem for file in sorted(self._own_path.parent.glob("*.snapshot")))

    @property
    def _own_path(self) -> Path:
        if self._path is None:
            raise Mistake("the sandbox's own data is in a database that was named: only namespaces, and temporary data, have snapshots")
        return self._path

    def _snapshot_path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise Mistake("a snapshot's name is up to 40 of a-z, 0-9 and -")
        return self._own_path.with_name(f"{name}.snapshot")

    async def keep(self, name: str) -> None:
        """Keep the data as it is now.

        Raises:
            Mistake: the name is none, there are too many, or the data is not the sandbox's own.
        """
        kept = self._snapshot_path(name)
        if not kept.exists() and len(list(self.snapshots)) >= _SNAPSHOTS:
            raise Taken(f"there are {_SNAPSHOTS} snapshots already: reuse a name")
        async with self._turn:
            await asyncio.to_thread(_copy_database, self._own_path, kept)

    async def restore(self, name: str = START) -> None:
        """Bring the data back to how it was kept, with the machine's time and without faults and exchanges.

        Raises:
            Mistake: there is no such snapshot, or the data is not the sandbox's own.
        """
        kept = self._snapshot_path(name)
        if not kept.exists():
            raise Missing(f"there is no snapshot {name}")
        async with self._turn:
            await self.close()
            for suffix in ("", "-wal", "-shm"):
                self._own_path.with_name(self._own_path.name + suffix).unlink(missing_ok=True)
            await asyncio.to_thread(shutil.copy, kept, self._own_path)
            self.clock.reset()
            self.faults.clear()
            self.responses.clear()
            self.recorder.clear()
            await self.open()


def _with_secrets(document: Document, changes: list[Change]) -> Document:
    """Return a document with the secrets that were made for its clients, so that they have the same ones everywhere."""
    made = {change.name: change.secret for change in changes if change.secret is not None}
    clients = (
        replace(entry, declared=replace(entry.declared, client_secret=made[entry.declared.client_id or ""]))
        if entry.declared.client_id in made
        else entry
        for entry in document.clients
    )
    return replace(document, clients=tuple(clients))


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database that is in use."""
    fresh = target.with_name(f"{target.name}.{secrets.token_hex(6)}")
    fresh.touch(mode=0o600, exist_ok=False)
    with contextlib.closing(sqlite3.connect(source)) as here, contextlib.closing(sqlite3.connect(fresh)) as there:
        here.backup(there)
    fresh.replace(target)


class Worlds:
    """The sandbox's own namespace, and those that were made beside it."""

    def __init__(self, issuer: str, workshop: Workshop, *, folder: Path, clock: MovableClock, path: Path | None) -> None:
        """Prepare the namespaces; ``path`` is the file of the sandbox's own data, where it may be put back."""
        self.issuer = issuer
        self.own = World("", issuer, workshop, clock=clock, path=path)
        self._workshop = workshop
        self._folder = folder
        self._made: dict[str, World] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def open(self, storage: Storage) -> None:
        """Open the sandbox's own namespace over its storage."""
        await self.own.open(storage)
        if self.own.is_restorable:
            await self.own.keep(START)
        self._sweeper = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Close all of them."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for name in list(self._made):
            await self.drop(name)
        await self.own.close()

    def __iter__(self) -> Iterator[World]:
        """Go through the namespaces that have a name."""
        return iter(list(self._made.values()))

    def find(self, name: str) -> World | None:
        """Return a namespace by its name."""
        return self._made.get(name)

    async def make(
        self,
        name: str | None = None,
        *,
        demo: bool = True,
        declared: Mapping[str, object] | None = None,
        now: datetime | None = None,
        idle: float = IDLE_SECONDS,
    ) -> tuple[World, list[Change]]:
        """Make a namespace and return it with what became of what was declared.

        Raises:
            Mistake: the name is none or taken, there are too many, or what is declared cannot be.
        """
        name = name or secrets.token_hex(6)
        if not _NAME.fullmatch(name):
            raise Mistake("a namespace's name is up to 40 of a-z, 0-9 and -")
        if name in self._made:
            raise Taken(f"there is a namespace {name} already: choose another name, or drop it")
        if len(self._made) >= MAXIMUM:
            raise Taken(f"there are {MAXIMUM} namespaces already: drop some")
        folder = self._folder / name
        issuer = f"{self.issuer}{PREFIX}{name}"
        world = World(name, issuer, self._workshop, clock=MovableClock(), path=folder / "tokenry.db", lasts=idle)
        self._made[name] = world
        try:
            folder.mkdir(parents=True, mode=0o700)
            shutil.copy(await self._seeded(demo=demo), folder / "tokenry.db")
            if now is not None:
                world.clock.jump(now)
            await world.open()
            changes = (
                await apply(world.operator, parse_document(declared, "document", self._workshop.dialects)) if declared is not None else []
            )
            await world.keep(START)
        except BaseException:
            await self.drop(name)
            raise
        return world, changes

    async def drop(self, name: str) -> bool:
        """End a namespace, delete its data, and say whether it was there."""
        world = self._made.pop(name, None)
        if world is None:
            return False
        world.recorder.dismiss()
        await world.close()
        await asyncio.to_thread(shutil.rmtree, self._folder / name, ignore_errors=True)
        return True

    async def _seeded(self, *, demo: bool) -> Path:
        """Return a database to begin with. It is made once: schema and demo identities are copied from then on."""
        path = self._folder / ("demo.seed" if demo else "empty.seed")
        if not path.exists():
            fresh = self._folder / f"{secrets.token_hex(6)}.db"
            # Neither the sandbox's own clock nor this moment may tell in namespaces that are made later, with clocks of their own.
            clock = SystemClock()
            storage = await open_storage(f"sqlite:///{fresh}", clock=clock)
            try:
                operator = Operator(storage=storage, dialects=self._workshop.dialects, clock=clock, actor="sandbox", rules=SANDBOX_RULES)
                await operator.transact(lambda desk: desk.catalog.set_property(SANDBOX, "1"))
                if demo:
                    await apply(operator, parse_document(DEMO, "the demo identities", self._workshop.dialects))
            finally:
                await storage.close()
            await asyncio.to_thread(_copy_database, fresh, path)
            fresh.unlink()
        return path

    async def _sweep(self) -> None:
        """Drop what nobody has asked for too long."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for world in self:
                if world.lasts is not None and time.monotonic() - world.used_at > world.lasts:
                    await self.drop(world.name)
