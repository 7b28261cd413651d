"""A client's assertion that was used (RFC 7523 §3), so that it is used once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, Index, LargeBinary, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class UsedAssertion:
    """A used assertion under the digest of its client and its ``jti``. From ``expires_at`` on the assertion itself is dead."""

    table: ClassVar[Table] = Table(
        "used_assertion",
        metadata,
        Column("key", LargeBinary(32), primary_key=True),
        Column("expires_at", UtcDateTime, nullable=False),
        Index("ix_used_assertion_expires_at", "expires_at"),
    )

    key: bytes
    expires_at: datetime
