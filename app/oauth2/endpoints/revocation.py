"""The end of a token (RFC 7009), asked for by the client that owns it."""

from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibEndpoint

from app.core.causes import Cause
from app.ledger import Held
from app.messages import Refusal
from app.models import Client, Token
from app.oauth2.presented import presented_token
from app.oauth2.request import ExchangeRequest


class RevocationEndpoint(AuthlibEndpoint):
    """Revokes a token of any dialect; a refresh token takes its family along. A hint is never needed and never trusted."""

    def create_endpoint_request(self, request: ExchangeRequest) -> ExchangeRequest:
        """Return the request itself."""
        return request

    def authenticate_token(self, request: ExchangeRequest, client: Client) -> Held[Token] | None:
        """Return the token if there is one.

        Raises:
            Refusal: ``token`` is missing, or the token is another client's.
        """
        if "token" not in request.form:
            raise Refusal(Cause.MISSING_PARAMETER, "The parameter token is missing.")
        held = presented_token(request)
        if held is not None and held.grant.client_id != client.client_id:
            raise Refusal(Cause.FOREIGN_TOKEN)
        return held

    def revoke_token(self, held: Held[Token], request: ExchangeRequest) -> None:
        """End the token, or with a refresh token everything of its grant (RFC 7009 §2.1)."""
        if held.record.kind == "refresh":
            request.writes.revoke_grants.append(held.grant.id)
        else:
            request.writes.revoke_tokens.append(held.record)
