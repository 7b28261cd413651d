"""Authorization codes without a browser: for a sandbox.

The request is answered by the engine itself, as if a person had logged in just now and allowed it; nothing here decides by rules of its
own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from app.admin import clients, shops, users
from app.admin.fields import Refused
from app.admin.operator import Desk, Operator
from app.core.causes import Cause
from app.core.mistakes import Mistake
from app.core.resources import sought
from app.dialects import AuthorizationDoor
from app.ledger import Visit, Writes
from app.messages import Ask, AuthorizationRequest, Decided, Redirect, Refusal
from app.models import Client, Session, Shop, User

if TYPE_CHECKING:
    from app.oauth2 import AuthorizationServer

_LOGIN_LASTS: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """What an authorization request would say, and who allows it: ``shop`` is the code of one, ``user`` a name or address."""

    client_id: str
    user: str
    shop: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None
    resource: str | None = None
    """URIs, with spaces."""


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
    # Authlib is slow to import, and no other command needs it.
    from app.oauth2 import AuthorizationServer

    engine = AuthorizationServer("https://tokenry.invalid")
    return await operator.transact(lambda desk: _issue(desk, engine, request))


def _issue(desk: Desk, engine: "AuthorizationServer", request: CodeRequest) -> IssuedCode:
    if not desk.is_sandbox:
        raise Mistake("codes are issued by hand in a sandbox only, and this database is none: name the sandbox's with --database")
    client = clients.find(desk, request.client_id)
    user = users.find(desk, request.user)
    for disabled, shown in ((client.disabled_at, f"client {client.client_id}"), (user.disabled_at, f"user {user.username}")):
        if disabled is not None:
            raise Mistake(f"the {shown} is disabled")
    message = _message(desk, client, request)
    visit = Visit(
        client=client,
        session=_session(desk, user),
        user=user,
        shops=tuple(_shops(desk, client, request.shop)),
        resources=desk.catalog.resources_among(sought(request.resource or "")),
    )
    decided, writes = engine.authorize(message, visit, None, desk.now)
    if isinstance(decided, Ask):
        decided, writes = engine.authorize(message, visit, decided.answered(approved=True, shop=request.shop), desk.now)
    if isinstance(decided, Redirect) and decided.refusal is None:
        return _written(desk, decided, writes, request)
    raise _mistake(decided, client, request)


def _message(desk: Desk, client: Client, request: CodeRequest) -> AuthorizationRequest:
    """Return the authorization request, read by the client's dialect."""
    door = _door(desk, client)
    sent = {
        "response_type": "code",
        "client_id": request.client_id,
        "redirect_uri": request.redirect_uri,
        "scope": request.scope,
        "code_challenge": request.code_challenge,
        "code_challenge_method": "S256" if request.code_challenge is not None else None,
        "nonce": request.nonce,
        "resource": request.resource,
    }
    dialect = desk.dialects[client.dialect]
    query = urlencode({dialect.wire_name(word): value for word, value in sent.items() if value is not None})
    message = door.resume(query.encode()).choose(client)
    if message.refusal is not None:
        raise Mistake(message.refusal.description)
    lacking = next((word for word, value in sent.items() if value and word not in message.parameters), None)
    if lacking is not None:
        raise Refused(lacking, f"is not among what the dialect {client.dialect} understands at {door.path}")
    return message


def _door(desk: Desk, client: Client) -> AuthorizationDoor:
    """Return the door to which the client would send a browser for a code."""
    if client.dialect not in desk.dialects.by_name:
        raise Mistake(f"the dialect {client.dialect} of the client is not loaded: see TOKENRY_DIALECTS")
    for door in desk.dialects[client.dialect].authorization_doors:
        if "code" in door.response_types:
            return desk.dialects.authorization_doors[door.path]
    raise Mistake(f"the dialect {client.dialect} has no authorization codes")


def _session(desk: Desk, user: User) -> Session:
    """Return the session that the person would have, had they logged in at this moment."""
    now = desk.now
    return Session(id_hash=b"", user_id=user.id, created_at=now, last_seen_at=now, expires_at=now + _LOGIN_LASTS, amr=[])


def _shops(desk: Desk, client: Client, code: str | None) -> Iterator[Shop]:
    """Yield the shop to act for, if it is one that the client may act for; the operator stands for whoever manages it."""
    if code is not None:
        shop = shops.find(desk, client.dialect, code)
        if shop in desk.catalog.shops_of(client.client_id) and shop.disabled_at is None:
            yield shop


def _mistake(decided: Decided, client: Client, request: CodeRequest) -> Mistake:
    """Return what an operator is told where there is no code."""
    refusal = (None if isinstance(decided, Ask) else decided.refusal) or Refusal(Cause.INTERACTION_REQUIRED)
    client_id, registered = client.client_id, ", ".join(client.redirect_uris)
    if refusal.cause is Cause.UNREGISTERED_REDIRECT_URI:
        return Refused("redirect_uri", f"is not registered: {client_id} has {registered or 'none'}")
    if refusal.cause is Cause.MISSING_PARAMETER and request.redirect_uri is None:
        return Refused("redirect_uri", f"name one of those registered: {registered or 'there are none'}")
    if refusal.cause is Cause.BAD_SCOPE:
        return Refused("scope", f"goes beyond what {client_id} is registered for: {client.scope or 'no scope at all'}")
    if refusal.cause is Cause.UNKNOWN_SHOP:
        return Refused("shop", f"{request.shop} is disabled, or not granted to {client_id}")
    if refusal.cause is Cause.UNAUTHORIZED_RESPONSE_TYPE:
        return Mistake(f"the client {client_id} is not registered for authorization codes: see its grant_types and response_types")
    return Mistake(refusal.description)


def _written(desk: Desk, answer: Redirect, writes: Writes, request: CodeRequest) -> IssuedCode:
    """Store what the engine issued."""
    (grant,), (record,) = writes.grants, writes.codes
    desk.catalog.add_grant(grant)
    desk.catalog.add_authorization_code(record)
    shown = {"user": request.user, "scope": grant.scope, "shop": answer.shop}
    desk.note("code.issue", f"client {grant.client_id}", None, shown)
    (code,) = parse_qs(urlsplit(answer.location).query)["code"]
    lifetime = int((record.expires_at - record.created_at).total_seconds())
    return IssuedCode(code=code, expires_in=lifetime, redirect_uri=record.redirect_uri or "", scope=grant.scope)
