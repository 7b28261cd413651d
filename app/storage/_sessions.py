"""The catalogue's sessions: browsers in which people are logged in."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from app.models import Session, User
from app.storage._logouts import Logouts
from app.storage._shelf import first

_SHOWN: Final = 200
"""Sessions that one person is shown at most, the latest first."""
_USER_AGENT: Final = 400
_ADDRESS: Final = 64


class Sessions(Logouts):
    """Sessions by the digest of their id. Wherever one ends, the clients that it was used for are told."""

    def session(self, id_hash: bytes) -> tuple[Session, User] | None:
        """Return a session and whose it is; ``None`` also where it is past its end, or its user is disabled.

        Whether nobody was seen for too long is the caller's to judge (:meth:`app.models.Session.is_alive`).
        """
        session = first(self._rows.find(Session, id_hash=id_hash))
        if session is None or session.expires_at <= self._clock.now():
            return None
        user = first(self._rows.find(User, id=session.user_id, disabled_at=None))
        return None if user is None else (session, user)

    def sessions_of(self, user_id: str) -> list[Session]:
        """Return the sessions of a person that are not past their end, the latest first."""
        now = self._clock.now()
        found = self._rows.find(Session, user_id=user_id, order_by=["last_seen_at"], descending=True, limit=_SHOWN)
        return [session for session in found if session.expires_at > now]

    def add_session(self, session: Session, seen: User, instead_of: bytes | None = None) -> bool:
        """Log a person in and say whether they still may: not if they were disabled, or what they prove themselves by has changed.

        ``seen`` is the user as of the proof. ``instead_of`` is the session that the browser had before: one of the same person goes on
        as the new one, with what belongs to it, and one of somebody else ends. What a browser says of itself is cut to what the table
        holds.
        """
        user = first(self._rows.find(User, id=seen.id, disabled_at=None))
        if user is None or (user.password_hash, user.second_factor_at) != (seen.password_hash, seen.second_factor_at):
            return False
        if instead_of is not None:
            session = self._continued(session, instead_of)
        cut = replace(session, user_agent=_plain(session.user_agent, _USER_AGENT), address=_plain(session.address, _ADDRESS))
        self._rows.insert(cut)
        return True

    def _continued(self, session: Session, instead_of: bytes) -> Session:
        before = first(self._rows.find(Session, id_hash=instead_of))
        if before is None:
            return session
        if before.user_id != session.user_id:
            self.end_session(instead_of)
            return session
        self._rows.remove(Session, id_hash=instead_of)
        if before.sid is None:
            return session
        self._hand_on(before.sid, session.expires_at)
        return replace(session, sid=before.sid)

    def touch_session(self, session: Session) -> bool:
        """Note that somebody was seen, at most once a minute, and say whether it was noted."""
        now = self._clock.now()
        if not session.is_due(now):
            return False
        seen = {"last_seen_at": now}
        return self._rows.change(Session, seen, id_hash=session.id_hash, last_seen_at=session.last_seen_at) == 1

    def end_session(self, id_hash: bytes, user_id: str | None = None) -> bool:
        """End a session, of this person where one is named, and say whether it was there."""
        whose = {} if user_id is None else {"user_id": user_id}
        return self._end(self._rows.find(Session, id_hash=id_hash, **whose)) == 1  # type: ignore[arg-type]  # a column's name

    def end_sessions(self, user_id: str, but: bytes | None = None) -> int:
        """End all sessions of a person, except one where it is named, and return their number."""
        return self._end([session for session in self._rows.find(Session, user_id=user_id) if session.id_hash != but])

    def _end(self, sessions: Collection[Session]) -> int:
        if not sessions:
            return 0
        self._end_what_belongs_to(sessions)
        return self._rows.remove(Session, id_hash=[session.id_hash for session in sessions])


def _plain(text: str | None, maximum: int) -> str | None:
    """Return what of a text can be stored and shown."""
    return None if text is None else "".join(character for character in text[:maximum] if character.isprintable())
