"""What a client is still to be told: that a session has ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, Index, Integer, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class LogoutNotice:
    """A logout token that waits to be sent (OpenID Connect Back-Channel Logout §2.5); it is made and signed anew for every try.

    ``name`` is the session as the client knows it. It is due at ``due_at``: whoever takes it on moves that forward, so that nobody
    else does and that it comes back where its process dies. ``tries`` counts how often it was taken on.
    """

    table: ClassVar[Table] = Table(
        "logout_notice",
        metadata,
        Column("id", String(22), primary_key=True),
        Column("client_id", String(200), nullable=False),
        Column("user_id", String(22), nullable=False),
        Column("name", String(22), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("due_at", UtcDateTime, nullable=False),
        Column("tries", Integer, nullable=False),
        Index("ix_logout_notice_due_at", "due_at"),
        Index("ix_logout_notice_client_id_due_at", "client_id", "due_at"),
    )

    id: str
    client_id: str
    user_id: str
    name: str
    created_at: datetime
    due_at: datetime
    tries: int = 0
