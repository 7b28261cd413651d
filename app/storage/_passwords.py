"""The catalogue's passwords: how they change, and the links by which people set a new one."""

from collections.abc import Sequence
from datetime import datetime

from app.models import Attempt, PasswordReset, User
from app.storage._consents import Consents
from app.storage._sessions import Sessions
from app.storage._shelf import first


class Passwords(Sessions, Consents):
    """Passwords of people. A new one ends what the old one opened."""

    def set_password(self, user_id: str, password_hash: str, *, seen: str | None, keep: bytes | None = None) -> bool:
        """Give a person another password and say so; not if they are disabled, or theirs is no more ``seen``, which was checked.

        All their sessions end but ``keep``, and so do their reset link and everything that they granted.
        """
        now = self._clock.now()
        values = {"password_hash": password_hash, "password_changed_at": now, "updated_at": now}
        if self._rows.change(User, values, id=user_id, password_hash=seen, disabled_at=None) != 1:
            return False
        self.end_access(user_id, keep)
        return True

    def end_access(self, user_id: str, keep: bytes | None = None) -> None:
        """End the sessions of a person but ``keep``, their reset link, and everything that they granted."""
        self.end_logins(user_id, keep)
        self.revoke_grants(user_id=user_id)

    def end_logins(self, user_id: str, keep: bytes | None = None) -> int:
        """End the sessions of a person but ``keep``, and their reset link; return the number of sessions."""
        self._rows.remove(PasswordReset, user_id=user_id)
        return self.end_sessions(user_id, keep)

    def forget_failures(self, keys: Sequence[bytes]) -> None:
        """Clear counters of failures: whoever failed has succeeded."""
        if keys:
            self._rows.remove(Attempt, key=keys)

    def put_password_reset(self, user_id: str, token_hash: bytes, expires_at: datetime) -> None:
        """Store the link of a person, in place of an earlier one."""
        self._rows.remove(PasswordReset, user_id=user_id)
        reset = PasswordReset(token_hash=token_hash, user_id=user_id, expires_at=expires_at, created_at=self._clock.now())
        self._rows.insert(reset)

    def password_reset(self, token_hash: bytes) -> User | None:
        """Return whose link it is, while it is good: it has not ended, and they are not disabled."""
        reset = first(self._rows.find(PasswordReset, token_hash=token_hash))
        if reset is None or reset.expires_at <= self._clock.now():
            return None
        return first(self._rows.find(User, id=reset.user_id, disabled_at=None))

    def reset_password(self, token_hash: bytes, password_hash: str) -> User | None:
        """Spend a link on a new password, once, and return whose it was; ``None`` where it is not good. All of their access ends."""
        user = self.password_reset(token_hash)
        if user is None or self._rows.remove(PasswordReset, token_hash=token_hash) != 1:
            return None
        return user if self.set_password(user.id, password_hash, seen=user.password_hash) else None
