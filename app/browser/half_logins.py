"""Half a login: somebody who gave the right password and still owes the second step.

It travels in the address of that step, signed, for this browser alone and for five minutes. It names the person and what they proved
themselves by, so that it is worth nothing once their password or their second factor has changed. Nothing is kept here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.browser.seals import Seal
from app.models import User
from app.models.record import from_microseconds, to_microseconds

HALF_LOGIN_MINUTES: Final = 5
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLogin:
    """Whose password was right, when (UTC), and which."""

    user_id: str
    at: datetime
    version: str


class HalfLogins:
    """Turns half logins into tokens for an address and back."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key)

    def close(self, user: User, browser: str, now: datetime) -> str:
        """Return the token of somebody whose password was just found right, for one browser."""
        return self._seal.close({"u": user.id, "v": self._version(user), "t": to_microseconds(now)}, browser)

    def open(self, token: str, browser: str, now: datetime) -> HalfLogin | None:
        """Return the half login of a token; ``None`` where it is none of ours, of another browser, or too old."""
        values = self._seal.open(token, browser) if len(token) <= _LONGEST else None
        if values is None:
            return None
        at = from_microseconds(values["t"])
        if not at <= now < at + timedelta(minutes=HALF_LOGIN_MINUTES):
            return None
        return HalfLogin(user_id=values["u"], at=at, version=values["v"])

    def is_of(self, half: HalfLogin, user: User) -> bool:
        """Whether a person still proves themselves by what they did then."""
        return half.user_id == user.id and half.version == self._version(user)

    def _version(self, user: User) -> str:
        since = user.second_factor_at.isoformat() if user.second_factor_at is not None else ""
        return self._seal.sign("version", user.id, user.password_hash or "", since)
