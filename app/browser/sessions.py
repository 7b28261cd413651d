"""Sessions: who a browser is, and how it becomes somebody and nobody again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from app.browser.visitor import Visitor, new_cookie_value
from app.core.clock import Clock
from app.core.secrets import digest, new_id
from app.models import Session, User

if TYPE_CHECKING:
    from app.storage import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long a session lasts, in seconds: in all, and without anybody being seen."""

    lasts: int = 12 * 3600
    idle: int = 3600


class Sessions:
    """Finds and begins sessions, in a transaction of whoever calls."""

    def __init__(self, clock: Clock, limits: SessionLimits) -> None:
        self._clock = clock
        self._limits = limits

    def find(self, catalog: "Catalog", visitor: Visitor) -> tuple[Session, User] | None:
        """Return the browser's session and its user, where it has not ended."""
        found = catalog.session(digest(visitor.session)) if visitor.session else None
        return found if found is not None and found[0].is_alive(self._clock.now(), self._limits.idle) else None

    def begin(self, catalog: "Catalog", user: User, amr: Sequence[str], visitor: Visitor) -> str | None:
        """Begin a session in place of the one that the browser had, so that no id outlives a login; return the new id.

        ``None`` means that the user was changed since they were read: what was proved may not hold any more.
        """
        value, now = new_cookie_value(), self._clock.now()
        session = Session(
            id_hash=digest(value),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(seconds=self._limits.lasts),
            amr=list(amr),
            user_agent=visitor.user_agent,
            address=visitor.address,
            sid=new_id(),
        )
        instead_of = digest(visitor.session) if visitor.session else None
        return value if catalog.add_session(session, user, instead_of) else None

    def renew(self, catalog: "Catalog", user: User, session: Session, amr: Sequence[str], visitor: Visitor) -> str | None:
        """Give a session another id, so that the old one opens nothing (OWASP ASVS 7.2.4), and return it.

        When the person logged in and when the session ends stay. ``None`` means that it has ended meanwhile.
        """
        if catalog.session(session.id_hash) is None:
            return None
        value = new_cookie_value()
        renewed = replace(
            session,
            id_hash=digest(value),
            last_seen_at=self._clock.now(),
            amr=list(amr),
            user_agent=visitor.user_agent,
            address=visitor.address,
        )
        return value if catalog.add_session(renewed, user, session.id_hash) else None
