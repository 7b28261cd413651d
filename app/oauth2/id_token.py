"""What an ID token says (OpenID Connect Core §2); it is signed after the commit."""

from typing import Any

from app.core.claims import OPENID
from app.core.scopes import scopes_of
from app.messages import Unsigned
from app.models import Client, Grant, User
from app.oauth2.request import ExchangeRequest
from app.oauth2.requested_claims import released
from app.oauth2.subjects import Subjects, session_name


class IdTokens:
    """Writes the ID tokens of an issuer."""

    def __init__(self, issuer: str, subjects: Subjects) -> None:
        self._issuer = issuer
        self._subjects = subjects

    def write(
        self, request: ExchangeRequest, family: Grant, user: User | Client, scope: str, nonce: str | None, *, tells_scope: bool = False
    ) -> Unsigned | None:
        """Return the ID token that comes with an access token of a scope, or ``None`` where there is none.

        One that comes with a refresh says the same of the login as the first one did (§12.2), and has no ``nonce``. One that comes
        alone, so that nobody can ask the userinfo endpoint, ``tells_scope``: the claims that the scope asks for (§5.4).
        """
        policy, client = request.message.policy, request.client
        if family.auth_time is None or not policy.id_token or not isinstance(user, User) or OPENID not in scopes_of(scope):
            return None
        now = int(request.now.timestamp())
        claims: dict[str, Any] = {
            **released(user, family.claims, "id_token", scope if tells_scope else ""),
            "iss": self._issuer,
            "sub": self._subjects.of(client, user.id),
            "aud": client.client_id,
            "azp": client.client_id,
            "iat": now,
            "exp": now + policy.id_token_expires_in,
            "auth_time": int(family.auth_time.timestamp()),
            "nonce": nonce,
            "acr": family.acr,
            "amr": family.amr.split(" ") if family.amr else None,
            "sid": session_name(client.client_id, family.sid) if family.sid is not None else None,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return Unsigned("JWT", client.id_token_signed_response_alg, said, [("at_hash", "access_token")])
