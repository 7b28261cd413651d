"""A storage in memory for tests of the rooms above: no SQL, no waiting, the same meaning (the conformance suite runs on it too)."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from app.core.clock import Clock
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, WriteRefused, Writes
from app.models import (
    Client,
    ClientSecret,
    ClientShop,
    Consent,
    Resource,
    Shop,
    UserShop,
    names_of,
)
from app.models.record import Record
from app.models.schema import table_of
from app.storage import Catalog, Counters
from app.storage._purge import Step, purge
from app.storage._reference import commit, load
from app.storage._storage import refuse_contradictions
from app.storage._tables import Among, Reading, Rows, Until

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Tables = dict[type[Record], dict[tuple[Any, ...], Any]]
"""The records of each kind by their primary keys."""

_CASCADES: dict[type[Record], tuple[tuple[type[Record], str, str], ...]] = {
    Client: ((ClientSecret, "client_id", "client_id"), (ClientShop, "client_id", "client_id"), (Consent, "client_id", "client_id")),
    Shop: ((ClientShop, "shop_id", "id"), (UserShop, "shop_id", "id")),
}


class FakeStorage:
    """One database in memory; those made with the same ``tables`` share it. While ``is_away`` nothing is answered."""

    def __init__(self, clock: Clock, tables: Tables | None = None) -> None:
        self.counters = Counters()
        self.noticed = asyncio.Event()
        self.is_away = False
        self.tables: Tables = {} if tables is None else tables
        self._clock = clock

    def recall(self, _needs: Needs) -> Facts | None:
        return None

    async def load(self, needs: Needs) -> Facts:
        self.counters.loads += 1
        with self._transaction() as rows:
            return load(rows, needs)

    async def commit(self, writes: Writes) -> Receipt:
        refuse_contradictions(writes)
        self.counters.commits += 1
        with self._transaction() as rows:
            return commit(rows, writes)

    async def transact(self, work: Callable[[Catalog], T]) -> T:
        with self._transaction() as rows:
            catalog = Catalog(rows, self._clock)
            result = work(catalog)
        if catalog.has_notices:
            self.noticed.set()
        return result

    async def look(self, work: Callable[[Catalog], T]) -> T:
        with self._transaction() as rows:
            return work(Catalog(Reading(rows), self._clock))

    async def check(self) -> None:
        with self._transaction():
            pass

    async def purge(self, now: datetime) -> int:
        return await purge(self._run, 0.01, now)

    async def _run(self, step: Callable[[Rows], Step]) -> Step:
        with self._transaction() as rows:
            return step(rows)

    async def close(self) -> None:
        pass

    @contextmanager
    def _transaction(self) -> "Iterator[MemoryRows]":
        if self.is_away:
            raise StorageUnavailable("the fake is away")
        kept = {model: dict(records) for model, records in self.tables.items()}
        try:
            yield MemoryRows(self.tables)
        except BaseException:
            self.tables.clear()
            self.tables.update(kept)
            raise


class MemoryRows:
    """See :class:`app.storage._tables.Rows`. Records are copied on their way in and out; a change replaces them."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(
        self,
        model: type[R],
        *,
        after: tuple[str, object] | None = None,
        order_by: Sequence[str] = (),
        descending: bool = False,
        limit: int | None = None,
        **equal: object,
    ) -> list[R]:
        found = self._meeting(model, equal)
        if after is not None:
            name, value = after
            found = [record for record in found if (getattr(record, name) < value if descending else getattr(record, name) > value)]
        found.sort(key=lambda record: [getattr(record, name) for name in order_by], reverse=descending)
        return [replace(record) for record in found[:limit]]

    def pick(
        self,
        model: type[Record],
        columns: Sequence[str],
        *,
        after: tuple[str, object] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
        **equal: object,
    ) -> list[tuple[Any, ...]]:
        found = self.find(model, after=after, order_by=order_by, limit=limit, **equal)  # type: ignore[arg-type]  # no name of a condition is one of find's own
        return [tuple(getattr(record, name) for name in columns) for record in found]

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        groups: dict[tuple[Any, ...], list[Any]] = {} if by else {(): []}
        for record in self.find(model, after=after, **equal):  # type: ignore[arg-type]  # no name of a condition is one of find's own
            groups.setdefault(tuple(getattr(record, name) for name in by), []).append(record)
        return [(*group, *(_latest(records, name) for name in moments)) for group, records in groups.items()]

    def insert(self, record: Record) -> None:
        model = type(record)
        for column in table_of(model).columns:
            value = getattr(record, column.name)
            if value is None and not column.nullable:
                raise WriteRefused(f"{column} is null")
            if isinstance(value, str):
                _hold(value, getattr(column.type, "length", None))
        taken = self._tables.setdefault(model, {})
        for names in _unique(model):
            key = {name: getattr(record, name) for name in names}
            if None not in key.values() and self._meeting(model, key):
                raise WriteRefused(f"{names} is taken")
        taken[_key(record)] = replace(record)  # type: ignore[type-var]  # a dataclass

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        changed = self._take(model, equal)
        for record in changed:
            self.insert(replace(record, **values))
        return len(changed)

    def remove(self, model: type[Record], **equal: object) -> int:
        removed = self._take(model, equal)
        for other, column, key in _CASCADES.get(model, ()):
            self.remove(other, **{column: [getattr(record, key) for record in removed]})
        if model is Client:
            self.change(Resource, {"introspection_client": None}, introspection_client=[client.client_id for client in removed])
        return len(removed)

    def _take(self, model: type[Record], equal: Mapping[str, object]) -> list[Any]:
        records = self._meeting(model, equal)
        for record in records:
            del self._tables[model][_key(record)]
        return records

    def _meeting(self, model: type[Record], conditions: Mapping[str, object]) -> list[Any]:
        equal = {name: self._values(value) if isinstance(value, Among) else value for name, value in conditions.items()}
        table = self._tables.get(model, {})
        key = tuple(equal.get(column.name) for column in table_of(model).primary_key)
        is_known = all(isinstance(part, str | bytes) for part in key)
        records = filter(None, [table.get(key)]) if is_known else table.values()
        return [record for record in records if _meets(record, equal)]

    def _values(self, among: Among) -> set[Any]:
        return {getattr(record, among.column) for record in self._meeting(among.model, among.equal)}


def _latest(records: list[Any], name: str) -> Any:
    return max((value for record in records if (value := getattr(record, name)) is not None), default=None)


def _key(record: Record) -> tuple[Any, ...]:
    return tuple(getattr(record, column.name) for column in table_of(type(record)).primary_key)


def _meets(record: Record, equal: Mapping[str, object]) -> bool:
    return all(_is_met(getattr(record, name), value) for name, value in equal.items())


def _is_met(found: Any, value: object) -> bool:
    if isinstance(value, Until):
        return found is not None and bool(found <= value.value)
    return found in value if isinstance(value, Collection) and not isinstance(value, str | bytes) else found == value


def _unique(model: type[Record]) -> list[list[str]]:
    constraints = [constraint for constraint in table_of(model).constraints if hasattr(constraint, "columns")]
    names = [[column.name for column in constraint.columns] for constraint in constraints if "ForeignKey" not in type(constraint).__name__]
    assert all(name in names_of(model) for group in names for name in group)
    return names


def _hold(value: str, length: int | None) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WriteRefused("no text") from None
    if length is not None and len(value) > length:
        raise WriteRefused("too long")
