"""A refresh token for new tokens (RFC 6749 §6): rotated, reused or extending, by the dialect's policy."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibGrant

from app.core.causes import Cause
from app.core.policy import RefreshRule
from app.core.scopes import allowed_scope
from app.core.secrets import derive_key, digest, seal, unseal
from app.ledger import Held, Spend
from app.messages import Refusal, Request, Unsigned
from app.models import Client, Token, User
from app.oauth2.standing import grant_problem, token_problem
from app.oauth2.token_grant import TokenGrant, check_parameters, end_after, refresh_token_end

_PURPOSE: Final = b"token.successor"
_TOUCH_AFTER: Final = timedelta(minutes=1)
"""The use of a reused token is noted this often: its idle limit is counted in days."""


def needs(message: Request) -> dict[str, Any]:
    """The refresh token, and the access token where it must be shown too, each with all that stands behind it."""
    wanted: dict[str, Any] = {}
    refresh_token = message.parameters.get("refresh_token")
    if refresh_token:
        wanted["token_hash"] = digest(refresh_token)
    if message.bearer:
        wanted["bearer_hash"] = digest(message.bearer)
    return wanted


class RefreshTokenGrant(TokenGrant, AuthlibGrant):
    """New tokens, or a longer life of the old one."""

    GRANT_TYPE = "refresh_token"
    held: Held[Token]

    def authenticate_refresh_token(self, value: str) -> "RefreshTokenGrant":
        """Check the refresh token.

        One of another client or dialect is left as it is. A rotated one ends its family, except that a confidential client may repeat
        the rotation within the grace and is given the same answer.

        Raises:
            Refusal: the token gives no right.
        """
        check_parameters(self.request.message)
        request = self.request
        held = request.facts.token
        if (
            held is None
            or held.record.kind != "refresh"
            or held.grant.client_id != request.client.client_id
            or held.grant.dialect != request.message.dialect
        ):
            raise Refusal(Cause.BAD_REFRESH_TOKEN, detail="unknown refresh token, or of another client")
        bearer = request.facts.bearer
        if request.message.authenticates_by_bearer and (bearer is None or bearer.grant.id != held.grant.id):
            raise Refusal(Cause.BAD_REFRESH_TOKEN, detail="the bearer token is of another grant")
        self.held = held
        self.family = held.grant
        if held.record.used_at is not None and grant_problem(held) is None:
            request.members = self._repeated_answer(value)
            if request.members is not None:
                return self
            request.writes.revoke_grants.append(held.grant.id)
            request.replayed = True
            raise Refusal(Cause.BAD_REFRESH_TOKEN, detail="the refresh token was rotated before: its grant is revoked")
        problem = token_problem(held, request.now)
        if problem is not None:
            raise Refusal(Cause.BAD_REFRESH_TOKEN, detail=problem)
        return self

    def _repeated_answer(self, value: str) -> dict[str, Any] | None:
        """Return the answer of the rotation, where this is an honest client's second try at it."""
        request, token = self.request, self.held.record
        policy = request.message.policy
        if request.client.is_public or self.held.successor_used or token.successor_sealed is None or token.used_at is None:
            return None
        if request.now >= token.used_at + timedelta(seconds=policy.grace_in):
            return None
        plain = unseal(derive_key(value, _PURPOSE), token.successor_sealed)
        if plain is None:
            return None
        return _opened(plain)

    def check_client(self, _client: Client) -> bool:
        """Answer Authlib: the owner was compared already."""
        return True

    def _validate_token_scope(self, _token: object) -> None:
        scope = self.request.payload.scope
        if scope and allowed_scope(scope, self.held.record.scope) is None:
            raise Refusal(Cause.BAD_SCOPE, "The scope goes beyond what was granted.")

    def authenticate_user(self, _token: object) -> User | Client:
        """Return whom the tokens are for: the user, or the client itself."""
        return self.held.user or self.request.client

    def issue_token(self, user: User | Client, _token: object) -> dict[str, Any]:
        """Make the answer by the policy's rule; a narrower scope narrows the access token only."""
        request, record, family = self.request, self.held.record, self.held.grant
        if request.members is not None:
            request.is_unsigned = any(isinstance(member, Unsigned) for member in request.members.values())
            return dict(request.members)
        if request.message.policy.refresh_rule is RefreshRule.EXTEND:
            return self._extend()
        scope = allowed_scope(request.payload.scope, record.scope) or ""
        members = self.make_access_token(family, scope)
        if request.message.policy.refresh_rule is RefreshRule.ROTATE:
            members["refresh_token"] = self.make_refresh_token(family, record.scope)
        if family.auth_time is not None:
            self.add_id_token(members, family, user, scope)
        return members

    def _extend(self) -> dict[str, Any]:
        """Move the end of the presented access token; the refresh token's own end does not bound it."""
        request = self.request
        bearer = request.facts.bearer
        if bearer is None:
            raise Refusal(Cause.BAD_BEARER, detail="there is no access token to extend")
        expires_at = end_after(request.now, request.message.policy.access_token_expires_in)
        request.writes.extend.append((bearer.record, expires_at))
        return {"expires_at": expires_at}

    def revoke_old_credential(self, _token: object) -> None:
        """Spend the token where it was rotated, and note its use where it is kept."""
        request, record, policy = self.request, self.held.record, self.request.message.policy
        if request.members is not None or policy.refresh_rule is RefreshRule.EXTEND:
            return
        if policy.revoke_access_token:
            request.writes.revoke_access_of.append(self.held.grant.id)
        if policy.refresh_rule is RefreshRule.REUSE:
            if request.now - (record.last_used_at or record.issued_at) >= _TOUCH_AFTER:
                request.writes.touch.append(record)
                end = refresh_token_end(policy, record.issued_at, request.now, self.held.grant)
                request.writes.extend.append((record, end))
            return
        request.writes.spend = self._spend(record)

    def _spend(self, record: Token) -> Spend:
        members = self.answer
        successor_hash = digest(members["refresh_token"])
        if self.request.client.is_public or not self.request.message.policy.grace_in:
            return Spend(record, successor_hash=successor_hash)
        value = self.request.form["refresh_token"]
        return Spend(record, successor_hash, seal(derive_key(value, _PURPOSE), _closed(members)))

    def save_token(self, token: dict[str, Any]) -> None:
        """Keep the answer at hand: a rotation seals it for the one who presented the predecessor."""
        self.answer = token


def _closed(members: dict[str, Any]) -> bytes:
    """Return an answer as bytes; a token in it that is not signed yet stays so, and is signed anew for whoever asks again."""
    plain = members | {"expires_at": members["expires_at"].isoformat()}
    return json.dumps({name: list(value) if isinstance(value, Unsigned) else value for name, value in plain.items()}).encode()


def _opened(plain: bytes) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(plain)
    unsigned = {name: Unsigned(*value) for name, value in members.items() if isinstance(value, list)}
    return members | unsigned | {"expires_at": datetime.fromisoformat(members["expires_at"])}
