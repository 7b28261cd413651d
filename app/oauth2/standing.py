"""Whether a code or token still stands: itself, its family, and everyone behind it."""

from datetime import datetime, timedelta

from app.ledger import Held
from app.models import AuthorizationCode, Token


def grant_problem(held: Held[AuthorizationCode] | Held[Token]) -> str | None:
    """Return why the grant behind a code or token gives no right any more, or ``None``; for the operator's log."""
    grant = held.grant
    if grant.revoked_at is not None:
        return "its grant was revoked"
    if held.client is None or held.client.disabled_at is not None:
        return "its client is disabled"
    if grant.user_id is not None and (held.user is None or held.user.disabled_at is not None):
        return "its user is disabled"
    if grant.shop_id is not None and (held.shop is None or held.shop.disabled_at is not None):
        return "its shop is disabled"
    return None


def token_problem(held: Held[Token], now: datetime, *, idle_in: int = 0) -> str | None:
    """Return why a token is not valid at ``now``, or ``None``; ``idle_in`` is the longest time in seconds without use (0: any)."""
    token = held.record
    if token.revoked_at is not None:
        return "it was revoked"
    if token.used_at is not None:
        return "it was rotated"
    if token.expires_at is not None and token.expires_at <= now:
        return "it has expired"
    if held.grant.expires_at <= now:
        return "its grant has expired"
    if idle_in and (token.last_used_at or token.issued_at) + timedelta(seconds=idle_in) <= now:
        return "it was not used for too long"
    return grant_problem(held)
