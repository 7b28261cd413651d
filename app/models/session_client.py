"""An application that a person has signed in to within a session of theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class SessionClient:
    """A client that is told when a session ends.

    ``name`` is the session as that client knows it (its ``sid``), ``sid`` the session as we do. The record lasts as long as the session
    may: grants that came of it may have ended long before.
    """

    table: ClassVar[str] = "session_client"

    name: str
    sid: str
    client_id: str
    user_id: str
    expires_at: datetime
