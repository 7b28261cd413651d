"""A code on paper that stands in for a lost second factor, once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class RecoveryCode:
    """A recovery code, as its digest; a used one stays, so that the person sees how many are left of how many."""

    table: ClassVar[str] = "recovery_code"

    user_id: str
    code_hash: bytes
    used_at: datetime | None = None
