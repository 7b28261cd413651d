"""Failed attempts to prove an identity, counted in a window of time."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A failure counter. ``key`` is a digest (see :func:`app.core.secrets.attempt_key`); the window starts with its first failure."""

    table: ClassVar[str] = "attempt"

    key: bytes
    count: int
    window_started_at: datetime
