"""What an operator changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import JSON, Column, Index, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class AuditEvent:
    """One change: who did what to which object, with the members before and after; secrets are never among them."""

    table: ClassVar[Table] = Table(
        "audit_event",
        metadata,
        Column("id", String(22), primary_key=True),
        Column("at", UtcDateTime, nullable=False),
        Column("actor", String(200), nullable=False),
        Column("action", String(64), nullable=False),
        Column("subject", String(300), nullable=False),
        Column("before", JSON(none_as_null=True)),
        Column("after", JSON(none_as_null=True)),
        Index("ix_audit_event_at", "at"),
    )

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
