"""Secrets of clients that are declared by their digests: what a file carries that was written from a database."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from app.admin.fields import Fields, Refused

KEY: Final = "client_secret_hash"
MAXIMUM: Final = 20
"""Secrets of one client."""
_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_FORM: Final = 'takes the SHA-256 of the secret as 64 hexadecimal digits, or a list of { hash = "…", expires_at = … }'


class SecretHash(NamedTuple):
    """The SHA-256 of a secret, and its end where it has one."""

    secret_hash: bytes
    expires_at: datetime | None = None


def declared_hashes(fields: Fields) -> tuple[SecretHash, ...] | None:
    """Read the digests of a client's secrets: one, or a list of all that are still good while one replaces another.

    Raises:
        Refused: one is no digest, or there is a secret beside them.
    """
    found = _read(fields)
    if found is None:
        return None
    if fields.text("client_secret", 1024) is not None:
        raise Refused(KEY, "stands beside a client_secret: declare one of the two")
    if not found or len(found) > MAXIMUM:
        raise Refused(KEY, f"takes 1 to {MAXIMUM} secrets")
    if len({one.secret_hash for one in found}) < len(found):
        raise Refused(KEY, "holds the same secret twice")
    return found


def _read(fields: Fields) -> tuple[SecretHash, ...] | None:
    value = fields.given(KEY)
    if value is None:
        return None
    if isinstance(value, str):
        return (SecretHash(_digest(value)),)
    if not isinstance(value, list | tuple):
        raise Refused(KEY, _FORM)
    return tuple(_entry(one) for one in value)


def _entry(value: object) -> SecretHash:
    if isinstance(value, str):
        return SecretHash(_digest(value))
    if not isinstance(value, Mapping):
        raise Refused(KEY, _FORM)
    entry = Fields(value)
    try:
        entry.allow(("hash", "expires_at"))
        end = entry.moment("expires_at")
        return SecretHash(_digest(entry.required("hash", 200)), end.replace(microsecond=0) if end is not None else None)
    except Refused as refused:
        raise Refused(KEY if refused.key == KEY else f"{KEY}.{refused.key}", refused.reason) from None


def _digest(text: str) -> bytes:
    if _HEX.fullmatch(text) is None:
        raise Refused(KEY, _FORM)
    return bytes.fromhex(text)
