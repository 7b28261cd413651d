"""Any token on demand: in the form and with the life of its dialect, or with others, and for whomever is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from app.admin import Desk, clients, shops, users
from app.core.mistakes import Mistake
from app.core.policy import Policy
from app.core.secrets import digest, new_id
from app.ledger import Writes
from app.messages import Unsigned
from app.models import Client, Grant, Shop, Token, User
from app.sandbox.worlds import World

_LONGEST: Final = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A token that is wanted. ``expires_in`` is in seconds, and negative for one that has expired; ``claims`` are of ID tokens."""

    client_id: str
    kind: Literal["access", "refresh", "id"] = "access"
    user: str | None = None
    scope: str | None = None
    shop: str | None = None
    expires_in: int | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A token, and when it ends."""

    token: str = field(repr=False)
    kind: str
    expires_at: datetime


async def mint(world: World, wanted: Wanted) -> Minted:
    """Make a token.

    Raises:
        Mistake: somebody or something is named that is not there, or a value cannot be.
    """
    if wanted.expires_in is not None and abs(wanted.expires_in) > _LONGEST:
        raise Mistake("expires_in is at most ten years of seconds, before or after now")
    client, user, shop = await world.operator.look(lambda desk: _named(desk, wanted))
    now = world.clock.now()
    if wanted.kind == "id":
        return await _id_token(world, wanted, client, user, now)
    policy = _policy(world, client, wanted)
    life = wanted.expires_in
    if life is None:
        usual = policy.access_token_expires_in if wanted.kind == "access" else policy.refresh_token_expires_in
        life = usual or _LONGEST
    expires_at = now + timedelta(seconds=life)
    value = (policy.access_token if wanted.kind == "access" else policy.refresh_token).generate()
    grant = Grant(
        id=new_id(),
        dialect=client.dialect,
        grant_type="authorization_code" if user is not None else "client_credentials",
        client_id=client.client_id,
        user_id=user.id if user is not None else None,
        shop_id=shop.id if shop is not None else None,
        scope=wanted.scope or client.scope,
        created_at=now,
        expires_at=max(expires_at, now),
    )
    token = Token(
        token_hash=digest(value),
        kind=wanted.kind,
        grant_id=grant.id,
        scope=grant.scope,
        issued_at=min(now, expires_at),
        expires_at=expires_at,
    )
    await world.storage.commit(Writes(now, grants=[grant], tokens=[token]))
    return Minted(token=value, kind=wanted.kind, expires_at=expires_at)


async def _id_token(world: World, wanted: Wanted, client: Client, user: User | None, now: datetime) -> Minted:
    if user is None:
        raise Mistake("an ID token is about a user: name one")
    expires_at = now + timedelta(seconds=3600 if wanted.expires_in is None else wanted.expires_in)
    state = world.app.state
    claims = {
        "iss": world.issuer,
        "sub": state.subjects.of(client, user.id),
        "aud": client.client_id,
        "iat": int(min(now, expires_at).timestamp()),
        "exp": int(expires_at.timestamp()),
        **wanted.claims,
    }
    token = await state.minter.sign(Unsigned("JWT", client.id_token_signed_response_alg, claims))
    return Minted(token=token, kind="id", expires_at=expires_at)


def _named(desk: Desk, wanted: Wanted) -> tuple[Client, User | None, Shop | None]:
    client = clients.find(desk, wanted.client_id)
    user = users.find(desk, wanted.user) if wanted.user is not None else None
    return client, user, shops.find(desk, client.dialect, wanted.shop) if wanted.shop is not None else None


def _policy(world: World, client: Client, wanted: Wanted) -> Policy:
    """Return how the client's dialect makes tokens: as at the first of its grants that hands such tokens out."""
    variant = world.operator.dialects[client.dialect].variant(client.options)
    policies = [policy.with_shop if wanted.shop is not None else policy.alone for policy in variant.grants.values()]
    fitting = [policy for policy in policies if wanted.kind == "access" or policy.issue_refresh_token]
    if not fitting:
        raise Mistake(f"the dialect {client.dialect} has no refresh tokens")
    return fitting[0]
