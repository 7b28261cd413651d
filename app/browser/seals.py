"""What travels through a browser and must come back unchanged, from the same browser and in time: signed, and kept nowhere here."""

import hmac
import json
from base64 import urlsafe_b64decode
from binascii import Error
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.core.base64url import base64url
from app.core.secrets import attempt_key
from app.models.record import from_microseconds, to_microseconds

PENDING_MINUTES: Final = 30
"""How long a person may take from the app to the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An authorization request that waits for a person: where it came in, its raw query, and when (UTC)."""

    path: str
    query: bytes
    asked_at: datetime


class Seal:
    """Signs values for one browser under one key; whatever was signed for something else does not open."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, *parts: str) -> str:
        """Return a signature over parts, which no other list of parts has."""
        return base64url(hmac.digest(self._key, attempt_key(*parts), "sha256"))

    def is_signature(self, signature: str, *parts: str) -> bool:
        """Whether a signature is the one of these parts."""
        return hmac.compare_digest(signature.encode("utf-8", "replace"), self.sign(*parts).encode())

    def close(self, values: dict[str, Any], browser: str) -> str:
        """Return values as a token for one browser."""
        body = base64url(json.dumps(values, separators=(",", ":")).encode())
        return f"{body}.{self.sign(body, browser)}"

    def open(self, token: str, browser: str) -> dict[str, Any] | None:
        """Return the values of a token, or ``None`` where it is not ours or not for this browser."""
        body, _, signature = token.partition(".")
        if not self.is_signature(signature, body, browser):
            return None
        values: dict[str, Any] = json.loads(_bytes(body))
        return values


class PendingRequests:
    """Turns pending requests into tokens for a URL and back."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key)

    def close(self, pending: Pending, browser: str) -> str:
        """Return the token of a pending request, for one browser."""
        values = {"p": pending.path, "q": base64url(pending.query), "t": to_microseconds(pending.asked_at)}
        return self._seal.close(values, browser)

    def open(self, token: str | None, browser: str | None, now: datetime) -> Pending | None:
        """Return the pending request of a token; ``None`` where it is none of ours, of another browser, or too old."""
        values = self._seal.open(token, browser) if token and browser else None
        if values is None:
            return None
        asked_at = from_microseconds(values["t"])
        if not asked_at <= now < asked_at + timedelta(minutes=PENDING_MINUTES):
            return None
        return Pending(path=values["p"], query=_bytes(values["q"]), asked_at=asked_at)


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return b"{}"
