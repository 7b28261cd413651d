"""Users: the people who can log in."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.admin import shops
from app.admin.fields import MAXIMUM_SHOPS, Fields, Refused
from app.admin.operator import Change, Desk, Expected, Operator, Status, changed, text_of, unknown
from app.admin.user_claims import declared_claims, merged_claims
from app.admin.user_passwords import Proof, check_hash, check_password, declared_hash, prove, prove_hash
from app.core.passwords import login_key
from app.core.secrets import digest, new_id
from app.models import Shop, User

View = dict[str, object]
_MAXIMUM_USERNAME = 200
_MAXIMUM_EMAIL = 320
_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeclaration:
    """What is declared of a user; what is ``None`` is not declared. ``shops`` are dialects and codes, ``claims`` standard claims.

    ``id`` is that of a new user; one who is there keeps theirs, for every client knows them by it.
    """

    id: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    email: str | None = None
    name: str | None = None
    shops: tuple[tuple[str, str], ...] | None = None
    claims: Mapping[str, Any] | None = None
    disabled: bool | None = None


def declare_user(values: Mapping[str, object]) -> UserDeclaration:
    """Read what is declared of a user.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    fields = Fields(values)
    fields.allow(("username", "password", "email", "name", "shops", "claims", "password_hash", "id", "disabled"))
    username, email = fields.text("username", _MAXIMUM_USERNAME), fields.text("email", _MAXIMUM_EMAIL)
    if username is not None and (username != username.strip() or not 0 < len(login_key(username)) <= 2 * _MAXIMUM_USERNAME):
        raise Refused("username", "is empty, too long, or has a space at its ends")
    if email and (email.count("@") != 1 or " " in email or not all(email.split("@")) or len(login_key(email)) > 2 * _MAXIMUM_EMAIL):
        raise Refused("email", "is no e-mail address")
    password = fields.text("password", 1024)
    if password is not None:
        check_password(password)
    return UserDeclaration(
        id=_declared_id(fields),
        username=username,
        password=password,
        password_hash=declared_hash(fields),
        email=email,
        name=fields.text("name", 200),
        shops=_declared_shops(fields),
        claims=declared_claims(fields),
        disabled=fields.truth("disabled"),
    )


def _declared_id(fields: Fields) -> str | None:
    user_id = fields.text("id", 200)
    if user_id is not None and _ID.fullmatch(user_id) is None:
        raise Refused("id", "has 22 letters, digits, - and _: leave it out and one is made")
    return user_id


def _declared_shops(fields: Fields) -> tuple[tuple[str, str], ...] | None:
    rows = fields.tables("shops", MAXIMUM_SHOPS)
    if rows is None:
        return None
    found = []
    for row in rows:
        shop = Fields(row)
        try:
            shop.allow(("dialect", "code"))
            found.append((shop.required("dialect", 64), shop.required("code", 200)))
        except Refused as refused:
            raise Refused(f"shops.{refused.key}", refused.reason) from None
    return tuple(dict.fromkeys(found))


def _members(user: User, managed: Sequence[Shop] | None = None) -> View:
    return {
        "username": user.username,
        "email": user.email,
        "name": user.name,
        "claims": json.loads(user.claims) if user.claims is not None else {},
        "has_password": user.password_hash is not None,
        "second_factor_at": text_of(user.second_factor_at),
        **({} if managed is None else {"shops": [{"dialect": shop.dialect, "code": shop.code} for shop in managed]}),
        "disabled_at": text_of(user.disabled_at),
    }


def view(user: User, managed: Sequence[Shop] | None = None) -> View:
    """Return what may be shown of a user; ``id`` is the ``sub`` of their tokens."""
    return {"id": user.id, **_members(user, managed), "created_at": text_of(user.created_at), "updated_at": text_of(user.updated_at)}


def find(desk: Desk, name: str) -> User:
    """Return a user by user name, e-mail address or id.

    Raises:
        Mistake: there is none.
    """
    user = desk.catalog.user_by_login(login_key(name)) or desk.catalog.user(name)
    if user is None:
        raise unknown(f"user {name}")
    return user


