"""The file of ``--config`` read again when it changes, so that a sandbox follows an editor. A service does not do so."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.admin import Change, Status, read_document
from app.core.mistakes import Mistake
from app.ledger import StorageUnavailable
from app.sandbox.worlds import World

_LOOK_SECONDS: Final = 1.0
_NAMED: Final = 3
"""Objects that a line names."""
_log: Final = logging.getLogger("tokenry.sandbox")
Stamp = tuple[int, int, int]


class Reloader:
    """Watches a file for a namespace. ``made`` is handed the changes by which secrets were made, for somebody has to be told them."""

    def __init__(self, path: Path, made: Callable[[list[Change]], None]) -> None:
        """Watch from now on: what the file becomes before it is first read is seen as well."""
        self._path = path
        self._made = made
        self._seen = self._stamp()

    def _stamp(self) -> Stamp | None:
        """Return what tells one content of the file from another, or ``None`` where there is no file."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 (the same)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    async def keep(self, world: World) -> None:
        """Look each second until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look(world)
            except Exception as problem:  # noqa: BLE001 (whatever it is, the next content may be good)
                _log.warning("config %s: not applied (%s); what was there stays", self._path, type(problem).__name__)

    async def look(self, world: World) -> None:
        """Apply the file if it is another than it was; say so in one line, also where it cannot be applied: nothing is changed then."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        before, self._seen = self._seen, stamp
        try:
            changes = await world.declare(read_document(self._path, world.operator.dialects))
        except Mistake as mistake:
            _log.warning(
                "config %s; what was there stays", mistake if str(mistake).startswith(str(self._path)) else f"{self._path}: {mistake}"
            )
            return
        except StorageUnavailable as problem:
            self._seen = before
            _log.warning("config %s: %s; it is tried again", self._path, problem)
            return
        _log.info("config %s: %s", self._path, _told(changes))
        self._made([change for change in changes if change.secret is not None])


def _told(changes: list[Change]) -> str:
    """Return what became of the objects of a file, in a line."""
    new = [change for change in changes if change.status is not Status.UNCHANGED]
    if not new:
        return "nothing in it is new"
    counts = Counter(change.status for change in new)
    names = ", ".join(f"{change.noun} {change.name}" for change in new[:_NAMED])
    return ", ".join(f"{count} {status}" for status, count in counts.items()) + f" ({names}{', …' if len(new) > _NAMED else ''})"
