"""The server's secret key: nothing of it is used as it is, each purpose has a key of its own."""

from dataclasses import dataclass, field
from typing import Final

from app.core.secrets import derive_key

CLIENT_SECRETS: Final = b"client-secrets"
"""The purpose of the key that seals the secrets of clients which sign with them."""


@dataclass(frozen=True, slots=True)
class SecretKey:
    """What ``TOKENRY_SECRET_KEY`` holds, or the key file beside the database: a text that cannot be guessed."""

    text: str = field(repr=False)

    def derive(self, purpose: bytes) -> bytes:
        """Return the 32-byte key of a purpose, a word of up to 16 bytes; from one key no other can be told.

        Raises:
            ValueError: the purpose is empty or too long; a fault of the program.
        """
        if not purpose:
            raise ValueError("a key is derived for a purpose")
        return derive_key(self.text, purpose)