def put(desk: Desk, declared: UserDeclaration, there: User | None, proof: Proof | None = None) -> Change:
    """Store a user, or change ``there`` where the declaration differs; a new password ends their sessions and what they had granted.

    Raises:
        Refused: a name is somebody else's, the password is a published one, or there is no such shop.
        Overtaken: somebody else changed the password since it was proved.
    """
    user = replace(there) if there is not None else _blank(desk, declared)
    if declared.username is not None:
        user.username, user.username_key = declared.username, login_key(declared.username)
    if declared.email is not None:
        user.email, user.email_key = (declared.email, login_key(declared.email)) if declared.email else (None, None)
    if declared.name is not None:
        user.name = declared.name or None
    is_new_address = there is not None and user.email_key != there.email_key
    user.claims = merged_claims(user.claims, declared.claims, {"email"} if is_new_address else set())
    user.password_hash = _password_hash(desk, declared, there, proof)
    if there is not None and user.password_hash != there.password_hash:
        user.password_changed_at = desk.now
    if declared.disabled is not None and declared.disabled != (user.disabled_at is not None):
        user.disabled_at = _disabled(desk, user) if declared.disabled else None
    _check_names(desk, user)
    managed = None if declared.shops is None else [shops.granted(desk, dialect, code) for dialect, code in declared.shops]
    return _stored(desk, there, user, "user.update" if there else "user.create", managed)


def _blank(desk: Desk, declared: UserDeclaration) -> User:
    if declared.username is None:
        raise Refused("username", "is missing")
    if declared.id is not None and desk.catalog.user(declared.id) is not None:
        raise Refused("id", "is that of another user")
    return User(id=declared.id or new_id(), username="", username_key="", created_at=desk.now, updated_at=desk.now)


def _disabled(desk: Desk, user: User) -> datetime:
    """End the sessions of a user who is disabled now, and return the moment."""
    desk.catalog.end_logins(user.id)
    return desk.now


def _password_hash(desk: Desk, declared: UserDeclaration, there: User | None, proof: Proof | None) -> str | None:
    """Return the hash to store of a user: that of a new password, or the one that there is.

    Raises:
        Refused: the password is a published one, or the hash is no good one.
        Overtaken: somebody else changed the password since it was proved.
    """
    stored = there.password_hash if there is not None else None
    if declared.password is not None and proof is not None:
        if digest(declared.password) in desk.rules.known_secrets:
            raise Refused("password", "is a published demo password: choose another")
        return proof.settle(there)
    if declared.password_hash is not None and declared.password_hash != stored:
        check_hash(desk.rules, declared.password_hash, proof)
        return declared.password_hash
    return stored


def _check_names(desk: Desk, user: User) -> None:
    """Refuse a name or address under which somebody else is looked up, whether as name or as address."""
    for key, value in (("username", user.username_key), ("email", user.email_key)):
        other = desk.catalog.user_by_login(value) if value else None
        if other is not None and other.id != user.id:
            raise Refused(key, f"{value} is the name or address of another user")


def _stored(desk: Desk, there: User | None, user: User, action: str, granted: Sequence[Shop] | None = None) -> Change:
    """Store what is new of a user, and the shops that they manage from now on too, where some are named."""
    held = desk.catalog.user_shops(user.id) if there and granted is not None else []
    new = [shop for shop in granted or () if shop not in held]
    if user == there and not new:
        return Change(noun="user", name=user.username, status=Status.UNCHANGED)
    if user != there:
        desk.catalog.put_user(user)
    for shop in new:
        desk.catalog.grant_user_shop(user.id, shop.id)
    before = _members(there, None if granted is None else held) if there else None
    after = _members(user, None if granted is None else [*held, *new])
    members = changed(before, after) if before else ()
    if there is not None and user.password_hash != there.password_hash:
        members = (*(name for name in members if name != "has_password"), "password")
        before, after = {**(before or {}), "password": None}, {**after, "password": "changed"}
        desk.catalog.end_access(user.id)
    desk.note(action, f"user {user.username} ({user.id})", before, after)
    return Change(noun="user", name=user.username, status=Status.UPDATED if there else Status.CREATED, members=members)


