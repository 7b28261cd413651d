"""What a person allowed an application, remembered so that it is not asked again."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, String, Table, Text

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class Consent:
    """All scopes that a person ever allowed a client and has not withdrawn; ``granted_at`` is when they were last asked."""

    table: ClassVar[Table] = Table(
        "consent",
        metadata,
        Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True, index=True),
        Column("scope", Text, nullable=False),
        Column("granted_at", UtcDateTime, nullable=False),
    )

    user_id: str
    client_id: str
    scope: str
    granted_at: datetime
