"""What lets a user in, and for whom: the shops they manage, their sessions, a link to a new password, their second factor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from app.admin import shops, users
from app.admin.fields import Refused
from app.admin.operator import Change, Desk, Operator, Status, changed, text_of
from app.core.mistakes import Mistake
from app.core.secrets import SecretFormat, digest
from app.models import Session, User

View = dict[str, object]
LINK_IN: Final = 24 * 3600
"""Seconds that a link to a new password is good for."""
_SHORTEST_LINK: Final = 60
_LONGEST_LINK: Final = 7 * 86400
_TOKEN: Final = SecretFormat("urlsafe", 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetLink:
    """A link by which a user sets a new password, once; it is shown to the operator and stored as a digest."""

    username: str
    link: str = field(repr=False)
    expires_at: str


async def grant_user_shop(operator: Operator, name: str, dialect: str, code: str) -> Change:
    """Let a user manage a shop, so that they may let applications act for it.

    Raises:
        Mistake: there is no such user or shop.
    """

    def work(desk: Desk, user: User) -> None:
        desk.catalog.grant_user_shop(user.id, shops.find(desk, dialect, code).id)

    return await _changed(operator, name, "user.grant_shop", _managed, work)


async def withdraw_user_shop(operator: Operator, name: str, dialect: str, code: str) -> Change:
    """Let a user no longer manage a shop, and revoke what they granted for it.

    Raises:
        Mistake: there is no such user or shop.
    """

    def work(desk: Desk, user: User) -> None:
        shop = shops.find(desk, dialect, code)
        desk.catalog.withdraw_user_shop(user.id, shop.id)
        desk.catalog.revoke_grants(user_id=user.id, shop_id=shop.id)

    return await _changed(operator, name, "user.withdraw_shop", _managed, work)


async def reset_password(operator: Operator, name: str, issuer: str, valid_in: int = LINK_IN) -> ResetLink:
    """Make a link by which a user sets a new password, in place of an earlier one; ``valid_in`` is in seconds.

    Raises:
        Mistake: there is no such user, they are disabled, or the time is out of bounds.
    """
    if not _SHORTEST_LINK <= valid_in <= _LONGEST_LINK:
        raise Refused("valid_in", f"takes seconds from {_SHORTEST_LINK} to {_LONGEST_LINK}")
    token = _TOKEN.generate()

    def work(desk: Desk) -> ResetLink:
        user = users.find(desk, name)
        if user.disabled_at is not None:
            raise Mistake(f"the user {user.username} is disabled: enable them first")
        expires_at = desk.now + timedelta(seconds=valid_in)
        desk.catalog.put_password_reset(user.id, digest(token), expires_at)
        until = text_of(expires_at) or ""
        desk.note("user.reset_password", _subject(user), {}, {"reset_link_until": until})
        return ResetLink(username=user.username, link=f"{issuer}/reset?token={token}", expires_at=until)

    return await operator.transact(work)


async def list_sessions(operator: Operator, name: str) -> list[View]:
    """Return the sessions of a user that have not reached their end, the latest first.

    Raises:
        Mistake: there is no such user.
    """
    return await operator.look(lambda desk: [_session(one) for one in desk.catalog.sessions_of(users.find(desk, name).id)])


async def end_sessions(operator: Operator, name: str) -> Change:
    """Log a user out everywhere. What they granted stays; their reset link, if there is one, ends.

    Raises:
        Mistake: there is no such user.
    """

    def work(desk: Desk, user: User) -> None:
        desk.catalog.end_logins(user.id)

    return await _changed(operator, name, "user.end_sessions", _logged_in, work)


async def reset_second_factor(operator: Operator, name: str) -> Change:
    """Forget a user's authenticator app, passkeys and recovery codes, so that a password alone lets them in, and log them out.

    Raises:
        Mistake: there is no such user.
    """

    def work(desk: Desk, user: User) -> None:
        if desk.catalog.reset_second_factor(user.id):
            desk.catalog.end_sessions(user.id)

    return await _changed(operator, name, "user.reset_second_factor", _second_factor, work)


def _managed(desk: Desk, user: User) -> View:
    return {"shops": [f"{shop.dialect} {shop.code}" for shop in desk.catalog.user_shops(user.id)]}


def _logged_in(desk: Desk, user: User) -> View:
    return {"sessions": len(desk.catalog.sessions_of(user.id))}


def _second_factor(desk: Desk, user: User) -> View:
    totp = desk.catalog.totp(user.id)
    return {
        "second_factor_at": text_of(user.second_factor_at),
        "totp_confirmed_at": text_of(totp.confirmed_at) if totp is not None else None,
        "passkeys": len(desk.catalog.passkeys_of(user.id)),
        "recovery_codes": len(desk.catalog.recovery_codes_of(user.id)),
    }


async def _changed(
    operator: Operator, name: str, action: str, members: Callable[[Desk, User], View], work: Callable[[Desk, User], None]
) -> Change:
    """Do some work on a user who is there, and note what it changed of these members."""

    def noted(desk: Desk) -> Change:
        user = users.find(desk, name)
        before = members(desk, user)
        work(desk, user)
        after = members(desk, users.find(desk, user.id))
        names: Sequence[str] = changed(before, after)
        if names:
            desk.note(action, _subject(user), before, after)
        return Change(noun="user", name=user.username, status=Status.UPDATED if names else Status.UNCHANGED, members=tuple(names))

    return await operator.transact(noted)


def _session(session: Session) -> View:
    return {
        "created_at": text_of(session.created_at),
        "last_seen_at": text_of(session.last_seen_at),
        "expires_at": text_of(session.expires_at),
        "amr": session.amr,
        "address": session.address,
        "user_agent": session.user_agent,
    }


def _subject(user: User) -> str:
    return f"user {user.username} ({user.id})"
