"""An access or refresh token, as its digest."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Token:
    """A token. ``kind`` is ``access`` or ``refresh``; without ``expires_at`` it ends with its family only.

    ``used_at`` marks a refresh token that was rotated. ``successor_hash`` then names the refresh token that replaced it and
    ``successor_sealed`` is the answer that was given, sealed under a key that only the holder of this token can derive: an honest
    client whose answer was lost gets the same one again. ``last_used_at`` is kept for refresh tokens that are reused.

    ``resource`` holds whom an access token is for, as URIs with spaces (RFC 8707 §2); most tokens are for nobody in particular. A JWT is
    stored under the digest of its ``jti`` (:func:`app.core.secrets.identifier_digest`).
    """

    table: ClassVar[str] = "token"

    token_hash: bytes
    kind: str
    grant_id: str
    scope: str
    issued_at: datetime
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    successor_hash: bytes | None = None
    successor_sealed: bytes | None = None
    resource: str | None = None
