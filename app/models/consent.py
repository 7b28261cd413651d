"""What a person allowed an application, remembered so that it is not asked again."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Consent:
    """All scopes that a person ever allowed a client and has not withdrawn; ``granted_at`` is when they were last asked."""

    table: ClassVar[str] = "consent"

    user_id: str
    client_id: str
    scope: str
    granted_at: datetime
