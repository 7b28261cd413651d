"""The client acts for itself, or for one shop that was granted to it (RFC 6749 §4.4)."""

from typing import Any

from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant as AuthlibGrant

from app.core.causes import Cause
from app.core.policy import ShopRule
from app.messages import Refusal, Request
from app.models import Shop
from app.oauth2.token_grant import TokenGrant, check_parameters


def needs(message: Request) -> dict[str, Any]:
    """The shop, where one is named in its proper form."""
    shop = message.parameters.get("shop")
    return {"shop": shop} if shop is not None and message.invalid is None else {}


class ClientCredentialsGrant(TokenGrant, AuthlibGrant):
    """Tokens on the client's own authority."""

    GRANT_TYPE = "client_credentials"

    def validate_requested_scope(self) -> None:
        """Check everything that follows the client: Authlib calls this last."""
        if self.request.client.is_public:
            raise Refusal(Cause.UNAUTHORIZED_GRANT, "A public client has no credentials of its own.")
        check_parameters(self.request.message)

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Begin the family; the scope is checked before the shop, and an unknown shop looks like one of another client."""
        request, message = self.request, self.request.message
        scope = request.client.get_allowed_scope(request.payload.scope)
        if scope is None:
            raise Refusal(Cause.BAD_SCOPE)
        if "resource" in message.parameters:
            scope = self.aim(scope).scope
        shop = self._shop()
        refreshable = self.may_refresh(request.client)
        self.begin_family(scope, shop=shop, refreshable=refreshable)
        return 200, self.generate_token(scope=scope), message

    def _shop(self) -> Shop | None:
        message = self.request.message
        if message.policy.shop is ShopRule.REQUIRED and "shop" not in message.parameters:
            raise Refusal(Cause.MISSING_PARAMETER)
        if "shop" not in message.parameters or message.policy.shop is ShopRule.NONE:
            return None
        shop = self.request.facts.shop
        if shop is None:
            raise Refusal(Cause.UNKNOWN_SHOP, detail="the shop does not exist or is not granted to the client")
        return shop
