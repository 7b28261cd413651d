"""A second factor by time-based one-time passwords (RFC 6238)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Totp:
    """A person's authenticator app.

    ``secret_sealed`` is the shared secret, sealed under a key outside the database. It counts from ``confirmed_at`` on, when the
    person showed a first code. ``last_step`` is the time step of the last code that was taken: no code of that step or an earlier
    one is taken again (RFC 6238 §5.2).
    """

    table: ClassVar[str] = "totp"

    user_id: str
    secret_sealed: bytes
    confirmed_at: datetime | None = None
    last_step: int | None = None
