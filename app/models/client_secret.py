"""A secret of a client, as its digest; a client may hold several while one replaces another."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, LargeBinary, String, Table

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class ClientSecret:
    """One client secret; without ``expires_at`` it has no end.

    ``secret_sealed`` is the secret itself, sealed under a key outside the database: only where the client signs with it
    (``client_secret_jwt``), for a digest checks no signature.
    """

    table: ClassVar[Table] = Table(
        "client_secret",
        metadata,
        Column("id", String(22), primary_key=True),
        Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), nullable=False, index=True),
        Column("secret_hash", LargeBinary(32), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime),
        Column("secret_sealed", LargeBinary),
    )

    id: str
    client_id: str
    secret_hash: bytes
    created_at: datetime
    expires_at: datetime | None = None
    secret_sealed: bytes | None = None
