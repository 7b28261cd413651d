"""Names and passwords of people: how a name is spelt for look-up, and which passwords are accepted."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

MAXIMUM_LOGIN: Final = 320
"""Characters of a user name or e-mail address; a longer one names nobody."""
MINIMUM_LENGTH: Final = 8
MAXIMUM_LENGTH: Final = 1024
"""Characters; longer input is refused before it is hashed."""
_COMMON: Final = Path(__file__).with_name("common_passwords.txt")


def login_key(name: str) -> str:
    """Return the one spelling under which a user name or e-mail address is looked up and counted.

    Compatibility-composed, case folded and without surrounding space, so that no spelling opens a second counter or account. A name
    that is too long has the empty key, which is nobody's: composing a long run of combining marks takes quadratic time.
    """
    if len(name) > MAXIMUM_LOGIN:
        return ""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).strip().casefold()).strip()


def password_problem(password: str) -> str | None:
    """Return what is wrong with a new password, or ``None``.

    It is too short, too long, or among the 3000 that are used most, in whatever case. Any characters count, and none must be there
    (NIST SP 800-63B §5.1.1.2).
    """
    if len(password) < MINIMUM_LENGTH:
        return f"a password needs at least {MINIMUM_LENGTH} characters"
    if len(password) > MAXIMUM_LENGTH:
        return f"a password has at most {MAXIMUM_LENGTH} characters"
    if password.casefold() in _common_passwords():
        return "this password is among the most used ones, which are tried first: choose another"
    return None


@cache
def _common_passwords() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="ascii").splitlines()
    return frozenset(line.casefold() for line in lines if not line.startswith("#"))
