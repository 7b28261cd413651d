"""What an access token says where it is a JWT (RFC 9068 §2.2); it is signed after the commit."""

from datetime import datetime
from typing import Any

from app.core.secrets import identifier_digest, new_id
from app.messages import Unsigned
from app.models import Grant
from app.oauth2.presented import TYPE
from app.oauth2.request import ExchangeRequest
from app.oauth2.subjects import Subjects


class AccessTokens:
    """Writes the JWT access tokens of an issuer."""

    def __init__(self, issuer: str, subjects: Subjects) -> None:
        self._issuer = issuer
        self._subjects = subjects

    def write(
        self, request: ExchangeRequest, family: Grant, scope: str, audience: tuple[str, ...], expires_at: datetime
    ) -> tuple[Unsigned, bytes]:
        """Return an access token, and the digest under which it is stored.

        Of the login it says what the first token of the family did (§2.2.1).
        """
        client, jti = request.client, new_id()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": self._subjects.of(client, family.user_id) if family.user_id is not None else client.client_id,
            "aud": audience[0] if len(audience) == 1 else list(audience),
            "client_id": client.client_id,
            "iat": int(request.now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": jti,
            "scope": scope or None,
            "auth_time": int(family.auth_time.timestamp()) if family.auth_time is not None else None,
            "acr": family.acr,
            "amr": family.amr.split(" ") if family.amr else None,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return Unsigned(TYPE, client.access_token_signed_response_alg, said), identifier_digest(jti)
