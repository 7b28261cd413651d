"""Who a person is (OpenID Connect Core §5.3), told to whoever brings an access token that they granted.

The shape is that of Authlib's endpoint of this name, which wants a request in a thread's context and signs by itself.
"""

from typing import TYPE_CHECKING, Any

from app.core.causes import Cause
from app.core.claims import OPENID
from app.core.resources import resources_of
from app.core.scopes import scopes_of
from app.ledger import Held
from app.messages import Refusal, Unsigned
from app.models import Client, Token, User
from app.oauth2.presented import presented_token
from app.oauth2.request import ExchangeRequest
from app.oauth2.requested_claims import released
from app.oauth2.standing import token_problem

if TYPE_CHECKING:
    from app.oauth2.server import AuthorizationServer

_MEDIA_TYPE = "application/jwt"


class UserInfoEndpoint:
    """Tells the claims that the scopes of the token and the ``claims`` parameter of its request ask for."""

    ENDPOINT_NAME = "userinfo"

    def __init__(self, server: "AuthorizationServer") -> None:
        self.server = server

    def create_endpoint_request(self, request: ExchangeRequest) -> ExchangeRequest:
        """Return the request itself."""
        return request

    def __call__(self, request: ExchangeRequest) -> tuple[int, dict[str, Any], object]:
        """Return the claims, as one token to be signed where the client is registered so (§5.3.2).

        Raises:
            Refusal: there is no token, or none that gives the right to know a person.
        """
        held = self._authenticate(request)
        client, user = held.client, held.user
        if client is None or user is None:
            raise Refusal(Cause.BAD_BEARER, detail="no person stands behind the token")
        request.client, request.user = client, user
        if OPENID not in scopes_of(held.record.scope):
            raise Refusal(Cause.INSUFFICIENT_SCOPE)
        claims = self._claims(held, client, user)
        algorithm = client.userinfo_signed_response_alg
        if algorithm is None:
            return 200, claims, ()
        request.media_type = _MEDIA_TYPE
        request.is_unsigned = True
        signed = {"iss": self.server.issuer, "aud": client.client_id, **claims}
        return 200, {"token": Unsigned("JWT", algorithm, signed)}, ()

    def _authenticate(self, request: ExchangeRequest) -> Held[Token]:
        message = request.message
        if message.bearer is None:
            raise Refusal(Cause.NO_BEARER)
        held = presented_token(request)
        if held is None or held.record.kind != "access" or held.grant.dialect != message.dialect:
            raise Refusal(Cause.BAD_BEARER, detail="no such access token, or one of another dialect")
        problem = token_problem(held, request.now)
        if problem is not None:
            raise Refusal(Cause.BAD_BEARER, detail=problem)
        audience = held.record.resource
        if audience is not None and self.server.issuer not in resources_of(audience):
            raise Refusal(Cause.BAD_BEARER, detail="the token is for others")
        return held

    def _claims(self, held: Held[Token], client: Client, user: User) -> dict[str, Any]:
        told = released(user, held.grant.claims, "userinfo", held.record.scope)
        return {"sub": self.server.subjects.of(client, user.id), **told}
