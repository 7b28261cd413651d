"""What a token means (RFC 7662), asked by the client that owns it or by a resource that it is for; signed where that is asked for."""

from typing import Any, Final

from authlib.oauth2.rfc7662 import IntrospectionEndpoint as AuthlibEndpoint

from app.core.causes import Cause
from app.core.clock import NEVER
from app.core.resources import resources_of
from app.core.scopes import scopes_of
from app.ledger import Held
from app.messages import Refusal, Unsigned
from app.models import Client, Token
from app.oauth2.presented import presented_token
from app.oauth2.request import ExchangeRequest
from app.oauth2.standing import token_problem

_TYPE: Final = "token-introspection+jwt"


class IntrospectionEndpoint(AuthlibEndpoint):
    """Says whether a token of any dialect is active, and what it stands for.

    A token is inactive to whoever is neither its owner nor one for whom it is (RFC 7662 §4). A resource is told what concerns it: of
    the scope and the audience its own part, and no user name.
    """

    def create_endpoint_request(self, request: ExchangeRequest) -> ExchangeRequest:
        """Return the request itself."""
        return request

    def create_endpoint_response(self, request: ExchangeRequest) -> tuple[int, dict[str, Any], object]:
        """Answer, by a signed token where one is asked for (RFC 9701 §5)."""
        client: Client = self.authenticate_endpoint_client(request)
        members = self._introspection(self.authenticate_token(request, client), client)
        if not request.message.wants_jwt:
            return 200, members, ()
        request.media_type = f"application/{_TYPE}"
        request.is_unsigned = True
        claims = {
            "iss": self.server.issuer,
            "aud": client.client_id,
            "iat": int(request.now.timestamp()),
            "token_introspection": members,
        }
        return 200, {"token": Unsigned(_TYPE, client.introspection_signed_response_alg, claims)}, ()

    def authenticate_token(self, request: ExchangeRequest, client: Client) -> Held[Token] | None:
        """Return the token if it is active and the caller may know it.

        Raises:
            Refusal: a public client asks, or ``token`` is missing.
        """
        if client.is_public:
            raise Refusal(Cause.INVALID_CLIENT, detail="a public client may not introspect")
        if "token" not in request.form:
            raise Refusal(Cause.MISSING_PARAMETER, "The parameter token is missing.")
        held = presented_token(request)
        if held is None or (held.grant.client_id != client.client_id and not _is_for(held.record, client)):
            return None
        return held if token_problem(held, request.now) is None else None

    def _introspection(self, held: Held[Token] | None, caller: Client) -> dict[str, Any]:
        """Return the members of RFC 7662 §2.2, and beside them ``dialect`` and ``shop``; an inactive token is only that."""
        if held is None:
            return {"active": False}
        token, grant = held.record, held.grant
        is_owner = grant.client_id == caller.client_id
        members: dict[str, Any] = {
            "active": True,
            "client_id": grant.client_id,
            "sub": self._subject(held),
            "scope": token.scope if is_owner else _scope_for(token, caller),
            "token_type": "Bearer" if token.kind == "access" else None,
            "exp": int(token.expires_at.timestamp()) if token.expires_at is not None and token.expires_at != NEVER else None,
            "iat": int(token.issued_at.timestamp()),
            "iss": self.server.issuer,
            "username": held.user.username if is_owner and held.user is not None else None,
            "dialect": grant.dialect,
            "shop": held.shop.code if held.shop is not None else None,
        }
        if token.resource is not None:
            audience = _audience(token) if is_owner else tuple(uri for uri in _audience(token) if uri in _uris(caller))
            members["aud"] = audience[0] if len(audience) == 1 else list(audience)
        if grant.auth_time is not None:
            members |= {"auth_time": int(grant.auth_time.timestamp()), "acr": grant.acr}
        return {name: value for name, value in members.items() if value is not None and value != ""}

    def _subject(self, held: Held[Token]) -> str:
        """Return whom the token stands for, a person as the client knows them."""
        grant, client = held.grant, held.client
        if grant.user_id is None or client is None:
            return grant.client_id
        subject: str = self.server.subjects.of(client, grant.user_id)
        return subject


def _is_for(token: Token, caller: Client) -> bool:
    """Whether an access token is for a resource about whose tokens the caller may ask."""
    return token.kind == "access" and token.resource is not None and not _uris(caller).isdisjoint(_audience(token))


def _audience(token: Token) -> tuple[str, ...]:
    return resources_of(token.resource or "")


def _uris(caller: Client) -> frozenset[str]:
    return frozenset(resource.uri for resource in caller.resources)


def _scope_for(token: Token, caller: Client) -> str:
    """Return what of a token's scope the resources know that it is for and for which the caller asks."""
    known = {name for resource in caller.resources if resource.uri in _audience(token) for name in scopes_of(resource.scope)}
    return " ".join(name for name in scopes_of(token.scope) if name in known)
