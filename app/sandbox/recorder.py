"""What just happened: the last exchanges of a namespace as they went over the wire, with what the server made of each."""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from app.dialects.file import QuirkTable
from app.telemetry import Event, Journal

KEPT: Final = 500
"""Exchanges that a namespace remembers; the oldest goes first."""
MAXIMUM_BODY: Final = 64 * 1024
"""Bytes that are kept of a body."""
_LISTENERS: Final = 20

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Recorded:
    """One exchange.

    ``at`` is the namespace's time; ``seconds`` is how long the answer took. ``events`` is what the server noted about it, ``fault`` the
    number of the one that was injected, ``quirks`` are those that shaped the answer, by their names. Bodies are cut at ``MAXIMUM_BODY``.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: str
    request_headers: Headers
    request_body: bytes = b""
    status: int = 0
    response_headers: Headers = field(default_factory=list)
    response_body: bytes = b""
    seconds: float = 0.0
    event: Event | None = None
    fault: int | None = None
    quirks: Mapping[str, QuirkTable] = field(default_factory=dict)

    @property
    def request_id(self) -> str | None:
        """The id under which the server's log has it."""
        return next((value for name, value in self.response_headers if name == "x-request-id"), None)


class Recorder:
    """Keeps exchanges, and tells those who listen of each new one."""

    def __init__(self, journal: Journal, place: str = "") -> None:
        """Keep what passes; ``journal`` hears of every event as well, with the ``place`` before its path."""
        self._journal = journal
        self._place = place
        self._numbers = itertools.count(1)
        self._kept: deque[Recorded] = deque(maxlen=KEPT)
        self._events: dict[str, Event] = {}
        self._listeners: set[asyncio.Queue[Recorded | None]] = set()

    def record(self, event: Event) -> None:
        """Take note of an event until its exchange is complete; never raises."""
        self._journal.record(replace(event, path=f"{self._place}{event.path}") if self._place else event)
        if len(self._events) > KEPT:
            del self._events[next(iter(self._events))]
        self._events[event.request_id] = event

    def begin(self, at: datetime, method: str, path: str, query: str, headers: Headers) -> Recorded:
        """Return the record of an exchange that begins."""
        return Recorded(next(self._numbers), at, method, path, query, headers)

    def complete(self, recorded: Recorded) -> None:
        """Keep an exchange that was answered, or ended otherwise."""
        request_id = recorded.request_id
        if request_id is not None:
            recorded.event = self._events.pop(request_id, None)
        self._kept.append(recorded)
        for queue in self._listeners:
            if queue.qsize() < KEPT:
                queue.put_nowait(recorded)

    def __iter__(self) -> Iterator[Recorded]:
        """Go through the exchanges, the oldest first."""
        return iter(list(self._kept))

    def find(self, number: int) -> Recorded | None:
        """Return an exchange by its number."""
        return next((one for one in self._kept if one.number == number), None)

    def clear(self) -> None:
        """Forget all of them; numbers go on."""
        self._kept.clear()

    def listen(self) -> asyncio.Queue[Recorded | None] | None:
        """Return a queue that every new exchange is put into, or ``None`` where too many listen. A slow listener misses some.

        ``None`` in the queue means that nothing follows.
        """
        if len(self._listeners) >= _LISTENERS:
            return None
        queue: asyncio.Queue[Recorded | None] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Recorded | None]) -> None:
        """Listen no more."""
        self._listeners.discard(queue)

    def dismiss(self) -> None:
        """Tell all who listen that nothing follows."""
        for queue in self._listeners:
            queue.put_nowait(None)
