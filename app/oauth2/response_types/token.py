"""``response_type=token``: an access token at once (RFC 6749 §4.2), for partners whose documents say so."""

from authlib.oauth2.rfc6749.grants import ImplicitGrant as AuthlibGrant

from app.messages import Unsigned
from app.models import User
from app.oauth2.authorization_grant import Answered, AuthorizationGrant

_NAMES = ("access_token", "token_type", "expires_in", "scope")


class ImplicitGrant(AuthorizationGrant, AuthlibGrant):
    """The implicit grant: what it issues travels through the browser, so there is never a refresh token."""

    def create_authorization_response(self, _redirect_uri: str, grant_user: User | None) -> Answered:
        """Return the access token and what is to be known of it."""
        self.begin_grant(grant_user)
        return 302, front_access_token(self), ()


def front_access_token(grant: AuthorizationGrant) -> list[tuple[str, str | Unsigned]]:
    """Write an access token that comes by the browser, and return its members in the order of RFC 6749 §4.2.2."""
    family = grant.request.writes.grants[-1]
    members = grant.make_access_token(family, family.scope)
    return [(name, _told(members[name])) for name in _NAMES if members[name] != ""]


def _told(value: object) -> str | Unsigned:
    return value if isinstance(value, Unsigned) else str(value)
