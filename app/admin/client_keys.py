"""What a client that signs is registered with: its keys, or where it publishes them, and the algorithm (RFC 7591 §2, RFC 7523)."""

import warnings
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from app.admin.fields import Fields, Refused
from app.core.client_algorithms import ALGORITHMS, ASSERTION_METHODS, PRIVATE_KEY_JWT
from app.dialects.dialect import Dialect
from app.models import Client

CLIENT_KEYS: Final = ("jwks", "jwks_uri", "token_endpoint_auth_signing_alg")
_PRIVATE_JWK: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MAXIMUM_KEYS: Final = 100
_MINIMUM_RSA_BITS: Final = 2048
_KEY_OF: Final = {"R": "RSA", "P": "RSA", "E": "EC"}
"""The type of key that an algorithm takes, by the first letter of its name; ``EdDSA`` is an exception."""
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


def declared_keys(fields: Fields) -> dict[str, object]:
    """Read what is declared, each value by itself; an empty one takes a key away.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    return {"jwks": _jwks(fields), "jwks_uri": _jwks_uri(fields), "token_endpoint_auth_signing_alg": _algorithm(fields)}


def _jwks(fields: Fields) -> Mapping[str, object] | None:
    jwks = fields.table("jwks")
    if not jwks:
        return jwks
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, Mapping) for key in keys) or len(keys) > _MAXIMUM_KEYS:
        raise Refused("jwks", f'must hold a list of 1 to {_MAXIMUM_KEYS} keys: {{ keys = [ {{ kty = "…", … }} ] }}')
    for number, key in enumerate(keys, 1):
        _check_key(number, key)
    names = [key["kid"] for key in keys if "kid" in key]
    if len(set(names)) != len(names):
        raise Refused("jwks", "holds two keys with the same kid")
    return jwks


def _check_key(number: int, key: Mapping[str, object]) -> None:
    """Check that a key is a public one that can be used.

    Raises:
        Refused: it is not.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey, import_key

    if not _PRIVATE_JWK.isdisjoint(key):
        raise Refused("jwks", "holds a private key: register the public members alone")
    if not isinstance(key.get("kid", ""), str):
        raise Refused("jwks", f"the kid of key {number} must be a text")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's words about short keys: ours follow
            opened = import_key({str(name): value for name, value in key.items()})  # type: ignore[misc]  # typed by its kind, which it tells itself
        bits = opened.public_key.key_size if isinstance(opened, RSAKey) else _MINIMUM_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Refused("jwks", f"key {number} is no key that can be used ({type(error).__name__}): see its kty and its members") from None
    if bits < _MINIMUM_RSA_BITS:
        raise Refused("jwks", f"key {number} has {bits} bits: an RSA key has at least {_MINIMUM_RSA_BITS}")


def _jwks_uri(fields: Fields) -> str | None:
    uri = fields.url("jwks_uri")
    parts = urlsplit(uri or "")
    if uri and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise Refused("jwks_uri", f"{uri}: must be an https address")
    if uri and "#" in uri:
        raise Refused("jwks_uri", f"{uri}: has a fragment")
    return uri


def _algorithm(fields: Fields) -> str | None:
    algorithm = fields.text("token_endpoint_auth_signing_alg", 16)
    known = [one for method in ASSERTION_METHODS for one in ALGORITHMS[method]]
    if algorithm and algorithm not in known:
        raise Refused("token_endpoint_auth_signing_alg", f"is one of {', '.join(known)}")
    return algorithm


def check_keys(client: Client, dialect: Dialect) -> None:
    """Check that what a client signs with fits the method by which it authenticates.

    Raises:
        Refused: it does not.
    """
    method, algorithm = client.token_endpoint_auth_method or "", client.token_endpoint_auth_signing_alg
    if client.jwks is not None and client.jwks_uri is not None:
        raise Refused("jwks_uri", "jwks says already which keys the client has: declare one of the two (RFC 7591 section 2)")
    if method not in ASSERTION_METHODS:
        if algorithm is not None:
            raise Refused("token_endpoint_auth_signing_alg", f"is for {' and '.join(ASSERTION_METHODS)}, not for {method or 'a secret'}")
        return
    if not dialect.takes_assertions:
        raise Refused("token_endpoint_auth_method", f"the dialect {dialect.name} takes no client_assertion: choose another than {method}")
    if algorithm is not None and algorithm not in ALGORITHMS[method]:
        raise Refused("token_endpoint_auth_signing_alg", f"{method} takes one of {', '.join(ALGORITHMS[method])}, not {algorithm}")
    if method == PRIVATE_KEY_JWT:
        _check_own_keys(client, algorithm)


def _check_own_keys(client: Client, algorithm: str | None) -> None:
    if client.jwks is None and client.jwks_uri is None:
        raise Refused("jwks", f"is missing: {PRIVATE_KEY_JWT} needs the client's public keys, or a jwks_uri where it publishes them")
    if client.jwks is not None and not any(_signs(key, algorithm) for key in client.jwks["keys"]):
        raise Refused("jwks", f"holds no key that signs with {algorithm or 'any of ' + ', '.join(ALGORITHMS[PRIVATE_KEY_JWT])}")


def _signs(key: Mapping[str, object], algorithm: str | None) -> bool:
    """Whether a key may sign with an algorithm, or with any that is understood."""
    if algorithm is None:
        return any(_signs(key, one) for one in ALGORITHMS[PRIVATE_KEY_JWT])
    kind = "OKP" if algorithm == "EdDSA" else _KEY_OF[algorithm[0]]
    fits = key.get("kty") == kind and key.get("crv") == _CURVES.get(algorithm, key.get("crv"))
    return fits and key.get("alg", algorithm) == algorithm and key.get("use", "sig") == "sig"
