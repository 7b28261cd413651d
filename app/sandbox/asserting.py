"""The key of the playground's client that has one: in an app's place, the playground signs who the client is (RFC 7523 §2.2)."""

import secrets
from collections.abc import Mapping
from functools import cache
from typing import Final

from app.core.key_pairs import KeyPair, make_key
from app.core.keys import Algorithm, Jwk, signed
from app.sandbox.worlds import World

_LASTS: Final = 120
"""Seconds in which an assertion is to be sent."""


@cache
def _key() -> KeyPair:
    """Return the key, which is made by each process for itself: none that is published could be kept out of a service."""
    return make_key(Algorithm.ES256)


def published_keys() -> Mapping[str, list[Jwk]]:
    """Return what the client is registered with."""
    return {"keys": [_key().public_jwk]}


def assertion(world: World, client_id: str) -> str:
    """Return a fresh assertion for a namespace, in its own time; it can be used once."""
    now = int(world.clock.now().timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": world.issuer, "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + _LASTS}
    return signed(_key(), {"alg": Algorithm.ES256, "typ": "JWT", "kid": _key().public_jwk["kid"]}, claims)
