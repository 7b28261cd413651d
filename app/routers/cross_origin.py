"""Pages of other origins that call a machine door from a browser (Fetch §3.2, RFC 6454): those of registered origins may, without cookies.

A preflight names no client, so it is answered for an origin that any client has; the answer itself may be read only by pages of the
origins of the very client that it is for. A refusal of nobody in particular says nothing, and every registered origin may read it.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from app.ledger import StorageUnavailable
from app.storage import Storage

Headers = list[tuple[bytes, bytes]]
_KEPT: Final = 60.0
"""Seconds for which the origins of all clients are remembered."""
_AGAIN_IN: Final = 5.0
"""Seconds between two looks for an origin that was not there, or after one that failed."""
_log: Final = logging.getLogger("tokenry.routers")
_VARY: Final = (b"vary", b"Origin")
_READABLE: Final = (b"access-control-expose-headers", b"WWW-Authenticate, Retry-After")


class Origins:
    """The origins that clients are registered with, as they were a moment ago."""

    def __init__(self, storage: Storage, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._storage = storage
        self._monotonic = monotonic
        self._known: frozenset[str] = frozenset()
        self._kept_until = self._again_at = -math.inf
        self._looking: asyncio.Task[None] | None = None

    async def knows(self, origin: str) -> bool:
        """Whether some client that is not disabled has the origin; while that cannot be found out, as far as it was known."""
        now = self._monotonic()
        if now >= self._kept_until or (origin not in self._known and now >= self._again_at):
            # All who ask meanwhile wait for one look, however it ends.
            self._looking = self._looking or asyncio.ensure_future(self._look())
            await asyncio.shield(self._looking)
        return origin in self._known

    async def _look(self) -> None:
        lasts = _AGAIN_IN
        try:
            self._known = await self._all()
            lasts = _KEPT
        except StorageUnavailable as problem:
            _log.warning("origins of clients: %s", problem)
        finally:
            now = self._monotonic()
            self._kept_until, self._again_at = now + lasts, now + _AGAIN_IN
            self._looking = None

    async def _all(self) -> frozenset[str]:
        """Return all origins, page by page, so that nobody else waits for it."""
        found: set[str] = set()
        after: str | None = None
        while clients := await self._storage.look(lambda catalog, after=after: catalog.bare_clients(after)):  # type: ignore[misc]  # a default binds it
            for client in clients:
                if client.disabled_at is None:
                    found.update(client.allowed_origins)
            after = clients[-1].client_id
        return frozenset(found)


def preflight(origin: str, methods: tuple[str, ...]) -> Headers:
    """Return the header fields by which a page learns that it may ask."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-methods", ", ".join(methods).encode()),
        (b"access-control-allow-headers", b"Authorization, Content-Type"),
        (b"access-control-max-age", b"600"),
        _VARY,
        (b"content-length", b"0"),
    ]


def readable(origin: str, *, is_its_own: bool) -> Headers:
    """Return the header fields of an answer to a page of an origin, which may read it if it is its own."""
    if not is_its_own:
        return [_VARY]
    return [(b"access-control-allow-origin", origin.encode("latin-1")), _READABLE, _VARY]
