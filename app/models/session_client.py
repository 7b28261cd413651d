"""An application that a person has signed in to within a session of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, Index, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class SessionClient:
    """A client that is told when a session ends.

    ``name`` is the session as that client knows it (its ``sid``), ``sid`` the session as we do. The record lasts as long as the session
    may: grants that came of it may have ended long before.
    """

    table: ClassVar[Table] = Table(
        "session_client",
        metadata,
        Column("name", String(22), primary_key=True),
        Column("sid", String(22), nullable=False),
        Column("client_id", String(200), nullable=False),
        Column("user_id", String(22), nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Index("ix_session_client_sid", "sid"),
        Index("ix_session_client_expires_at", "expires_at"),
    )

    name: str
    sid: str
    client_id: str
    user_id: str
    expires_at: datetime
