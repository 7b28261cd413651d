"""A token that somebody presents: where it is stored, and whether what was found there may be believed.

An opaque token is found by its own digest. A JWT (RFC 9068) is found by its ``jti``, which is no secret: what it says otherwise is not
asked, for the database knows it, but nobody who has not shown our signature is told anything.
"""

import json
from base64 import urlsafe_b64decode
from typing import Final

from app.core.secrets import digest, identifier_digest
from app.ledger import Held
from app.messages import Endpoint, Request
from app.models import Token
from app.oauth2.request import ExchangeRequest

MAXIMUM_JWT: Final = 16 * 1024
"""Characters; a longer one is not even taken apart."""
TYPE: Final = "at+jwt"
"""The ``typ`` of a JWT access token (RFC 9068 §2.1)."""


def token_key(token: str) -> bytes:
    """Return the digest under which a presented token would be stored."""
    if token.count(".") != 2 or len(token) > MAXIMUM_JWT:  # noqa: PLR2004 (a JWS has three parts)
        return digest(token)
    jti = _identifier(token)
    return digest(token) if jti is None else identifier_digest(jti)


def _identifier(jwt: str) -> str | None:
    """Return what a JWT calls itself; nothing of it is believed yet."""
    payload = jwt.split(".")[1]
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    jti = claims.get("jti") if isinstance(claims, dict) else None
    return jti if isinstance(jti, str) else None


def presented_jwt(message: Request) -> str | None:
    """Return the presented token where it can only be believed by its signature."""
    token = message.bearer if message.endpoint is Endpoint.USERINFO else message.parameters.get("token")
    return token if token is not None and token.count(".") == 2 else None  # noqa: PLR2004 (a JWS has three parts)


def presented_token(request: ExchangeRequest) -> Held[Token] | None:
    """Return what was found for the presented token; a JWT without our signature stands for nothing."""
    facts = request.facts
    held = facts.bearer if request.message.endpoint is Endpoint.USERINFO else facts.token
    if held is None or (presented_jwt(request.message) is not None and not request.proofs.jwt_is_ours):
        return None
    return held
