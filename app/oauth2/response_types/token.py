"""``response_type=token``: an access token in the fragment (RFC 6749 §4.2), for partners whose documents say so."""

from authlib.oauth2.rfc6749.grants import ImplicitGrant as AuthlibGrant

from app.models import User
from app.oauth2.authorization_grant import AuthorizationGrant


class ImplicitGrant(AuthorizationGrant, AuthlibGrant):
    """The implicit grant: what it issues travels through the browser, so there is never a refresh token."""

    RESPONSE_MODE = "fragment"

    def create_authorization_response(self, _redirect_uri: str, grant_user: User | None) -> tuple[int, list[tuple[str, str]], object]:
        """Return the access token and what is to be known of it, in the order of RFC 6749 §4.2.2."""
        self.begin_grant(grant_user)
        family = self.request.writes.grants[-1]
        members = self.make_access_token(family, family.scope)
        names = ("access_token", "token_type", "expires_in", "scope")
        return 302, [(name, str(members[name])) for name in names if members[name] != ""], ()
