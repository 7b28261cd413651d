"""What every token grant shares: the check of its parameters, and the making of tokens by the dialect's policy."""

from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749.grants import BaseGrant

from app.core.causes import Cause
from app.core.clock import NEVER
from app.core.keyring import MAXIMUM_LIFE
from app.core.policy import Policy
from app.core.resources import resources_of
from app.core.secrets import digest, new_id
from app.messages import Refusal, Request, Unsigned
from app.models import Client, Grant, Shop, Token, User
from app.oauth2.request import ExchangeRequest
from app.oauth2.targets import Target, is_aimed, target_of


class TokenGrant(BaseGrant):
    """A grant at the token endpoint.

    ``GRANT_TYPE`` of the class is the engine's word; an instance carries the dialect's, by which the client is registered.
    """

    request: ExchangeRequest
    nonce: str | None = None
    """What the ID token brings back to the client."""

    def __init__(self, request: ExchangeRequest, server: object) -> None:
        super().__init__(request, server)
        self.GRANT_TYPE = request.message.registered_grant
        self.family: Grant | None = None

    def may_refresh(self, client: Client) -> bool:
        """Whether a refresh token is handed out: the policy says so and the client may use it."""
        message = self.request.message
        return message.policy.issue_refresh_token and client.check_grant_type(message.refresh_grant)

    def begin_family(self, scope: str, *, user: User | None = None, shop: Shop | None = None, refreshable: bool) -> Grant:
        """Write a new grant: the family of the tokens to come, for the resources that the request names."""
        request, message = self.request, self.request.message
        policy, now = message.policy, request.now
        life = policy.family_expires_in if refreshable else policy.access_token_expires_in
        family = Grant(
            id=new_id(),
            dialect=message.dialect,
            grant_type=message.registered_grant,
            client_id=request.client.client_id,
            user_id=user.id if user is not None else None,
            shop_id=shop.id if shop is not None else None,
            scope=scope,
            created_at=now,
            expires_at=end_after(now, life),
        )
        if "resource" in message.parameters:
            family.resource = " ".join(resources_of(message.parameters["resource"]))
        request.writes.grants.append(family)
        self.family = family
        return family

    def aim(self, scope: str, family: Grant | None = None) -> Target:
        """Return whom an access token of a scope is for, and what of the scope it holds (RFC 8707 §2).

        Raises:
            Refusal: a resource is named for which there can be none.
        """
        return target_of(self.request, self.server.issuer, scope, family)

    def make_access_token(self, family: Grant, scope: str) -> dict[str, Any]:
        """Write a new access token of the family and return its members.

        Raises:
            Refusal: a resource is named for which there can be none; nothing was written.
        """
        policy, now = self.request.message.policy, self.request.now
        expires_at = min(end_after(now, policy.access_token_expires_in), family.expires_at)
        audience: tuple[str, ...] = ()
        if is_aimed(self.request, family):
            audience, scope = self.aim(scope, family)
        value: str | Unsigned
        if self.request.client.extra and self.request.client.access_token_format == "jwt":
            audience = audience or (self.server.issuer,)
            expires_at = min(expires_at, now + MAXIMUM_LIFE)
            value, token_hash = self.server.access_tokens.write(self.request, family, scope, audience, expires_at)
            self.request.is_unsigned = True
        else:
            value = policy.access_token.generate()
            token_hash = digest(value)
        token = Token(token_hash=token_hash, kind="access", grant_id=family.id, scope=scope, issued_at=now, expires_at=expires_at)
        if audience:
            token.resource = " ".join(audience)
        self.request.writes.tokens.append(token)
        return {
            "access_token": value,
            "token_type": policy.token_type,
            "expires_in": int((expires_at - now).total_seconds()),
            "expires_at": expires_at,
            "scope": scope,
        }

    def make_refresh_token(self, family: Grant, scope: str) -> str:
        """Write a new refresh token of the family, with its full life under the family's ceiling, and return it."""
        policy, now = self.request.message.policy, self.request.now
        value = policy.refresh_token.generate()
        self.request.writes.tokens.append(
            Token(
                token_hash=digest(value),
                kind="refresh",
                grant_id=family.id,
                scope=scope,
                issued_at=now,
                expires_at=refresh_token_end(policy, now, now, family),
            )
        )
        return value

    def add_id_token(self, members: dict[str, Any], family: Grant, user: User | Client, scope: str) -> None:
        """Add the ID token to an answer where one belongs to it (OpenID Connect Core §3.1.3.3, §12.2).

        ``scope`` is what was asked for: the access token beside it may be for a resource that knows less.
        """
        unsigned = self.server.id_tokens.write(self.request, family, user, scope, self.nonce)
        if unsigned is not None:
            members["id_token"] = unsigned
            self.request.is_unsigned = True

    def generate_token(
        self,
        user: User | Client | None = None,
        scope: str | None = None,
        grant_type: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,  # noqa: FBT001, FBT002
    ) -> dict[str, Any]:
        """Return the members of a token answer for ``self.family``; formats and lifetimes are the policy's."""
        family = self.family
        if family is None:
            raise RuntimeError("a grant made tokens before its family")
        members = self.make_access_token(family, scope or "")
        if self.may_refresh(self.request.client):
            members["refresh_token"] = self.make_refresh_token(family, scope or "")
        if family.auth_time is not None and user is not None:
            self.add_id_token(members, family, user, scope or "")
        return members


def check_parameters(message: Request) -> None:
    """Check the parameters that the dialect demands.

    Raises:
        Refusal: one is missing, or has not the form it must have; it is named as on the wire.
    """
    for means, name in message.required.items():
        if means not in message.parameters:
            raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {name} is missing.")
    if message.invalid is not None:
        raise Refusal(Cause.INVALID_PARAMETER, f"The parameter {message.invalid} has an invalid value.")


def refresh_token_end(policy: Policy, issued_at: datetime, used_at: datetime, family: Grant) -> datetime:
    """Return when a refresh token ends: its own life, the longest time without use, and the family's ceiling, whichever is first."""
    return min(
        end_after(issued_at, policy.refresh_token_expires_in),
        end_after(used_at, policy.refresh_token_idle_in),
        family.expires_at,
    )


def end_after(now: datetime, seconds: int) -> datetime:
    """Return the moment that many seconds later; 0 means there is no end."""
    return now + timedelta(seconds=seconds) if seconds else NEVER
