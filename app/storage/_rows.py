"""Records from rows and back, at the least cost: a token door makes four of them."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from app.models import columns_of, names_of
from app.models.record import Column, Record, from_microseconds, to_microseconds

R = TypeVar("R", bound=Record)


def maker(model: type[R]) -> Callable[[Sequence[Any]], R]:
    """Return a function that makes a record from its columns' values, in their order.

    It is written out as one assignment to the record's slots: four times faster than the keywords of the constructor.
    """
    targets = ", ".join(f"record.{name}" for name in names_of(model))
    source = f"def make(values):\n    record = new(model)\n    {targets}, = values\n    return record\n"
    namespace: dict[str, Any] = {"new": object.__new__, "model": model}
    exec(source, namespace)  # noqa: S102 (the source is made of our own column names)
    made: Callable[[Sequence[Any]], R] = namespace["make"]
    return made


def taker(model: type[Record]) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes a record's values, in the order of its columns."""
    taken: Callable[[Any], tuple[Any, ...]] = attrgetter(*names_of(model))
    return taken


def selected(alias: str, model: type[Record]) -> str:
    """Return a select list of all columns of a model under an alias."""
    return ", ".join(f"{alias}.{name}" for name in names_of(model))


class Decoder:
    """Turns the values of a row as the driver gave them into those of records.

    ``times`` tells that datetimes come as microseconds since 1970 (SQLite); truth values are then numbers too. JSON always comes
    as text.
    """

    __slots__ = ("_flags", "_texts", "_times")

    def __init__(self, select: Sequence[Column | None], *, times: bool) -> None:
        self._times = [i for i, column in enumerate(select) if times and column is not None and column.kind is datetime]
        self._flags = [i for i, column in enumerate(select) if times and column is not None and column.kind is bool]
        self._texts = [i for i, column in enumerate(select) if column is not None and column.is_json]

    def __call__(self, row: Sequence[Any]) -> list[Any]:
        """Return the row's values, decoded."""
        values = list(row)
        for i in self._times:
            if values[i] is not None:
                values[i] = from_microseconds(values[i])
        for i in self._flags:
            if values[i] is not None:
                values[i] = bool(values[i])
        for i in self._texts:
            if values[i] is not None:
                values[i] = json.loads(values[i])
        return values


class Encoder:
    """Turns a record of the hot path into what SQLite binds: datetimes become microseconds since 1970."""

    __slots__ = ("_take", "_times")

    def __init__(self, model: type[Record]) -> None:
        self._take = taker(model)
        self._times = [i for i, column in enumerate(columns_of(model)) if column.kind is datetime]

    def __call__(self, record: Any) -> list[Any]:  # noqa: ANN401 (any record of the model)
        """Return the record's values, encoded."""
        values = list(self._take(record))
        for i in self._times:
            if values[i] is not None:
                values[i] = to_microseconds(values[i])
        return values
