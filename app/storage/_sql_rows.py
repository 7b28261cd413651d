"""Records in tables through SQLAlchemy Core."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from app.models import names_of
from app.models.record import Record
from app.models.schema import table_of
from app.storage._tables import Among, Until

R = TypeVar("R", bound=Record)


class SqlRows:
    """See :class:`app.storage._tables.Rows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        columns = table_of(model).columns
        query = select(table_of(model)).where(*_conditions(model, equal)).limit(limit)
        if after is not None:
            name, value = after
            query = query.where(columns[name] < value if descending else columns[name] > value)
        query = query.order_by(*(columns[name].desc() if descending else columns[name] for name in order_by))
        names = names_of(model)
        return [model(**dict(zip(names, row, strict=True))) for row in self._connection.execute(query)]

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
        table = table_of(model).columns
        query = select(*(table[name] for name in columns)).where(*_conditions(model, equal)).limit(limit)
        if after is not None:
            query = query.where(table[after[0]] > after[1])
        return [tuple(row) for row in self._connection.execute(query.order_by(*(table[name] for name in order_by)))]

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        columns = table_of(model).columns
        groups = [columns[name] for name in by]
        query = select(*groups, *(func.max(columns[name]) for name in moments)).where(*_conditions(model, equal)).group_by(*groups)
        if after is not None:
            query = query.where(columns[after[0]] > after[1])
        return [tuple(row) for row in self._connection.execute(query)]

    def insert(self, record: Record) -> None:
        values = {name: getattr(record, name) for name in names_of(type(record))}
        self._connection.execute(insert(table_of(type(record))), values)

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        return self._connection.execute(update(table_of(model)).where(*_conditions(model, equal)).values(**values)).rowcount

    def remove(self, model: type[Record], **equal: object) -> int:
        return self._connection.execute(delete(table_of(model)).where(*_conditions(model, equal))).rowcount


def _conditions(model: type[Record], equal: Mapping[str, object]) -> list[ColumnElement[bool]]:
    return [_condition(table_of(model).columns[name], value) for name, value in equal.items()]


def _condition(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    if isinstance(value, Among):
        return column.in_(select(table_of(value.model).columns[value.column]).where(*_conditions(value.model, value.equal)))
    if isinstance(value, Until):
        return column <= value.value
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return column.in_(value)
    return column == value
