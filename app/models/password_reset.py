"""A one-time link by which a person sets a new password."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class PasswordReset:
    """The token of a link, as its digest; there is at most one for each person, and using it deletes it."""

    table: ClassVar[str] = "password_reset"

    token_hash: bytes
    user_id: str
    expires_at: datetime
    created_at: datetime
