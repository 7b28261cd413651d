"""Authorization codes without a browser: for a sandbox, until its person at the keyboard has pages to click."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.admin import clients, shops, users
from app.admin.fields import Refused
from app.admin.operator import Desk, Operator
from app.admin.registration import STANDARD, profile_of
from app.core.clock import NEVER
from app.core.mistakes import Mistake
from app.core.policy import Policy
from app.core.secrets import digest, new_id
from app.dialects.dialect import Dialect
from app.models import AuthorizationCode, Client, Grant, Shop

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """What an authorization request would say, and who allows it: ``shop`` is the code of one, ``user`` a name or address."""

    client_id: str
    user: str
    shop: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    code_challenge: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCode:
    """A code and what it is bound to; ``expires_in`` is in seconds."""

    code: str = field(repr=False)
    expires_in: int
    redirect_uri: str
    scope: str


async def issue_code(operator: Operator, request: CodeRequest) -> IssuedCode:
    """Issue an authorization code as if the user had allowed the request in a browser (RFC 6749 §4.1.2).

    Raises:
        Mistake: the database is no sandbox's, or the request would have been refused.
    """
    return await operator.transact(lambda desk: _issue(desk, request))


def _issue(desk: Desk, request: CodeRequest) -> IssuedCode:
    if not desk.is_sandbox:
        raise Mistake("codes are issued by hand in a sandbox only, and this database is none: name the sandbox's with --database")
    client = clients.find(desk, request.client_id)
    user = users.find(desk, request.user)
    for disabled, shown in ((client.disabled_at, f"client {client.client_id}"), (user.disabled_at, f"user {user.username}")):
        if disabled is not None:
            raise Mistake(f"the {shown} is disabled")
    if client.dialect not in desk.dialects.by_name:
        raise Mistake(f"the dialect {client.dialect} of the client is not loaded: see TOKENRY_DIALECTS")
    dialect = desk.dialects[client.dialect]
    word = _grant_word(dialect, client)
    redirect_uri = _redirect_uri(client, request.redirect_uri)
    scope = client.get_allowed_scope(request.scope)
    if scope is None:
        raise Refused("scope", f"goes beyond what {client.client_id} is registered for: {client.scope or 'no scope at all'}")
    _check_challenge(client, request.code_challenge)
    shop = _shop(desk, client, request.shop)
    policies = dialect.variant(client.options).grants[word]
    policy = policies.with_shop if shop is not None else policies.alone
    grant = Grant(
        id=new_id(),
        dialect=dialect.name,
        grant_type=word,
        client_id=client.client_id,
        user_id=user.id,
        shop_id=shop.id if shop is not None else None,
        scope=scope,
        created_at=desk.now,
        expires_at=_family_end(desk.now, policy, can_refresh=client.check_grant_type(dialect.refresh_grant)),
    )
    desk.catalog.add_grant(grant)
    code = policy.authorization_code.generate()
    desk.catalog.add_authorization_code(
        AuthorizationCode(
            code_hash=digest(code),
            grant_id=grant.id,
            redirect_uri=redirect_uri,
            redirect_uri_sent=request.redirect_uri is not None,
            code_challenge=request.code_challenge,
            code_challenge_method="S256" if request.code_challenge is not None else None,
            created_at=desk.now,
            expires_at=desk.now + timedelta(seconds=policy.authorization_code_expires_in),
        )
    )
    desk.note("code.issue", f"client {client.client_id}", None, {"user": user.username, "scope": scope, "shop": request.shop})
    return IssuedCode(code=code, expires_in=policy.authorization_code_expires_in, redirect_uri=redirect_uri, scope=scope)


def _grant_word(dialect: Dialect, client: Client) -> str:
    """Return the dialect's word for the grant of authorization codes.

    Raises:
        Mistake: the dialect has none, or the client is not registered for it.
    """
    word = next((word for word, grant in dialect.grants.items() if grant.grant_type == "authorization_code"), None)
    if word is None:
        raise Mistake(f"the dialect {dialect.name} has no authorization codes")
    if not client.check_grant_type(word) or not client.check_response_type("code"):
        raise Mistake(f"the client {client.client_id} is not registered for authorization codes: see its grant_types and response_types")
    return word


def _redirect_uri(client: Client, sent: str | None) -> str:
    if sent is not None and not client.check_redirect_uri(sent):
        raise Refused("redirect_uri", f"is not registered: {client.client_id} has {', '.join(client.redirect_uris) or 'none'}")
    effective = sent or client.get_default_redirect_uri()
    if effective is None:
        raise Refused("redirect_uri", f"name one of those registered: {', '.join(client.redirect_uris) or 'there are none'}")
    return effective


def _check_challenge(client: Client, challenge: str | None) -> None:
    """PKCE (RFC 7636): always well-formed, and demanded where a standard client is not registered as legacy (RFC 9700 §2.1.1)."""
    if challenge is not None and _CHALLENGE.fullmatch(challenge) is None:
        raise Refused("code_challenge", "takes 43 to 128 characters of A-Z a-z 0-9 - . _ ~")
    if challenge is None and client.dialect == STANDARD and (client.is_public or profile_of(client) != "legacy"):
        raise Refused("code_challenge", f"is missing: {client.client_id} must use PKCE with S256")


def _shop(desk: Desk, client: Client, code: str | None) -> Shop | None:
    if code is None:
        return None
    shop = shops.find(desk, client.dialect, code)
    if shop not in desk.catalog.shops_of(client.client_id) or shop.disabled_at is not None:
        raise Refused("shop", f"{code} is disabled, or not granted to {client.client_id}")
    return shop


def _family_end(now: datetime, policy: Policy, *, can_refresh: bool) -> datetime:
    """Return the ceiling of the family: the policy's, or, without refresh, the end of what the code can yield at the latest."""
    if policy.issue_refresh_token and can_refresh:
        return now + timedelta(seconds=policy.family_expires_in) if policy.family_expires_in else NEVER
    return now + timedelta(seconds=policy.authorization_code_expires_in + policy.access_token_expires_in)
