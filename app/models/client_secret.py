"""A secret of a client, as its digest; a client may hold several while one replaces another."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class ClientSecret:
    """One client secret; without ``expires_at`` it has no end.

    ``secret_sealed`` is the secret itself, sealed under a key outside the database: only where the client signs with it
    (``client_secret_jwt``), for a digest checks no signature.
    """

    table: ClassVar[str] = "client_secret"

    id: str
    client_id: str
    secret_hash: bytes
    created_at: datetime
    expires_at: datetime | None = None
    secret_sealed: bytes | None = None
