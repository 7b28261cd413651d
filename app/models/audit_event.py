"""What an operator changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class AuditEvent:
    """One change: who did what to which object, with the members before and after; secrets are never among them."""

    table: ClassVar[str] = "audit_event"

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
