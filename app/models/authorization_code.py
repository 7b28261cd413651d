"""An authorization code (RFC 6749 §4.1.2), as its digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class AuthorizationCode:
    """A code that waits to be exchanged, or was: a used one stays until its family ends, so that a replay is seen.

    ``redirect_uri`` is the effective one of the authorization request; ``redirect_uri_sent`` tells whether the request carried it.
    ``nonce`` returns in the ID token (OpenID Connect Core §3.1.2.1).
    """

    table: ClassVar[str] = "authorization_code"

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
