"""Records in tables through SQLAlchemy Core: four plain operations from which the catalogue is made."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from app.models import columns_of
from app.models.record import Record

R = TypeVar("R", bound=Record)


class SqlRows:
    """See :class:`app.storage.catalog.Rows`."""

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
        columns = model.table.columns
        query = select(model.table).where(*_conditions(model, equal)).limit(limit)
        if after is not None:
            name, value = after
            query = query.where(columns[name] < value if descending else columns[name] > value)
        query = query.order_by(*(columns[name].desc() if descending else columns[name] for name in order_by))
        names = columns_of(model)
        return [model(**dict(zip(names, row, strict=True))) for row in self._connection.execute(query)]

    def insert(self, record: Record) -> None:
        values = {name: getattr(record, name) for name in columns_of(type(record))}
        self._connection.execute(insert(record.table), values)

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        return self._connection.execute(update(model.table).where(*_conditions(model, equal)).values(**values)).rowcount

    def remove(self, model: type[Record], **equal: object) -> int:
        return self._connection.execute(delete(model.table).where(*_conditions(model, equal))).rowcount


def _conditions(model: type[Record], equal: Mapping[str, object]) -> list[ColumnElement[bool]]:
    """Return a condition for each column: a collection means any of it, ``None`` that there is no value."""
    columns = model.table.columns
    return [
        columns[name].in_(value) if isinstance(value, Collection) and not isinstance(value, str | bytes) else columns[name] == value
        for name, value in equal.items()
    ]
