"""What a client is still to be told: that a session has ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class LogoutNotice:
    """A logout token that waits to be sent (OpenID Connect Back-Channel Logout §2.5); it is made and signed anew for every try.

    ``name`` is the session as the client knows it. It is due at ``due_at``: whoever takes it on moves that forward, so that nobody
    else does and that it comes back where its process dies. ``tries`` counts how often it was taken on.
    """

    table: ClassVar[str] = "logout_notice"

    id: str
    client_id: str
    user_id: str
    name: str
    created_at: datetime
    due_at: datetime
    tries: int = 0
