"""What a token means (RFC 7662), asked by the client that owns it."""

from typing import Any

from authlib.oauth2.rfc7662 import IntrospectionEndpoint as AuthlibEndpoint

from app.core.causes import Cause
from app.core.clock import NEVER
from app.ledger import Held
from app.messages import Refusal
from app.models import Client, Token
from app.oauth2.request import ExchangeRequest
from app.oauth2.standing import token_problem


class IntrospectionEndpoint(AuthlibEndpoint):
    """Says whether a token of any dialect is active, and what it stands for. A token that is not the caller's is inactive to it."""

    def create_endpoint_request(self, request: ExchangeRequest) -> ExchangeRequest:
        """Return the request itself."""
        return request

    def authenticate_token(self, request: ExchangeRequest, client: Client) -> Held[Token] | None:
        """Return the token if it is active and the caller's.

        Raises:
            Refusal: a public client asks, or ``token`` is missing.
        """
        if client.is_public:
            raise Refusal(Cause.INVALID_CLIENT, detail="a public client may not introspect")
        if "token" not in request.form:
            raise Refusal(Cause.MISSING_PARAMETER, "The parameter token is missing.")
        held = request.facts.token
        if held is None or held.grant.client_id != client.client_id or token_problem(held, request.now) is not None:
            return None
        return held

    def create_introspection_payload(self, held: Held[Token] | None) -> dict[str, Any]:
        """Return the members of RFC 7662 §2.2, and beside them ``dialect`` and ``shop``; an inactive token is only that."""
        if held is None:
            return {"active": False}
        token, grant = held.record, held.grant
        members: dict[str, Any] = {
            "active": True,
            "client_id": grant.client_id,
            "sub": self._subject(held),
            "scope": token.scope,
            "token_type": "Bearer" if token.kind == "access" else None,
            "exp": int(token.expires_at.timestamp()) if token.expires_at is not None and token.expires_at != NEVER else None,
            "iat": int(token.issued_at.timestamp()),
            "iss": self.server.issuer,
            "username": held.user.username if held.user is not None else None,
            "dialect": grant.dialect,
            "shop": held.shop.code if held.shop is not None else None,
        }
        return {name: value for name, value in members.items() if value is not None and value != ""}

    def _subject(self, held: Held[Token]) -> str:
        """Return whom the token stands for, a person as the client knows them."""
        grant, client = held.grant, held.client
        if grant.user_id is None or client is None:
            return grant.client_id
        subject: str = self.server.subjects.of(client, grant.user_id)
        return subject
