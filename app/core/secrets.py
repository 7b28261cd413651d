"""Random values, their digests, and sealing.

Every credential of a machine is random with at least 128 bits, so a single SHA-256 is its form at rest (RFC 6819 §5.1.4.1.3).
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.core.base64url import base64url

Encoding = Literal["urlsafe", "hex", "HEX"]
MINIMUM_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_BLOCK_BYTES: Final = 4096


class _Entropy:
    """Bytes of the operating system's generator, drawn in blocks: a system call per value is most of what a token costs.

    Every byte is handed out once; a forked process starts with a block of its own.
    """

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._block = b""
        self._position = 0

    def take(self, size: int) -> bytes:
        """Return that many random bytes."""
        with self._lock:
            end = self._position + size
            if end > len(self._block):
                self._block = os.urandom(max(_BLOCK_BYTES, size))
                self._position, end = 0, size
            taken = self._block[self._position : end]
            self._position = end
        return taken


_entropy: Final = _Entropy()


_ENCODERS: Final[dict[str, Callable[[bytes], str]]] = {
    "urlsafe": base64url,
    "hex": bytes.hex,
    "HEX": lambda raw: raw.hex().upper(),
}


@dataclass(frozen=True, slots=True)
class SecretFormat:
    """How a random value is spelt: ``size`` random bytes in an ``encoding``.

    ``urlsafe`` is base64url without padding, ``hex`` lower-case and ``HEX`` upper-case hexadecimal.
    """

    encoding: Encoding = "urlsafe"
    size: int = 32

    def __post_init__(self) -> None:
        """Refuse what could be guessed.

        Raises:
            ValueError: fewer than 16 random bytes (RFC 6749 §10.10), or an encoding that does not exist.
        """
        if self.size < MINIMUM_BYTES:
            raise ValueError(f"a secret needs at least {MINIMUM_BYTES} random bytes, not {self.size}")
        if self.encoding not in _ENCODERS:
            raise ValueError(f"no encoding is called {self.encoding!r}: there are {', '.join(_ENCODERS)}")

    def generate(self) -> str:
        """Return a fresh random value in this format."""
        return _ENCODERS[self.encoding](_entropy.take(self.size))


def new_id() -> str:
    """Return a fresh identifier: 16 random bytes as 22 URL-safe characters."""
    return base64url(_entropy.take(16))


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a secret: the only form in which it is stored or looked up."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def identifier_digest(identifier: str) -> bytes:
    """Return the digest under which a token is stored that is known by an identifier in it, such as the ``jti`` of a JWT.

    An identifier is no secret: no text that anybody could present in the place of a token has this digest, for none has this first byte.
    """
    return hashlib.sha256(b"\xff" + identifier.encode("utf-8", "surrogatepass")).digest()


def attempt_key(*parts: str) -> bytes:
    """Return the key of a failure counter; the parts are length-prefixed, so that no two lists of parts collide."""
    return digest("".join(f"{len(part)}:{part}" for part in parts))


def derive_key(secret: str, purpose: bytes) -> bytes:
    """Return a 32-byte key that only the holder of ``secret`` can make again; ``purpose`` (up to 16 bytes) separates uses."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=purpose).digest()


def seal(key: bytes, plain: bytes) -> bytes:
    """Encrypt and authenticate ``plain`` under a 32-byte key (AES-256-GCM, random nonce in front)."""
    nonce = _entropy.take(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def unseal(key: bytes, sealed: bytes) -> bytes | None:
    """Return what :func:`seal` hid, or ``None`` where the key is another or the value was changed."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (InvalidTag, ValueError):
        return None
