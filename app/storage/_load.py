"""What a need selects and how its facts are read from a row: shared by both native engines.

A presented code or token is one wide row: itself, its grant, its client's version, its user, its shop and, for a token, whether its
successor was used.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from app.ledger import Held, Needs
from app.models import Attempt, AuthorizationCode, Grant, Resource, Shop, Token, User, columns_of, names_of
from app.models.record import Column, Record
from app.storage._clients import Resolver
from app.storage._rows import maker, selected
from app.storage._tables import is_possible

Presented = TypeVar("Presented", AuthorizationCode, Token)


PROBE: Final = Needs(client_id="")
"""A need that finds nothing and costs one statement."""

make_attempt: Final = maker(Attempt)
make_resource: Final = maker(Resource)
make_shop: Final = maker(Shop)
make_user: Final = maker(User)
_make_grant: Final = maker(Grant)
_GRANT_WIDTH: Final = len(names_of(Grant))
_USER_WIDTH: Final = len(names_of(User))
_SHOP_WIDTH: Final = len(names_of(Shop))

GRANTED_SHOP: Final = (
    "shop s ON s.dialect = c.dialect AND s.code = {code} AND s.disabled_at IS NULL"
    " AND EXISTS (SELECT 1 FROM client_shop l WHERE l.client_id = c.client_id AND l.shop_id = s.id)"
)
"""A shop of the client ``c``, by its code: of the client's dialect, granted to it, and enabled."""

USER_BY_LOGIN: Final = (
    '"user" u ON u.id = coalesce((SELECT id FROM "user" WHERE username_key = {login}), (SELECT id FROM "user" WHERE email_key = {login}))'
)
"""A user by user name or, failing that, e-mail address: two look-ups by index, where OR would scan."""


class Presentation(Generic[Presented]):
    """How one kind of presented credential is selected under an alias, and read from ``start`` of a row on."""

    def __init__(self, model: type[Presented], key: str, alias: str, start: int = 0) -> None:
        record: type[Record] = model
        follows_successor = record is Token
        table = record.table
        a = alias
        self.table = f"{table} {a}"
        self.condition = f"{a}.{key} = "
        self.joins = (
            f' LEFT JOIN "grant" {a}_g ON {a}_g.id = {a}.grant_id'
            f" LEFT JOIN client {a}_c ON {a}_c.client_id = {a}_g.client_id"
            f' LEFT JOIN "user" {a}_u ON {a}_u.id = {a}_g.user_id'
            f" LEFT JOIN client_shop {a}_l ON {a}_l.client_id = {a}_g.client_id AND {a}_l.shop_id = {a}_g.shop_id"
            f" LEFT JOIN shop {a}_s ON {a}_s.id = {a}_l.shop_id"
        ) + (f" LEFT JOIN token {a}_n ON {a}_n.token_hash = {a}.successor_hash" if follows_successor else "")
        self.select = ", ".join(
            [
                selected(a, record),
                selected(f"{a}_g", Grant),
                f"{a}_c.version",
                selected(f"{a}_u", User),
                selected(f"{a}_s", Shop),
                f"{a}_n.used_at IS NOT NULL" if follows_successor else "NULL",
            ]
        )
        self.columns: list[Column | None] = [*columns_of(record), *columns_of(Grant), None, *columns_of(User), *columns_of(Shop), None]
        self._make: Callable[[Sequence[Any]], Presented] = maker(model)
        self._start = start
        self._grant = start + len(names_of(record))
        self._version = self._grant + _GRANT_WIDTH
        self._user = self._version + 1
        self._shop = self._user + _USER_WIDTH
        self._successor = self._shop + _SHOP_WIDTH
        self.end = self._successor + 1

    def read(self, row: Sequence[Any], resolver: Resolver) -> Held[Presented] | None:
        """Return what was found, or ``None``; its client is the resolver's to set."""
        grant_at, version_at, user_at, shop_at = self._grant, self._version, self._user, self._shop
        if row[grant_at] is None:
            return None
        grant = _make_grant(row[grant_at:version_at])
        held = Held(
            self._make(row[self._start : grant_at]),
            grant,
            None,
            None if row[user_at] is None else make_user(row[user_at:shop_at]),
            None if row[shop_at] is None else make_shop(row[shop_at : self._successor]),
            bool(row[self._successor]),
        )
        resolver.resolve(held, grant.client_id, row[version_at])
        return held


def possible(needs: Needs) -> Needs:
    """Return needs without the words that no database can hold, which therefore find nothing."""
    return replace(
        needs,
        client_id=_possible(needs.client_id),
        shop=_possible(needs.shop),
        login=_possible(needs.login),
        resources=tuple(filter(is_possible, needs.resources)),
    )


def _possible(word: str | None) -> str | None:
    return word if word is not None and is_possible(word) else None
