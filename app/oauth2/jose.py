"""Reading what is signed: JWTs of this server and of its clients (RFC 7515, RFC 7519, RFC 8725), by joserfc.

That library is imported with the first JWT that somebody presents; a server to which nobody presents one never pays for it.
"""

import warnings
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from app.core.strict_json import strict_json

MAXIMUM_LENGTH: Final = 16 * 1024
"""Characters of a JWT; a longer one is not even taken apart."""
MINIMUM_RSA_BITS: Final = 2048
_SEGMENTS: Final = 3
_TYPE_OF: Final = {"R": "RSA", "P": "RSA", "E": "EC", "H": "oct"}
"""The type of key that an algorithm takes, by the first letter of its name; ``EdDSA`` is an exception."""


class BadJwt(Exception):  # noqa: N818 (what was presented, not an error of the program)
    """What was presented is no JWT, or nobody who is trusted has signed it; the text is for the operator's log."""


class Jwt(NamedTuple):
    """A JWT whose signature is right. Nothing is said of its times, its issuer or its audience."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read_jwt(text: str, keys: Iterable[Mapping[str, Any]], algorithms: Collection[str], *, types: Collection[str] | None = None) -> Jwt:
    """Check the signature of a JWT in the compact form, and return what it holds.

    ``keys`` are those that are trusted: which one is asked for by name (``kid``), where it has one, and its own ``alg`` and ``use`` count.
    A key, or an address of keys, that the JWT brings itself is never looked at (RFC 8725 §3.1). ``types`` are the values of ``typ`` that
    are allowed, in lower case and without ``application/``; an absent one is ``""``.

    Raises:
        BadJwt: it is too long, malformed, demands an extension (``crit``), or is signed by another key or algorithm.
    """
    if len(text) > MAXIMUM_LENGTH or text.count(".") != _SEGMENTS - 1 or not text.isascii():
        raise BadJwt("it is no JWT of a bearable length")
    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        signature = jws.extract_compact(text.encode("ascii"))
        header = signature.headers()
        algorithm = _algorithm_of(header, algorithms, types)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library would rather have EdDSA called by a newer name
            registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
            if not jws.validate_compact(signature, _key_of(header, algorithm, keys), registry=registry):
                raise BadJwt("its signature is wrong")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadJwt(f"it cannot be read ({type(error).__name__})") from None
    return Jwt(header, _claims_of(signature.payload))


def _algorithm_of(header: Mapping[str, Any], algorithms: Collection[str], types: Collection[str] | None) -> str:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm == "none":
        raise BadJwt("it is signed with an algorithm that is not agreed on")
    if "crit" in header or "b64" in header or "zip" in header:
        raise BadJwt("it demands an extension")
    if types is not None and _type_of(header.get("typ", "")) not in types:
        raise BadJwt("it is a JWT of another type")
    return algorithm


def _type_of(value: object) -> str:
    """Return a media type as RFC 7515 §4.1.9 shortens it."""
    return value.lower().removeprefix("application/") if isinstance(value, str) else "?"


def _key_of(header: Mapping[str, Any], algorithm: str, keys: Iterable[Mapping[str, Any]]) -> Any:  # noqa: ANN401 (the library's)
    """Return the key that must have signed: the one of that name, or the only one that can have."""
    from joserfc.jwk import RSAKey, import_key

    kind = "OKP" if algorithm == "EdDSA" else _TYPE_OF[algorithm[0]]
    fitting = [key for key in keys if key.get("kty") == kind and key.get("alg", algorithm) == algorithm and key.get("use", "sig") == "sig"]
    if "kid" in header:
        # A key without a name may be the one that is meant; of several with one name none is.
        fitting = [key for key in fitting if key.get("kid", header["kid"]) == header["kid"]]
    if len(fitting) != 1:
        raise BadJwt("there is no such key" if not fitting else "it does not say which key has signed it")
    key = import_key(dict(fitting[0]))
    if isinstance(key, RSAKey) and key.public_key.key_size < MINIMUM_RSA_BITS:
        raise BadJwt("the key is too short")
    return key


def _claims_of(payload: bytes) -> Mapping[str, Any]:
    claims = _parsed(payload)
    if not isinstance(claims, dict):
        raise BadJwt("it holds no claims")
    return claims


def _parsed(payload: bytes) -> object:
    try:
        return strict_json(payload.decode("utf-8"))
    except ValueError:
        raise BadJwt("its claims are no JSON") from None
