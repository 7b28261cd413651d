"""A one-time link by which a person sets a new password."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class PasswordReset:
    """The token of a link, as its digest; there is at most one for each person, and using it deletes it."""

    table: ClassVar[Table] = Table(
        "password_reset",
        metadata,
        Column("token_hash", LargeBinary(32), primary_key=True),
        Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), nullable=False, unique=True),
        Column("expires_at", UtcDateTime, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
    )

    token_hash: bytes
    user_id: str
    expires_at: datetime
    created_at: datetime
