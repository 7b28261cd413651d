"""The sandbox around the server: its namespaces, what watches them, and the way to control them, for as long as it runs."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from app.sandbox.front import Front
from app.sandbox.host import Host
from app.sandbox.movable_clock import MovableClock
from app.sandbox.worlds import Workshop, Worlds
from app.storage import Storage


@asynccontextmanager
async def staged(
    issuer: str,
    storage: Storage,
    workshop: Workshop,
    *,
    clock: MovableClock,
    path: Path | None,
) -> AsyncIterator[Host]:
    """Yield the sandbox over its open storage, whose clock is ``clock``; ``path`` is the storage's file where it is temporary."""
    with tempfile.TemporaryDirectory(prefix="tokenry-namespaces-", ignore_cleanup_errors=True) as folder:
        worlds = Worlds(issuer, workshop, folder=Path(folder), clock=clock, path=path)
        await worlds.open(storage)
        try:
            yield Host(worlds, Front(workshop.dialects))
        finally:
            await worlds.close()
