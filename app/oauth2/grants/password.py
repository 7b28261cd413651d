"""The user's password in the client's hands (RFC 6749 §4.3): for partners whose documents say so."""

from typing import Any

from authlib.oauth2.rfc6749.grants import ResourceOwnerPasswordCredentialsGrant as AuthlibGrant

from app.core.causes import Cause
from app.core.passwords import login_key
from app.messages import Refusal, Request
from app.models import User
from app.oauth2.token_grant import TokenGrant, check_parameters


class PasswordWanted(Exception):  # noqa: N818 (a question, not an error)
    """The decision hangs on a password that was not checked yet."""


def needs(message: Request) -> dict[str, Any]:
    """The user, by the one spelling of the name."""
    login = login_key(message.parameters.get("username", ""))
    return {"login": login} if login else {}


class PasswordGrant(TokenGrant, AuthlibGrant):
    """Tokens for a user whose password was checked on the way here."""

    GRANT_TYPE = "password"

    def authenticate_user(self, _username: str, _password: str) -> User:
        """Return the user, by what the check of the password found.

        Raises:
            PasswordWanted: it was not checked yet.
            Refusal: too many attempts, or the one answer to a wrong password and to a user who is unknown, disabled, without a password
                or asked for a second factor.
        """
        check_parameters(self.request.message)
        scope = self.request.client.get_allowed_scope(self.request.payload.scope)
        if scope is None:
            raise Refusal(Cause.BAD_SCOPE)
        if "resource" in self.request.message.parameters:
            scope = self.aim(scope).scope
        proofs = self.request.proofs
        if proofs.blocked_in is not None:
            raise Refusal(Cause.TOO_MANY_ATTEMPTS, retry_in=proofs.blocked_in, detail="too many wrong passwords for this account")
        if proofs.password_is_right is None:
            raise PasswordWanted
        user = self.request.facts.user
        if not proofs.password_is_right or user is None:
            raise Refusal(Cause.BAD_USER_CREDENTIALS, detail="unknown user, wrong password, or the user cannot log in by password")
        if user.second_factor_at is not None:
            raise Refusal(Cause.BAD_USER_CREDENTIALS, detail="the user's account demands a second factor, which this grant cannot bring")
        self.request.scope = scope
        return user

    def create_token_response(self) -> tuple[int, dict[str, Any], object]:
        """Begin the family of the user's tokens, and clear the account's failures."""
        request, scope = self.request, self.request.scope
        self.begin_family(scope, user=request.user, refreshable=self.may_refresh(request.client))
        request.writes.forget.extend(request.proofs.attempts)
        return 200, self.generate_token(scope=scope), request.message
