"""One line per exchange: who asked for what, from where, what was answered and why.

An event is a closed list of facts, none of which is a credential, so no level of logging can show one (OWASP ASVS 16.2.5).
"""

import json
import logging
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, Protocol

_MAXIMUM: Final = 200
"""Characters that are kept of a value that came from outside."""
_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e\u00a1-\u024f\u2e80-\uffef]")


@dataclass(slots=True, kw_only=True)
class Event:
    """What is known of one exchange when it is answered; ``seconds`` is how long the answer took."""

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


class JsonJournal:
    """Writes each event as one line of JSON, for machines to read."""

    def __init__(self, level: int = logging.INFO, stream: IO[str] | None = None) -> None:
        self._level = level
        self._stream = stream or sys.stdout

    def record(self, event: Event) -> None:
        """Write the event, without the facts that are not known."""
        level = event.level
        if level < self._level:
            return
        line = {
            "time": event.at.isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(level).lower(),
            "event": "replay" if event.replayed else "exchange",
            "request_id": event.request_id,
            "method": event.method,
            "path": event.path,
            "status": event.status,
            "ms": round(event.seconds * 1000, 1),
            "address": event.address,
        }
        for name in ("dialect", "grant", "client_id", "user_id", "shop", "cause", "detail"):
            value = getattr(event, name)
            if value is not None:
                line[name] = value[:_MAXIMUM]
        write_line(self._stream, json.dumps(line))


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
        write_line(self._stream, f"{line}  #{event.request_id}")


def printable(value: str) -> str:
    """Return a value from outside without anything that could move a terminal's cursor or begin another line."""
    return _UNPRINTABLE.sub("?", value[:_MAXIMUM])


def write_line(stream: IO[str], line: str) -> None:
    """Write one line at once; where nobody reads any more, it is lost and nothing else is."""
    try:
        stream.write(line + "\n")
        stream.flush()
    except (OSError, ValueError):
        return


def now_text() -> str:
    """Return the current time as journals write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
