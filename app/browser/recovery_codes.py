"""Recovery codes: what people keep on paper for the day on which their phone is not at hand."""

import secrets
import unicodedata
from typing import Final

from app.core.secrets import attempt_key

COUNT: Final = 10
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's Base32: without the letters that are taken for others, 5 bits each."""
_MISREAD: Final = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})
_LENGTH: Final = 16
"""Characters, 80 bits: nobody finds one from its digest."""
_GROUP: Final = 4
_LONGEST: Final = 64


def new_codes() -> list[str]:
    """Return fresh codes, in groups for the eye."""
    return [_grouped("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))) for _ in range(COUNT)]


def code_hash(user_id: str, text: str) -> bytes:
    """Return the digest of a person's code as they typed it: case, spaces, hyphens and letters that look like digits do not count."""
    plain = unicodedata.normalize("NFKC", text[:_LONGEST]).casefold()
    return attempt_key("recovery", user_id, "".join(plain.split()).translate(_MISREAD))


def _grouped(code: str) -> str:
    return "-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP))
