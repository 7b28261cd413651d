"""One prepared SELECT for a whole batch of needs, on PostgreSQL: one wide row per request, only the joins that the batch needs."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from app.ledger import Facts, Needs
from app.models import Attempt, AuthorizationCode, Resource, Shop, Token, User, names_of
from app.storage._clients import SELECT_CLIENTS, Resolver
from app.storage._load import (
    GRANTED_SHOP,
    USER_BY_LOGIN,
    Presentation,
    make_attempt,
    make_resource,
    make_shop,
    make_user,
)
from app.storage._rows import selected

CLIENTS: Final = SELECT_CLIENTS.format(condition="c.client_id = ANY($1::text[])")


class Shape(NamedTuple):
    """Which kinds of needs a batch has; ``attempts`` and ``resources`` are the largest number of counters and resources of one request."""

    client: bool
    shop: bool
    code: bool
    token: bool
    bearer: bool
    login: bool
    attempts: int
    resources: int


def shape_of(batch: Sequence[Needs]) -> Shape:
    """Look at what a batch needs."""
    client = shop = code = token = bearer = login = False
    attempts = resources = 0
    for needs in batch:
        client = client or needs.client_id is not None
        shop = shop or needs.shop is not None
        code = code or needs.code_hash is not None
        token = token or needs.token_hash is not None
        bearer = bearer or needs.bearer_hash is not None
        login = login or needs.login is not None
        attempts = max(attempts, len(needs.attempts))
        if needs.resources:
            resources = max(resources, len(needs.resources))
    return Shape(client, shop, code, token, bearer, login, attempts, resources)


class BatchSelect:
    """The statement of one shape, its arguments, and how a row of it is read."""

    def __init__(self, shape: Shape) -> None:
        self._parameters: list[tuple[str, str, Callable[[Needs], Any]]] = [("n", "int", lambda _: None)]
        self._select = ["q.n"]
        self._joins: list[str] = []
        self._width = 1
        self._client = self._simple(shape.client, "client_id", "client c ON c.client_id = q.client_id", ["c.version"])
        self._shop = self._simple(
            shape.client and shape.shop, "shop", GRANTED_SHOP.format(code="q.shop"), [selected("s", Shop)], len(names_of(Shop))
        )
        self._code = self._presented(shape.code, Presentation(AuthorizationCode, "code_hash", "a", self._width), "code_hash")
        self._token = self._presented(shape.token, Presentation(Token, "token_hash", "t", self._width), "token_hash")
        self._bearer = self._presented(shape.bearer, Presentation(Token, "token_hash", "b", self._width), "bearer_hash")
        self._login = self._simple(shape.login, "login", USER_BY_LOGIN.format(login="q.login"), [selected("u", User)], len(names_of(User)))
        self._attempts = self._width
        for i in range(shape.attempts):
            self._parameters.append((f"k{i}", "bytea", _nth_attempt(i)))
            self._add(f"attempt k{i} ON k{i}.key = q.k{i}", [selected(f"k{i}", Attempt)], len(names_of(Attempt)))
        self._resources = self._width
        for i in range(shape.resources):
            self._parameters.append((f"r{i}", "text", _nth_resource(i)))
            self._add(f"resource r{i} ON r{i}.uri = q.r{i}", [selected(f"r{i}", Resource)], len(names_of(Resource)))
        names = ", ".join(name for name, _, _ in self._parameters)
        arrays = ", ".join(f"${i}::{kind}[]" for i, (_, kind, _) in enumerate(self._parameters, 1))
        joins = "".join(f" LEFT JOIN {join}" for join in self._joins)
        self.sql = f"SELECT {', '.join(self._select)} FROM unnest({arrays}) AS q({names}){joins}"  # noqa: S608 (our own names)

    def _simple(self, wanted: bool, need: str, join: str, select: list[str], width: int = 1) -> int:  # noqa: FBT001
        """Add a join if it is wanted and return where its columns start, or 0."""
        if not wanted:
            return 0
        self._parameters.append((need, "text", _getter(need)))
        start = self._width
        self._add(join, select, width)
        return start

    def _presented(self, wanted: bool, presentation: Presentation[Any], need: str) -> Presentation[Any] | None:  # noqa: FBT001
        if not wanted:
            return None
        self._parameters.append((need, "bytea", _getter(need)))
        self._add(
            f"{presentation.table} ON {presentation.condition}q.{need}{presentation.joins}",
            [presentation.select],
            presentation.end - self._width,
        )
        return presentation

    def _add(self, join: str, select: list[str], width: int) -> None:
        self._joins.append(join)
        self._select += select
        self._width += width

    def arguments(self, batch: Sequence[Needs]) -> list[Sequence[Any]]:
        """Return the statement's arguments, one array for each parameter."""
        return [range(len(batch)), *([take(needs) for needs in batch] for _, _, take in self._parameters[1:])]

    def facts(self, row: Sequence[Any], needs: Needs, resolver: Resolver) -> Facts:
        """Read a row."""
        facts = Facts()
        if self._client:
            resolver.resolve(facts, needs.client_id or "", row[self._client])
        if self._shop and row[self._shop] is not None:
            facts.shop = make_shop(row[self._shop : self._shop + len(names_of(Shop))])
        if self._code:
            facts.code = self._code.read(row, resolver)
        if self._token:
            facts.token = self._token.read(row, resolver)
        if self._bearer:
            facts.bearer = self._bearer.read(row, resolver)
        if self._login and row[self._login] is not None:
            facts.user = make_user(row[self._login : self._login + len(names_of(User))])
        if needs.attempts:
            facts.attempts = self._read_attempts(row, len(needs.attempts))
        if needs.resources:
            facts.resources = self._read_resources(row, len(needs.resources))
        return facts

    def _read_resources(self, row: Sequence[Any], count: int) -> dict[str, Resource]:
        width = len(names_of(Resource))
        starts = range(self._resources, self._resources + count * width, width)
        return {row[start]: make_resource(row[start : start + width]) for start in starts if row[start] is not None}

    def _read_attempts(self, row: Sequence[Any], count: int) -> dict[bytes, Attempt]:
        width = len(names_of(Attempt))
        starts = range(self._attempts, self._attempts + count * width, width)
        return {row[start]: make_attempt(row[start : start + width]) for start in starts if row[start] is not None}


@lru_cache(maxsize=1024)
def select_for(shape: Shape) -> BatchSelect:
    """Return the statement of a shape; there are as many as kinds of traffic."""
    return BatchSelect(shape)


def _getter(need: str) -> Callable[[Needs], Any]:
    return attrgetter(need)


def _nth_attempt(i: int) -> Callable[[Needs], bytes | None]:
    return lambda needs: needs.attempts[i] if i < len(needs.attempts) else None


def _nth_resource(i: int) -> Callable[[Needs], str | None]:
    return lambda needs: needs.resources[i] if i < len(needs.resources) else None
