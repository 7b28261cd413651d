"""The only place that asks what time it is."""

from datetime import UTC, datetime
from typing import Final, Protocol

NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of what has no end."""


class Clock(Protocol):
    """Tells the time to every room, so that a test or a sandbox can move it."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's time, aware, in UTC."""
        return datetime.now(UTC)
