"""Response types of OpenID Connect, by which tokens come at once: the implicit ones and the hybrid ones (Core §3.2, §3.3)."""

from typing import Final

from app.core.causes import Cause
from app.core.claims import OPENID
from app.core.scopes import scopes_of
from app.messages import Refusal, Unsigned
from app.models import User
from app.oauth2.authorization_grant import Answered, AuthorizationGrant
from app.oauth2.response_types.code import CodeGrant
from app.oauth2.response_types.token import ImplicitGrant, front_access_token

_HASHES: Final = (("at_hash", "access_token"), ("c_hash", "code"))
"""Which claim of the ID token holds the hash of which member beside it (Core §3.2.2.10, §3.3.2.11)."""


class FrontChannelGrant(AuthorizationGrant):
    """What is alike in all of them: who may ask, how, and what comes at once."""

    @property
    def words(self) -> list[str]:
        """Return what the response type asks for."""
        return self.request.message.response_type.split(" ")

    @property
    def is_by_name(self) -> bool:
        """Whether a client must have registered the very response type (RFC 9700 §2.1.2)."""
        return True

    def check_front_channel(self) -> None:
        """Check that this is a request of OpenID Connect, with a nonce where an ID token comes (Core §3.2.2.1, §3.3.2.11)."""
        message = self.request.message
        parameters = message.parameters
        if not message.policy.id_token or OPENID not in scopes_of(parameters.get("scope", "")):
            raise Refusal(Cause.INVALID_PARAMETER, "This response_type needs the scope openid.")
        if "id_token" in self.words and "nonce" not in parameters:
            raise Refusal(Cause.MISSING_PARAMETER, "The parameter nonce is missing: the ID token comes by the browser.")

    def front_channel(self, code: str | None = None) -> list[tuple[str, str | Unsigned]]:
        """Return what comes at once, beside the code where there is one."""
        request, server = self.request, self.server
        members = front_access_token(self) if "token" in self.words else []
        if code is not None:
            members.append(("code", code))
        if "id_token" in self.words:
            family, names = request.writes.grants[-1], {name for name, _ in members}
            is_alone = names.isdisjoint({"access_token", "code"})
            nonce = request.message.parameters.get("nonce")
            unsigned = server.id_tokens.write(request, family, request.user, family.scope, nonce, tells_scope=is_alone)
            if unsigned is None:
                raise RuntimeError("a family that yields no ID token")
            hashes = [(claim, name) for claim, name in _HASHES if name in names]
            members.append(("id_token", unsigned._replace(hashes=hashes)))
        return members


class IdTokenGrant(FrontChannelGrant, ImplicitGrant):
    """``id_token`` and ``id_token token`` (Core §3.2)."""

    def create_authorization_response(self, _redirect_uri: str, grant_user: User | None) -> Answered:
        """Return the ID token, and the access token where one is asked for."""
        self.begin_grant(grant_user)
        return 302, self.front_channel(), ()


class HybridGrant(FrontChannelGrant, CodeGrant):
    """``code id_token``, ``code token`` and ``code id_token token`` (Core §3.3)."""

    def create_authorization_response(self, redirect_uri: str, grant_user: User | None) -> Answered:
        """Return the code, and beside it what else is asked for."""
        status, members, more = super().create_authorization_response(redirect_uri, grant_user)
        ((_, code),) = members
        return status, self.front_channel(str(code)), more
