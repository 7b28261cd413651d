"""A browser in which a person is logged in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

_SEEN_EVERY: Final = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Session:
    """A session, as the digest of the id in its cookie.

    ``created_at`` is when the person logged in (``auth_time`` of OpenID Connect Core §2) and ``amr`` how (RFC 8176 §2). It ends at
    ``expires_at`` whatever happens, and earlier where nobody was seen for too long; ``last_seen_at`` is kept to the minute.
    ``user_agent`` and ``address`` tell the person which browser it is; they decide nothing. ``sid`` names the session for as long as
    it lasts, however often its id changes; clients are told one of their own that is made of it.
    """

    table: ClassVar[str] = "session"

    id_hash: bytes
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    amr: list[str]
    user_agent: str | None = None
    address: str | None = None
    sid: str | None = None

    def is_alive(self, now: datetime, idle_in: int) -> bool:
        """Whether the session has not ended, and somebody was seen within ``idle_in`` seconds."""
        return now < self.expires_at and now - self.last_seen_at < timedelta(seconds=idle_in)

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to note that somebody was seen: a minute after the last time."""
        return now - self.last_seen_at >= _SEEN_EVERY
