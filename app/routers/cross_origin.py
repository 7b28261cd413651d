"""Pages of other origins that call a machine door from a browser (Fetch §3.2, RFC 6454): those of registered origins may, without cookies.

A preflight names no client, so it is answered for an origin that any client has; the answer itself may be read only by pages of the
origins of the very client that it is for. A refusal of nobody in particular says nothing, and every registered origin may read it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from app.ledger import StorageUnavailable
from app.storage import Storage

Headers = list[tuple[bytes, bytes]]
_KEPT: Final = 60.0
"""Seconds for which the origins of all clients are remembered."""
_AGAIN_IN: Final = 5.0
"""Seconds between two looks for an origin that was not there."""
_VARY: Final = (b"vary", b"Origin")
_READABLE: Final = (b"access-control-expose-headers", b"WWW-Authenticate, Retry-After")


class Origins:
    """The origins that clients are registered with, as they were a moment ago."""

    def __init__(self, storage: Storage, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._storage = storage
        self._monotonic = monotonic
        self._known: frozenset[str] = frozenset()
        self._looked_at = -_KEPT
        self._looking = asyncio.Lock()

    async def knows(self, origin: str) -> bool:
        """Whether some client that is not disabled has the origin; what cannot be found out is no."""
        async with self._looking:
            age = self._monotonic() - self._looked_at
            if age >= _KEPT or (origin not in self._known and age >= _AGAIN_IN):
                try:
                    self._known = await asyncio.ensure_future(self._all())  # a look has a time limit, which needs a task
                except StorageUnavailable:
                    return False
                self._looked_at = self._monotonic()
        return origin in self._known

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
