"""A code on paper that stands in for a lost second factor, once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class RecoveryCode:
    """A recovery code, as its digest; a used one stays, so that the person sees how many are left of how many."""

    table: ClassVar[Table] = Table(
        "recovery_code",
        metadata,
        Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        Column("code_hash", LargeBinary(32), primary_key=True),
        Column("used_at", UtcDateTime),
    )

    user_id: str
    code_hash: bytes
    used_at: datetime | None = None
