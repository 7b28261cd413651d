"""The codes of an authenticator app (RFC 6238): 6 digits by HMAC-SHA-1, another one every 30 seconds, and the secret behind them.

The parameters are those that every app knows; a step either way is taken for the right one, since clocks differ (§5.2).
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.secrets import seal, unseal

STEP_SECONDS: Final = 30
_TOLERANCE: Final = (0, -1, 1)
"""Steps away from the server's in which a code is taken, the likeliest first."""
_CODE: Final = re.compile(r"[0-9]{6}")
_LONGEST_LABEL: Final = 60
"""Characters of a name in the QR code, which holds few bytes; it is a label and decides nothing."""


def new_secret() -> str:
    """Return a fresh secret: 160 bits as Base32, what RFC 4226 §4 recommends."""
    from pyotp import random_base32

    return random_base32(32)


def provisioning_uri(secret: str, person: str, service: str) -> str:
    """Return the ``otpauth`` address that authenticator apps read from a QR code."""
    from pyotp import TOTP

    return TOTP(secret).provisioning_uri(name=person[:_LONGEST_LABEL], issuer_name=service[:_LONGEST_LABEL])


def normal_code(text: str) -> str:
    """Return what somebody typed as a code without spaces, and with the digits of any keyboard as ASCII."""
    return "".join(unicodedata.normalize("NFKC", text[:_LONGEST_LABEL]).split())


def is_code(text: str) -> bool:
    """Whether a text, as :func:`normal_code` leaves it, has the form of a code."""
    return _CODE.fullmatch(text) is not None


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that a code is of, or ``None`` where it is of none near ``now``."""
    from pyotp import TOTP

    codes = TOTP(secret)
    step = int(now.timestamp()) // STEP_SECONDS
    return next((step + away for away in _TOLERANCE if hmac.compare_digest(codes.generate_otp(step + away), code)), None)


@dataclass(frozen=True, slots=True)
class TotpSecrets:
    """Seals secrets for the database, each for one person: a row that is copied to another person's place opens nothing."""

    key: bytes

    def seal(self, user_id: str, secret: str) -> bytes:
        """Return a secret as it is stored."""
        return seal(self.key, f"{user_id}:{secret}".encode())

    def open(self, user_id: str, sealed: bytes) -> str | None:
        """Return the secret of a person, or ``None`` where it was sealed under another key or for another person."""
        owner, _, secret = (unseal(self.key, sealed) or b"").decode().partition(":")
        return secret if secret and owner == user_id else None
