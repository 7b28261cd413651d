"""An authorization code for tokens (RFC 6749 §4.1.3), with proof of possession by PKCE (RFC 7636)."""

import re
from hmac import compare_digest
from typing import Any, Final

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibGrant
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from app.core.causes import Cause
from app.core.policy import RedirectUriRule
from app.core.secrets import digest
from app.ledger import Held, Spend
from app.messages import Refusal, Request
from app.models import AuthorizationCode, Client, User
from app.oauth2.standing import grant_problem
from app.oauth2.token_grant import TokenGrant, check_parameters

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def needs(message: Request) -> dict[str, Any]:
    """The code with its grant, client, user and shop."""
    code = message.parameters.get("code")
    return {"code_hash": digest(code)} if code else {}


class AuthorizationCodeGrant(TokenGrant, AuthlibGrant):
    """Tokens for a code; the code is spent in the transaction that inserts them."""

    GRANT_TYPE = "authorization_code"
    held: Held[AuthorizationCode]

    def query_authorization_code(self, _code: str, client: Client) -> "AuthorizationCodeGrant":
        """Check the code and all that is bound to it.

        A code of another client or dialect is left as it is; a used one ends its family.

        Raises:
            Refusal: the code gives no right, or the redirect URI or the verifier is not the one it is bound to.
        """
        check_parameters(self.request.message)
        request = self.request
        held = request.facts.code
        if held is None or held.grant.client_id != client.client_id or held.grant.dialect != request.message.dialect:
            raise Refusal(Cause.BAD_CODE, detail="unknown code, or of another client")
        if held.record.used_at is not None:
            request.writes.revoke_grants.append(held.grant.id)
            request.replayed = True
            raise Refusal(Cause.BAD_CODE, detail="the code was used before: its grant is revoked")
        if held.record.expires_at <= request.now:
            raise Refusal(Cause.BAD_CODE, detail="the code has expired")
        problem = grant_problem(held)
        if problem is not None:
            raise Refusal(Cause.BAD_CODE, detail=problem)
        self._check_redirect_uri(held.record)
        self._check_verifier(held.record)
        self.held = held
        self.family = held.grant
        self.nonce = held.record.nonce
        return self

    def _check_redirect_uri(self, code: AuthorizationCode) -> None:
        sent = self.request.payload.redirect_uri
        rule = self.request.message.policy.redirect_uri
        if sent is None:
            if rule is RedirectUriRule.REQUIRED:
                raise Refusal(Cause.MISSING_PARAMETER)
            if rule is RedirectUriRule.REPEATED and code.redirect_uri_sent:
                raise Refusal(Cause.BAD_REDIRECT_URI, "The redirect_uri of the authorization request is missing.")
            return
        if sent != code.redirect_uri:
            raise Refusal(Cause.BAD_REDIRECT_URI)

    def _check_verifier(self, code: AuthorizationCode) -> None:
        verifier = self.request.form.get("code_verifier")
        if code.code_challenge is None:
            if verifier is not None:
                raise Refusal(Cause.BAD_CODE_VERIFIER, "The authorization request had no code_challenge.")
            return
        if code.code_challenge_method != "S256" or verifier is None or _VERIFIER.fullmatch(verifier) is None:
            raise Refusal(Cause.BAD_CODE_VERIFIER)
        if not compare_digest(create_s256_code_challenge(verifier).encode(), code.code_challenge.encode()):
            raise Refusal(Cause.BAD_CODE_VERIFIER)

    def get_redirect_uri(self) -> None:
        """Tell Authlib nothing: the redirect URI was compared by the dialect's rule."""

    def get_scope(self) -> str:
        """Return the scope that was granted."""
        return self.held.grant.scope

    def authenticate_user(self, _code: object) -> User | Client:
        """Return whom the tokens are for: the user, or the client itself where no user stands behind the code."""
        return self.held.user or self.request.client

    def delete_authorization_code(self, _code: object) -> None:
        """Spend the code: the guard of everything that this exchange writes."""
        self.request.writes.spend = Spend(self.held.record)
