"""Browsers that an account has logged in from: strangers who guess its password do not keep it out of these.

The cookie holds random names, each signed for one account; it tells nobody which. A changed password makes every browser a stranger.
"""

import hmac
from typing import Final

from app.browser.seals import Seal
from app.core.secrets import attempt_key, new_id
from app.models import User

_REMEMBERED: Final = 4
"""Accounts that one browser is known to."""
_SIGNATURE: Final = 22
"""Characters of a signature that are kept: 132 bits."""


class Devices:
    """Knows browsers again."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key)

    def counter(self, cookie: str, user: User) -> bytes | None:
        """Return the failure counter of a browser that this account has logged in from, or ``None`` for any other."""
        for entry in cookie.split("!")[:_REMEMBERED]:
            name, _, signature = entry.partition("~")
            if hmac.compare_digest(self._signature(name, user), signature):
                return attempt_key("device", user.id, name)
        return None

    def remember(self, cookie: str, user: User) -> str:
        """Return the cookie of a browser from which this account has just logged in."""
        entries = [entry for entry in cookie.split("!") if entry]
        if self.counter(cookie, user) is not None:
            return cookie
        name = new_id()
        return "!".join([f"{name}~{self._signature(name, user)}", *entries][:_REMEMBERED])

    def _signature(self, name: str, user: User) -> str:
        changed = user.password_changed_at.isoformat() if user.password_changed_at is not None else ""
        return self._seal.sign(name, user.id, changed)[:_SIGNATURE]
