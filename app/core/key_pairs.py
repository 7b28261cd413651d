"""Private keys: how they are made, opened and published (RFC 7518, RFC 8037). Imported when somebody needs one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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

from app.core.base64url import base64url
from app.core.keys import Algorithm, Jwk, UnusableKey, thumbprint

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

RSA_BITS: Final = 2048
_EXPONENT: Final = 65537
_P256_BYTES: Final = 32
_SHA256: Final = SHA256()
_ECDSA: Final = ECDSA(_SHA256)
_PKCS1: Final = PKCS1v15()
_KINDS: Final[Mapping[Algorithm, type[PrivateKey]]] = {
    Algorithm.RS256: RSAPrivateKey,
    Algorithm.ES256: EllipticCurvePrivateKey,
    Algorithm.EDDSA: Ed25519PrivateKey,
}


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
            return private.sign(message, _PKCS1, _SHA256)
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


def public_members(private: PrivateKey) -> Jwk:
    """Return the members of a key that make out its public half (RFC 7518 §6.2.1, §6.3.1; RFC 8037 §2)."""
    if isinstance(private, RSAPrivateKey):
        rsa = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(rsa.n), "e": _number(rsa.e)}
    if isinstance(private, EllipticCurvePrivateKey):
        point = private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(point.x, _P256_BYTES), "y": _number(point.y, _P256_BYTES)}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _number(value: int, size: int | None = None) -> str:
    """Return a number as RFC 7518 §2 has it: big-endian, in as few bytes as it needs or in ``size``."""
    return base64url(value.to_bytes(size or (value.bit_length() + 7) // 8))
