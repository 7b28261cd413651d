"""Failed attempts to prove an identity, counted in a window of time."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, Integer, LargeBinary, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A failure counter. ``key`` is a digest (see :func:`app.core.secrets.attempt_key`); the window starts with its first failure."""

    table: ClassVar[Table] = Table(
        "attempt",
        metadata,
        Column("key", LargeBinary(32), primary_key=True),
        Column("count", Integer, nullable=False),
        Column("window_started_at", UtcDateTime, nullable=False),
    )

    key: bytes
    count: int
    window_started_at: datetime
