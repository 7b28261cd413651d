"""Whether a code or token still stands: itself, its family, and everyone behind it."""

from datetime import datetime

from app.ledger import Held
from app.models import AuthorizationCode, Grant, Token, User


def grant_problem(held: Held[AuthorizationCode] | Held[Token]) -> str | None:
    """Return why the grant behind a code or token gives no right any more, or ``None``; for the operator's log."""
    grant = held.grant
    if grant.revoked_at is not None:
        return "its grant was revoked"
    client, user, shop = held.client, held.user, held.shop
    if client is None or client.disabled_at is not None:
        return "its client is disabled"
    if grant.user_id is not None and (problem := _user_problem(user, grant)) is not None:
        return problem
    if grant.shop_id is not None and (shop is None or shop.disabled_at is not None):
        return "its shop is disabled, or no longer granted to the client"
    return None


def _user_problem(user: User | None, grant: Grant) -> str | None:
    if user is None or user.disabled_at is not None:
        return "its user is disabled"
    if user.password_changed_at is not None and user.password_changed_at >= grant.created_at:
        return "its user has changed their password since"
    return None


def token_problem(held: Held[Token], now: datetime) -> str | None:
    """Return why a token is not valid at ``now``, or ``None``."""
    token = held.record
    if token.revoked_at is not None:
        return "it was revoked"
    if token.used_at is not None:
        return "it was rotated"
    if token.expires_at is not None and token.expires_at <= now:
        return "it has expired"
    if held.grant.expires_at <= now:
        return "its grant has expired"
    return grant_problem(held)
