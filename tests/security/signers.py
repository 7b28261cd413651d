"""Clients that prove themselves by what they sign (RFC 7523): their keys, and assertions right and wrong."""

import itertools
import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.fixtures.world import ISSUER, World

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SECRET: Final = "a-secret-that-signs-and-is-long-enough-for-it"
EC: Final = ECKey.generate_key("P-256", {"kid": "ec-1"})
RSA: Final = RSAKey.generate_key(2048, {"kid": "rsa-1"})
_numbers = itertools.count(1)


def public(*keys: ECKey | RSAKey) -> dict[str, Any]:
    """Return the public halves of keys as a JWK Set."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def _toml(value: Any) -> str:
    """Return a JSON value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


DECLARED: Final = f"""
[[clients]]
client_id = "signer"
token_endpoint_auth_method = "private_key_jwt"
token_endpoint_auth_signing_alg = "ES256"
grant_types = ["client_credentials", "authorization_code", "refresh_token"]
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "orders items"
jwks = {_toml(public(EC))}
[[clients]]
client_id = "signer-rsa"
token_endpoint_auth_method = "private_key_jwt"
grant_types = ["client_credentials"]
jwks = {_toml(public(RSA, EC))}
[[clients]]
client_id = "signer-secret"
client_secret = "{SECRET}"
token_endpoint_auth_method = "client_secret_jwt"
grant_types = ["client_credentials"]
"""


def claims_of(world: World, client_id: str, **changed: Any) -> dict[str, Any]:
    """Return the claims of a good assertion, with what is changed; ``None`` leaves one out."""
    now = int(world.clock.now().timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": f"jti-{next(_numbers)}", **changed}
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: Mapping[str, Any], key: ECKey | RSAKey | OctKey = EC, algorithm: str = "ES256", **header: Any) -> str:
    """Return a JWT."""
    members = {"alg": algorithm, **({"kid": key.kid} if key.kid and "kid" not in header else {}), **header}
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jws.serialize_compact({n: v for n, v in members.items() if v is not None}, json.dumps(claims).encode(), key, registry=registry)


def with_assertion(assertion: str, **fields: str) -> dict[str, str]:
    """Return the fields of a request that an assertion authenticates."""
    return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion, **fields}
