"""An authorization code (RFC 6749 §4.1.2), as its digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Boolean, Column, LargeBinary, String, Table, Text

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class AuthorizationCode:
    """A code that waits to be exchanged, or was: a used one stays until its family ends, so that a replay is seen.

    ``redirect_uri`` is the effective one of the authorization request; ``redirect_uri_sent`` tells whether the request carried it.
    ``nonce`` returns in the ID token (OpenID Connect Core §3.1.2.1).
    """

    table: ClassVar[Table] = Table(
        "authorization_code",
        metadata,
        Column("code_hash", LargeBinary(32), primary_key=True),
        Column("grant_id", String(22), nullable=False, index=True),
        Column("redirect_uri", Text),
        Column("redirect_uri_sent", Boolean, nullable=False),
        Column("code_challenge", String(128)),
        Column("code_challenge_method", String(16)),
        Column("created_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Column("used_at", UtcDateTime),
        Column("nonce", Text),
    )

    code_hash: bytes
    grant_id: str
    redirect_uri: str | None = None
    redirect_uri_sent: bool = False
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    nonce: str | None = None
