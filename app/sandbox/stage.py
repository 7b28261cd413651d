"""The sandbox around the server: its namespaces, what watches them, and the way to control them, for as long as it runs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from app.sandbox.front import Front
from app.sandbox.host import Host
from app.sandbox.movable_clock import MovableClock
from app.sandbox.worlds import Workshop, World, Worlds
from app.storage import Storage


@asynccontextmanager
async def staged(
    issuer: str,
    storage: Storage,
    workshop: Workshop,
    *,
    clock: MovableClock,
    path: Path | None,
    hosts: frozenset[str] = frozenset(),
    keep: Callable[[World], Coroutine[None, None, None]] | None = None,
) -> AsyncIterator[Host]:
    """Yield the sandbox over its open storage, whose clock is ``clock``; ``path`` is the storage's file where it is temporary.

    ``hosts`` are further names under which it is asked. ``keep`` is done beside it, for the sandbox's own namespace.
    """
    with tempfile.TemporaryDirectory(prefix="tokenry-namespaces-", ignore_cleanup_errors=True) as folder:
        worlds = Worlds(issuer, workshop, folder=Path(folder), clock=clock, path=path)
        await worlds.open(storage)
        working = asyncio.create_task(keep(worlds.own)) if keep is not None else None
        try:
            yield Host(worlds, Front(workshop.dialects), hosts)
        finally:
            if working is not None:
                working.cancel()
                await asyncio.wait([working])
            await worlds.close()
