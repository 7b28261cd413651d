"""A public key credential with which a person logs in (WebAuthn Level 2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Passkey:
    """A passkey.

    ``credential_id`` has at most 1023 bytes; ``public_key`` is a COSE key. ``sign_count`` is what the authenticator counted at its
    last use, below 2^32, or 0 for ever. ``transports`` are the browser's hints for finding it again (WebAuthn §5.8.4); ``name`` is
    the person's own word for it.
    """

    table: ClassVar[str] = "passkey"

    credential_id: bytes
    user_id: str
    public_key: bytes
    sign_count: int
    name: str | None = None
    transports: list[str]
    created_at: datetime
    last_used_at: datetime | None = None
