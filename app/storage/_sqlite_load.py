"""Point reads on SQLite: a few microseconds each, so they run on the event loop, without a thread."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from app.ledger import Facts, Held, Needs
from app.models import Attempt, AuthorizationCode, Client, Resource, Shop, Token, User, columns_of, names_of
from app.storage._clients import SELECT_CLIENTS, ClientCache, Resolver, clients_of
from app.storage._interface import Counters
from app.storage._load import (
    GRANTED_SHOP,
    USER_BY_LOGIN,
    Presentation,
    Presented,
    make_attempt,
    make_resource,
    make_shop,
    make_user,
)
from app.storage._rows import Decoder, selected

_CODE: Final = Presentation(AuthorizationCode, "code_hash", "a")
_TOKEN: Final = Presentation(Token, "token_hash", "t")
_CODE_SQL: Final = f"SELECT {_CODE.select} FROM {_CODE.table}{_CODE.joins} WHERE {_CODE.condition}?"  # noqa: S608 (our own names)
_TOKEN_SQL: Final = f"SELECT {_TOKEN.select} FROM {_TOKEN.table}{_TOKEN.joins} WHERE {_TOKEN.condition}?"  # noqa: S608
_VERSION_SQL: Final = "SELECT version FROM client WHERE client_id = ?"
_SHOP_SQL: Final = (
    f"SELECT c.version, {selected('s', Shop)} FROM client c"  # noqa: S608
    f" LEFT JOIN {GRANTED_SHOP.format(code='?')} WHERE c.client_id = ?"
)
_USER_SQL: Final = f"SELECT {selected('u', User)} FROM (SELECT 1) JOIN {USER_BY_LOGIN.format(login='?1')}"  # noqa: S608
_ATTEMPT_SQL: Final = f"SELECT {', '.join(names_of(Attempt))} FROM attempt WHERE key = ?"  # noqa: S608
_RESOURCE_SQL: Final = f"SELECT {', '.join(names_of(Resource))} FROM resource WHERE uri = ?"  # noqa: S608

_decode_code: Final = Decoder(_CODE.columns, times=True)
_decode_token: Final = Decoder(_TOKEN.columns, times=True)
_decode_shop: Final = Decoder(columns_of(Shop), times=True)
_decode_user: Final = Decoder(columns_of(User), times=True)
_decode_attempt: Final = Decoder(columns_of(Attempt), times=True)
_decode_resource: Final = Decoder(columns_of(Resource), times=True)


class Reader:
    """Reads facts over one connection."""

    def __init__(self, connection: sqlite3.Connection, counters: Counters) -> None:
        self._connection = connection
        self._counters = counters
        self._cache = ClientCache()

    def load(self, needs: Needs) -> Facts:
        """Return what is found for the needs.

        Raises:
            sqlite3.Error: the database does not answer.
        """
        keys = (needs.client_id, needs.code_hash, needs.token_hash, needs.bearer_hash, needs.login)
        if len(keys) - keys.count(None) + len(needs.attempts) + len(needs.resources) <= 1:
            return self._find(needs)
        # Several statements see one state of the database, and share the price of taking it.
        self._connection.execute("BEGIN")
        try:
            return self._find(needs)
        finally:
            self._connection.execute("COMMIT")

    def _find(self, needs: Needs) -> Facts:
        facts = Facts()
        resolver = Resolver(self._cache)
        if needs.client_id is not None:
            self._client(needs.client_id, needs.shop, facts, resolver)
        if needs.code_hash is not None:
            facts.code = self._held(_CODE, _CODE_SQL, _decode_code, needs.code_hash, resolver)
        if needs.token_hash is not None:
            facts.token = self._held(_TOKEN, _TOKEN_SQL, _decode_token, needs.token_hash, resolver)
        if needs.bearer_hash is not None:
            facts.bearer = self._held(_TOKEN, _TOKEN_SQL, _decode_token, needs.bearer_hash, resolver)
        if needs.login is not None and (row := self._one(_USER_SQL, needs.login)) is not None:
            facts.user = make_user(_decode_user(row))
        if needs.attempts:
            rows = [self._one(_ATTEMPT_SQL, key) for key in needs.attempts]
            facts.attempts = {row[0]: make_attempt(_decode_attempt(row)) for row in rows if row is not None}
        if needs.resources:
            rows = [self._one(_RESOURCE_SQL, uri) for uri in needs.resources]
            facts.resources = {row[0]: make_resource(_decode_resource(row)) for row in rows if row is not None}
        if missing := resolver.missing:
            resolver.supply(self._clients(missing))
        return facts

    def _client(self, client_id: str, shop: str | None, facts: Facts, resolver: Resolver) -> None:
        row = self._one(_VERSION_SQL, client_id) if shop is None else self._one(_SHOP_SQL, shop, client_id)
        if row is None:
            return
        resolver.resolve(facts, client_id, row[0])
        if shop is not None and row[1] is not None:
            facts.shop = make_shop(_decode_shop(row[1:]))

    def _held(
        self, presentation: Presentation[Presented], sql: str, decode: Decoder, key: bytes, resolver: Resolver
    ) -> Held[Presented] | None:
        row = self._one(sql, key)
        return None if row is None else presentation.read(decode(row), resolver)

    def _clients(self, client_ids: list[str]) -> dict[str, Client]:
        marks = ", ".join("?" * len(client_ids))
        self._counters.statements += 1
        rows = self._connection.execute(SELECT_CLIENTS.format(condition=f"c.client_id IN ({marks})"), client_ids)
        return clients_of(rows, times=True)

    def _one(self, sql: str, *arguments: object) -> Sequence[Any] | None:
        self._counters.statements += 1
        row: Sequence[Any] | None = self._connection.execute(sql, arguments).fetchone()
        return row
