"""One line per exchange: who asked for what, from where, what was answered and why.

An event is a closed list of facts, none of which is a credential, so no level of logging can show one (OWASP ASVS 16.2.5).
"""

import asyncio
import atexit
import itertools
import logging
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _text
from operator import attrgetter
from typing import IO, Final, Protocol

_MAXIMUM: Final = 200
"""Characters that are kept of a value that came from outside."""
_FLUSH_SECONDS: Final = 0.05
_LEVELS: Final = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
_OPTIONAL: Final = ("dialect", "grant", "client_id", "client_name", "user_id", "shop", "cause", "detail")
_optional: Final = attrgetter(*_OPTIONAL)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\u00a1-\u024f\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]")
"""Everything but Latin, Chinese, Japanese and Korean letters: controls, marks that turn the direction, half characters."""


_numbers: Final = itertools.count(1)
_prefix: Final = os.urandom(4).hex()


def next_request_id() -> str:
    """Return the id by which a request is found in the log: unlike any other of this process, and most likely of all."""
    return f"{_prefix}{next(_numbers):06x}"


@dataclass(slots=True, kw_only=True)
class Event:
    """What is known of one exchange when it is answered.

    ``seconds`` is how long the answer took; ``client_name`` is what the client called itself, which decides nothing.
    """

    at: datetime
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    address: str
    dialect: str | None = None
    grant: str | None = None
    client_id: str | None = None
    client_name: str | None = None
    user_id: str | None = None
    shop: str | None = None
    cause: str | None = None
    detail: str | None = None
    replayed: bool = False

    @property
    def level(self) -> int:
        """How much attention the event asks for, on the scale of :mod:`logging`."""
        if self.status >= 500:  # noqa: PLR2004 (HTTP)
            return logging.ERROR
        return logging.WARNING if self.replayed or self.status == 429 else logging.INFO  # noqa: PLR2004


class Journal(Protocol):
    """Takes note of events."""

    def record(self, event: Event) -> None:
        """Take note of one event; never raises."""
        ...


@lru_cache(maxsize=512)
def _about(method: str, path: str, status: int, address: str, *optional: str | None) -> str:
    """Return the members that most events share with many others."""
    members = f'"method":{_text(method)},"path":{_text(path)},"status":{status},"address":{_text(address)}'
    for name, value in zip(_OPTIONAL, optional, strict=True):
        if value is not None:
            members += f',"{name}":{_text(value[:_MAXIMUM])}'
    return members


class JsonJournal:
    """Writes each event as one line of JSON, for machines to read.

    Lines wait a twentieth of a second for each other, so that a busy server does not pay a system call for each. Whoever stops
    the loop flushes once more; what is left then is written when the program ends, unless a signal ends it at once.
    """

    def __init__(self, level: int = logging.INFO, stream: IO[str] | None = None) -> None:
        self._level = level
        self._stream = stream or sys.stdout
        self._lines: list[str] = []
        self._ends_with_program = False
        self._second = datetime.min.replace(tzinfo=UTC)
        self._second_text = ""

    def record(self, event: Event) -> None:
        """Write the event, without the facts that are not known."""
        level = event.level
        if level < self._level:
            return
        kind = "replay" if event.replayed else "exchange"
        about = _about(event.method, event.path[:_MAXIMUM], event.status, event.address, *_optional(event))
        if not self._lines:
            self._flush_soon()
        self._lines.append(
            f'{{"time":"{self._time_text(event.at)}","level":"{_LEVELS[level]}","event":"{kind}","request_id":"{event.request_id}",'
            f'"ms":{event.seconds * 1000:.1f},{about}}}\n'
        )

    def _time_text(self, at: datetime) -> str:
        """Write a moment by RFC 3339 with milliseconds; its second is written once for all events in it."""
        since = at - self._second
        if since.days or since.seconds:
            self._second = at.replace(microsecond=0)
            self._second_text = self._second.strftime("%Y-%m-%dT%H:%M:%S")
            since = at - self._second
        return f"{self._second_text}.{since.microseconds // 1000:03}Z"

    def _flush_soon(self) -> None:
        if not self._ends_with_program:
            self._ends_with_program = True
            atexit.register(self.flush)  # where no loop runs, and for what it has not come to when it stops
        with suppress(RuntimeError):
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._lines = self._lines, []
        if lines:
            write(self._stream, "".join(lines))


class HumanJournal:
    """Writes each event as one line for a person at a terminal, with the reason of a refusal."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stdout

    def record(self, event: Event) -> None:
        """Write the event."""
        about = " ".join(printable(value) for value in (event.client_id, event.grant, event.shop, event.user_id) if value)
        reason = "" if event.cause is None else f"  {event.cause}" + (f": {printable(event.detail)}" if event.detail else "")
        clock = event.at.astimezone().strftime("%H:%M:%S")
        line = f"{clock}  {event.method:<4} {printable(event.path):<34} {event.status}  {event.seconds * 1000:6.1f} ms  {about}{reason}"
        write(self._stream, f"{line}  #{event.request_id}\n")


def printable(value: str) -> str:
    """Return a value from outside without anything that could move a terminal's cursor or begin another line."""
    return _UNPRINTABLE.sub("?", value[:_MAXIMUM])


def write(stream: IO[str], text: str) -> None:
    """Write at once; where nobody reads any more, the text is lost and nothing else is."""
    try:
        encoding = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except (OSError, ValueError):
        return


def now_text() -> str:
    """Return the current time as journals write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
