"""Keys that sign: how they are made, named and published (RFC 7517, RFC 7518), and what they sign (RFC 7515).

Only writing happens here, and it needs no more than a signature. What others have signed is read by :mod:`app.oauth2.jose`.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
Jwk = Mapping[str, str]
"""A key as a JSON object (RFC 7517 §4)."""

RSA_BITS: Final = 2048
_EXPONENT: Final = 65537
_P256_BYTES: Final = 32
_ECDSA: Final = ECDSA(SHA256())
_PKCS1: Final = PKCS1v15()
_REQUIRED: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
"""The members that make a thumbprint, per type of key and in their order (RFC 7638 §3.2, RFC 8037 §2)."""
_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Algorithm(StrEnum):
    """The signature algorithms that tokens are signed with here (RFC 7518 §3.1, RFC 8037 §3.1)."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


class UnusableKey(Exception):  # noqa: N818 (a state of what was stored)
    """What was stored is no key of its algorithm."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and the one algorithm that it signs with."""

    algorithm: Algorithm
    private: PrivateKey = field(repr=False)

    @property
    def public_jwk(self) -> Jwk:
        """Return what may be published of the key: its public members, its name, its algorithm and its use."""
        members = public_members(self.private)
        return {**members, "kid": thumbprint(members), "alg": self.algorithm, "use": "sig"}

    @property
    def pkcs8(self) -> bytes:
        """Return the private key as PKCS #8 in DER: what is sealed to be stored."""
        return self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message, in the form that RFC 7518 §3.3 and §3.4 and RFC 8037 §3.1 give it."""
        private = self.private
        if isinstance(private, RSAPrivateKey):
            return private.sign(message, _PKCS1, _ECDSA.algorithm)
        if isinstance(private, EllipticCurvePrivateKey):
            r, s = decode_dss_signature(private.sign(message, _ECDSA))
            return r.to_bytes(_P256_BYTES) + s.to_bytes(_P256_BYTES)
        return private.sign(message)


def make_key(algorithm: Algorithm) -> KeyPair:
    """Return a fresh key for an algorithm; one for RS256 takes a tenth of a second."""
    if algorithm is Algorithm.RS256:
        return KeyPair(algorithm, generate_rsa_key(_EXPONENT, RSA_BITS))
    if algorithm is Algorithm.ES256:
        return KeyPair(algorithm, generate_ec_key(SECP256R1()))
    return KeyPair(algorithm, Ed25519PrivateKey.generate())


def load_key(algorithm: Algorithm, pkcs8: bytes) -> KeyPair:
    """Return the key pair that :attr:`KeyPair.pkcs8` gave; it was sealed, so its numbers are not checked again.

    Raises:
        UnusableKey: it is no private key, or one of another algorithm.
    """
    try:
        private = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=True)
    except ValueError:
        raise UnusableKey("no private key") from None
    if not isinstance(private, _KINDS[algorithm]):
        raise UnusableKey(f"no key for {algorithm}")
    return KeyPair(algorithm, private)


_KINDS: Final[Mapping[Algorithm, type[PrivateKey]]] = {
    Algorithm.RS256: RSAPrivateKey,
    Algorithm.ES256: EllipticCurvePrivateKey,
    Algorithm.EDDSA: Ed25519PrivateKey,
}


def public_members(private: PrivateKey) -> Jwk:
    """Return the members of a key that make out its public half (RFC 7518 §6.2.1, §6.3.1; RFC 8037 §2)."""
    if isinstance(private, RSAPrivateKey):
        rsa = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(rsa.n), "e": _number(rsa.e)}
    if isinstance(private, EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(point.x, _P256_BYTES), "y": _number(point.y, _P256_BYTES)}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}


def thumbprint(jwk: Jwk) -> str:
    """Return the name that follows from a key itself: the SHA-256 thumbprint of its public members (RFC 7638)."""
    return base64url(hashlib.sha256(_compact({name: jwk[name] for name in _REQUIRED[jwk["kty"]]}).encode()).digest())


def base64url(raw: bytes) -> str:
    """Return bytes as base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _number(value: int, size: int | None = None) -> str:
    """Return a number as RFC 7518 §2 has it: big-endian, in as few bytes as it needs or in ``size``."""
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8))


# -- what is signed ----------------------------------------------------------------------------------------------------------------


def signing_input(header: Mapping[str, object], claims: Mapping[str, object]) -> bytes:
    """Return what a signature is made over: header and claims, each as base64url of compact JSON (RFC 7515 §5.1)."""
    return f"{base64url(_compact(header).encode())}.{base64url(_compact(claims).encode())}".encode("ascii")


def signed(key: KeyPair, header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    """Return header and claims in the compact form, with the key's signature (RFC 7515 §7.1)."""
    message = signing_input(header, claims)
    return f"{message.decode('ascii')}.{base64url(key.sign(message))}"


def half_hash(value: str, algorithm: Algorithm) -> str:
    """Return the left half of a value's hash, by the hash of a signature algorithm: ``at_hash`` and ``c_hash``.

    OpenID Connect Core §3.1.3.6, §3.3.2.11. Ed25519 is built on SHA-512, which clients take for ``EdDSA``.
    """
    digest = (hashlib.sha512 if algorithm is Algorithm.EDDSA else hashlib.sha256)(value.encode("ascii")).digest()
    return base64url(digest[: len(digest) // 2])
