"""``response_type=code``: an authorization code for the client to exchange (RFC 6749 §4.1.1, RFC 7636 §4.3)."""

import re
from datetime import timedelta
from typing import Final

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibGrant

from app.core.causes import Cause
from app.core.claims import OPENID
from app.core.policy import PkceRule
from app.core.scopes import scopes_of
from app.core.secrets import digest
from app.messages import Refusal
from app.models import AuthorizationCode, User
from app.oauth2.authorization_exchange import AuthorizationExchange
from app.oauth2.authorization_grant import Answered, AuthorizationGrant

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_METHOD: Final = "S256"


class CodeGrant(AuthorizationGrant, AuthlibGrant):
    """The half of the authorization code grant that a browser sees."""

    @property
    def is_refreshable(self) -> bool:
        """Whether a refresh token will come with the code's token."""
        return self.may_refresh(self.request.client)

    def check_code_challenge(self) -> None:
        """Check the PKCE challenge: S256 alone, said in so many words, and demanded by the dialect's rule (RFC 9700 §2.1.1)."""
        parameters, rule = self.request.message.parameters, self.request.message.policy.pkce
        challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
        if challenge is None and method is None:
            if self._must_have_challenge(rule):
                raise Refusal(Cause.BAD_CODE_CHALLENGE, "The code_challenge is missing: this client must use PKCE with S256.")
        elif challenge is None or _CHALLENGE.fullmatch(challenge) is None:
            raise Refusal(Cause.BAD_CODE_CHALLENGE, "The code_challenge takes 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
        elif method != _METHOD:
            raise Refusal(Cause.BAD_CODE_CHALLENGE, "The code_challenge_method must be S256.")

    def _must_have_challenge(self, rule: PkceRule) -> bool:
        """Whether nothing else binds the code to whoever asks: a nonce does, for a client that has a secret (RFC 9700 §2.1.1)."""
        parameters, is_public = self.request.message.parameters, self.request.client.is_public
        has_nonce = "nonce" in parameters and OPENID in scopes_of(parameters.get("scope", ""))
        return {
            PkceRule.REQUIRED: True,
            PkceRule.NONCE: is_public or not has_nonce,
            PkceRule.PUBLIC: is_public,
            PkceRule.OPTIONAL: False,
        }[rule]

    def create_authorization_response(self, _redirect_uri: str, grant_user: User | None) -> Answered:
        """Return the code."""
        policy = self.request.message.policy
        self.begin_grant(grant_user)
        if not self.is_refreshable and self.family is not None:
            # The family must outlive the token that the code yields in its last second.
            self.family.expires_at += timedelta(seconds=policy.authorization_code_expires_in)
        code = self.generate_authorization_code()
        self.save_authorization_code(code, self.request)
        return 302, [("code", code)], ()

    def generate_authorization_code(self) -> str:
        """Return a fresh code in the dialect's format."""
        return self.request.message.policy.authorization_code.generate()

    def save_authorization_code(self, code: str, request: AuthorizationExchange) -> None:
        """Write the code, bound to the redirect URI and the challenge."""
        parameters = request.message.parameters
        request.writes.codes.append(
            AuthorizationCode(
                code_hash=digest(code),
                grant_id=request.writes.grants[-1].id,
                redirect_uri=request.effective_redirect_uri,
                redirect_uri_sent="redirect_uri" in parameters,
                code_challenge=parameters.get("code_challenge"),
                code_challenge_method=parameters.get("code_challenge_method"),
                created_at=request.now,
                expires_at=request.now + timedelta(seconds=request.message.policy.authorization_code_expires_in),
                nonce=parameters.get("nonce") if request.is_openid else None,
            )
        )
