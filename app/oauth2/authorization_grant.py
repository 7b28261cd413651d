"""What every grant at the authorization endpoint shares: the check of the request, once its client and redirect URI are certain."""

from app.core.causes import Cause
from app.messages import Refusal, Unsigned
from app.models import Grant, User
from app.oauth2.authorization_exchange import AuthorizationExchange
from app.oauth2.targets import Target, asked_scope, granted_target
from app.oauth2.token_grant import TokenGrant, check_parameters

Answered = tuple[int, list[tuple[str, str | Unsigned]], object]
"""What Authlib takes for an answer; of the three only the members are looked at."""


class AuthorizationGrant(TokenGrant):
    """A grant that begins in a browser."""

    request: AuthorizationExchange

    @property
    def is_refreshable(self) -> bool:
        """Whether the client will be able to renew what it gets."""
        return False

    def validate_authorization_request(self) -> str:
        """Check the request and return its redirect URI.

        Authlib's own check looks the client up by a server that knows no request, and demands less of PKCE than RFC 9700 does.

        Raises:
            Refusal: to be told to the client by a redirect.
        """
        request, message = self.request, self.request.message
        client = request.client
        sent = message.parameters["response_type"]
        is_registered = sent in (client.response_types or ()) if self.is_by_name else client.check_response_type(sent)
        if not is_registered or not all(map(client.check_grant_type, request.answered_type.registered_grants)):
            raise Refusal(Cause.UNAUTHORIZED_RESPONSE_TYPE)
        if client.is_public and not message.serves_public_clients:
            raise Refusal(Cause.UNAUTHORIZED_RESPONSE_TYPE, "Clients without a secret are not served here.")
        if message.parameters.get("response_mode", request.response_mode) != request.response_mode:
            raise Refusal(Cause.UNSUPPORTED_RESPONSE_MODE)
        check_parameters(message)
        self.check_front_channel()
        self.check_code_challenge()
        scope = client.get_allowed_scope(message.parameters.get("scope"))
        if scope is None:
            raise Refusal(Cause.BAD_SCOPE)
        request.scope = scope
        named = message.parameters.get("resource")
        if named is not None:
            request.scope = asked_scope(named, request.facts.resources, self.server.issuer, scope)
        return request.effective_redirect_uri

    @property
    def is_by_name(self) -> bool:
        """Whether a client must have registered the very response type: one that says nothing of them has those of the usual kind."""
        return False

    def check_front_channel(self) -> None:
        """Check what binds the tokens to the one who asks that come by the browser at once."""

    def check_code_challenge(self) -> None:
        """Check what binds the answer to the one who asks; nothing does where there is no code."""

    def aim(self, scope: str, family: Grant | None = None) -> Target:
        """Return whom an access token is for that travels through the browser: all that the person allowed."""
        return granted_target(self.request, self.server.issuer, scope, family)

    def begin_grant(self, user: User | None) -> None:
        """Write the family of what is granted to the client by the person, ``None`` where they refused.

        Raises:
            Refusal: the person has refused.
        """
        if user is None:
            raise Refusal(Cause.ACCESS_DENIED)
        request, session = self.request, self.request.visit.session
        request.user = user
        family = self.begin_family(request.scope or "", user=user, shop=request.shop, refreshable=self.is_refreshable)
        if request.is_openid and session is not None:
            family.auth_time, family.acr, family.amr = session.created_at, request.acr, " ".join(session.amr)
            family.sid, family.claims = session.sid, request.claims.stored()