def with_name(desk: Desk, username: str | None) -> User | None:
    """Return the user of exactly this user name, in whatever spelling."""
    key = login_key(username) if username is not None else None
    user = desk.catalog.user_by_login(key) if key else None
    return user if user is not None and user.username_key == key else None


async def prove_passwords(operator: Operator, declared: Sequence[UserDeclaration]) -> dict[str, Proof]:
    """Check declared passwords against what is stored and hash those that differ; by the key of the user name.

    Of a declared hash is found out whether it is that of a published password.
    """
    hashes = {login_key(one.username): one.password_hash for one in declared if one.username is not None and one.password_hash is not None}
    wanted = {login_key(one.username): one.password for one in declared if one.username is not None and one.password is not None}
    if not wanted and not hashes:
        return {}

    def stored(desk: Desk) -> dict[str, str | None]:
        users = {key: with_name(desk, key) for key in (*wanted, *hashes)}
        return {key: user.password_hash if user is not None else None for key, user in users.items()}

    seen = await operator.transact(stored)
    proving = {key: prove(operator.rules, password, seen[key]) for key, password in wanted.items()}
    proving |= {key: prove_hash(operator.rules, password_hash, seen[key]) for key, password_hash in hashes.items()}
    return dict(zip(proving, await asyncio.gather(*proving.values()), strict=True))


async def create_user(operator: Operator, values: Mapping[str, object]) -> Change:
    """Store a new user.

    Raises:
        Mistake: a value cannot be, or they are there already.
    """
    declared = declare_user(values)
    proof = next(iter((await prove_passwords(operator, [declared])).values()), None)

    def work(desk: Desk) -> Change:
        there = with_name(desk, declared.username)
        Expected.NEW.check(there, f"user {declared.username}")
        return put(desk, declared, there, proof)

    return await operator.transact(work)


async def update_user(operator: Operator, name: str, values: Mapping[str, object]) -> Change:
    """Change the declared members of a user; an empty e-mail address or name clears it.

    Raises:
        Mistake: a value cannot be, or there is no such user.
    """
    declared = declare_user(values)
    if declared.password is not None or declared.password_hash is not None:
        raise Refused("password", "is set by set-password")
    return await operator.transact(lambda desk: put(desk, declared, find(desk, name)))


async def set_password(operator: Operator, name: str, password: str) -> Change:
    """Give a user another password, end their sessions and revoke everything they had granted.

    Raises:
        Mistake: it is too short, too long or among the most used ones, or there is no such user.
    """
    declared = declare_user({"password": password})
    seen = await operator.look(lambda desk: find(desk, name).password_hash)
    proof = await prove(operator.rules, password, seen, anew=True)
    return await operator.transact(lambda desk: put(desk, declared, find(desk, name), proof))


async def list_users(operator: Operator) -> list[View]:
    """Return all users by user name; of very many, as :meth:`app.admin.Operator.read` does."""
    return await operator.read(lambda desk, after: ((user.username_key, view(user)) for user in desk.catalog.users(after)))


async def show_user(operator: Operator, name: str) -> View:
    """Return one user, by user name, e-mail address or id.

    Raises:
        Mistake: there is none.
    """

    def work(desk: Desk) -> View:
        user = find(desk, name)
        return view(user, desk.catalog.user_shops(user.id))

    return await operator.look(work)


async def disable_user(operator: Operator, name: str) -> Change:
    """Refuse a user and every token they granted, at once and until they are enabled again. Their sessions end for good.

    Raises:
        Mistake: there is no such user.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, find(desk, name), desk.now))


async def enable_user(operator: Operator, name: str) -> Change:
    """Let a disabled user in again.

    Raises:
        Mistake: there is no such user.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, find(desk, name), None))


def _set_disabled(desk: Desk, user: User, at: datetime | None) -> Change:
    same = (user.disabled_at is None) == (at is None)
    if at is not None:
        desk.catalog.end_logins(user.id)
    return _stored(desk, user, user if same else replace(user, disabled_at=at), "user.disable" if at else "user.enable")
