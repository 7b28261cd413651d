"""Names of keys, and the compact form of what they sign (RFC 7515, RFC 7517, RFC 7638).

Only writing happens here, and it needs no more than a signature. What others have signed is read by :mod:`app.oauth2.jose`. The keys
themselves are made and opened by :mod:`app.core.key_pairs`, which is imported when somebody needs one.
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from app.core.base64url import base64url

if TYPE_CHECKING:
    from app.core.key_pairs import KeyPair

Jwk = Mapping[str, str]
"""A key as a JSON object (RFC 7517 §4)."""

_REQUIRED: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
"""The members that make a thumbprint, per type of key and in their order (RFC 7638 §3.2, RFC 8037 §2)."""
_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Algorithm(StrEnum):
    """The signature algorithms that tokens are signed with here (RFC 7518 §3.1, RFC 8037 §3.1)."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class UnusableKey(Exception):  # noqa: N818 (a state of what was stored)
    """What was stored is no key that can be used."""


def thumbprint(jwk: Jwk) -> str:
    """Return the name that follows from a key itself: the SHA-256 thumbprint of its public members (RFC 7638)."""
    return base64url(hashlib.sha256(_compact({name: jwk[name] for name in _REQUIRED[jwk["kty"]]}).encode()).digest())


def signed(key: "KeyPair", header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return header and claims in the compact form, with the key's signature over both (RFC 7515 §5.1, §7.1)."""
    message = f"{base64url(_compact(header).encode())}.{base64url(_compact(claims).encode())}"
    return f"{message}.{base64url(key.sign(message.encode('ascii')))}"


def half_hash(value: str, algorithm: Algorithm) -> str:
    """Return the left half of a value's hash, by the hash of a signature algorithm: ``at_hash`` and ``c_hash``.

    OpenID Connect Core §3.1.3.6, §3.3.2.11. Ed25519 is built on SHA-512, which clients take for ``EdDSA``.
    """
    digest = (hashlib.sha512 if algorithm is Algorithm.EDDSA else hashlib.sha256)(value.encode("ascii")).digest()
    return base64url(digest[: len(digest) // 2])
