"""A key that signs what this server says: ID tokens, and whatever else is a JWT."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class SigningKey:
    """A signing key under its name, the thumbprint of its public half (RFC 7638).

    ``private_sealed`` is PKCS #8, sealed under a key outside the database; ``public_jwk`` is what is published from ``created_at`` on.
    It signs from ``active_from`` on, until a later one of its algorithm does. A key that is retired is trusted no more, whatever it
    has signed.
    """

    table: ClassVar[str] = "signing_key"

    kid: str
    algorithm: str
    private_sealed: bytes
    public_jwk: Mapping[str, str]
    created_at: datetime
    active_from: datetime
    retired_at: datetime | None = None
