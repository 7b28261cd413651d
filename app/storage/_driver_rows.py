"""Records read from tables on a driver itself, without SQLAlchemy's statements: what a look costs is mostly its round trips."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary
from sqlalchemy.types import TypeEngine

from app.models import UtcDateTime, columns_of
from app.models.record import Record, to_microseconds
from app.storage._rows import Decoder, columns, maker
from app.storage._tables import Among

R = TypeVar("R", bound=Record)
Condition = tuple[str, object]
"""A column, and the form of what it must be: see :func:`_form_of`."""

_KINDS: Final[tuple[tuple[type[TypeEngine[Any]], str], ...]] = (
    (UtcDateTime, "timestamptz"),
    (LargeBinary, "bytea"),
    (Boolean, "bool"),
    (BigInteger, "bigint"),
    (Integer, "int"),
)


class Style(NamedTuple):
    """How a driver wants it: whether parameters are numbered and take whole arrays, and whether moments are microseconds."""

    arrays: bool
    times: bool


class _Asked(NamedTuple):
    """What a statement asks for, apart from the values."""

    model: type[Record]
    style: Style
    conditions: tuple[Condition, ...]
    after: str | None = None
    order_by: tuple[str, ...] = ()
    descending: bool = False
    is_limited: bool = False
    by: tuple[str, ...] | None = None
    moments: tuple[str, ...] = ()


class DriverRows:
    """See :class:`app.storage._tables.Readable`; ``fetch`` runs a statement with its arguments and returns the rows."""

    def __init__(self, style: Style, fetch: Callable[[str, list[Any]], Sequence[Sequence[Any]]]) -> None:
        self._style = style
        self._fetch = fetch

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
        """See :class:`app.storage._tables.Readable`."""
        style = self._style
        asked = _Asked(
            model, style, _forms_of(equal, style), after and after[0], tuple(order_by), descending=descending, is_limited=limit is not None
        )
        arguments = self._arguments(equal, after)
        if limit is not None:
            arguments.append(limit)
        make = _reader(model, style.times)
        return [make(row) for row in self._fetch(_statement(asked), arguments)]

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        """See :class:`app.storage._tables.Readable`."""
        style = self._style
        asked = _Asked(model, style, _forms_of(equal, style), after and after[0], by=tuple(by), moments=tuple(moments))
        decode = Decoder([model.table.columns[name] for name in (*by, *moments)], times=style.times)
        return [tuple(decode(row)) for row in self._fetch(_statement(asked), self._arguments(equal, after))]

    def _arguments(self, equal: Mapping[str, object], after: tuple[str, object] | None) -> list[Any]:
        arguments: list[Any] = []
        self._take(equal, arguments)
        if after is not None:
            arguments.append(self._bound(after[1]))
        return arguments

    def _take(self, equal: Mapping[str, object], arguments: list[Any]) -> None:
        """Gather the values in the order in which the statement names them."""
        for value in equal.values():
            if isinstance(value, Among):
                self._take(value.equal, arguments)
            elif isinstance(value, Collection) and not isinstance(value, str | bytes):
                bound = [self._bound(one) for one in value]
                arguments += [bound] if self._style.arrays else bound
            elif value is not None:
                arguments.append(self._bound(value))

    def _bound(self, value: object) -> object:
        return to_microseconds(value) if self._style.times and isinstance(value, datetime) else value


def _forms_of(equal: Mapping[str, object], style: Style) -> tuple[Condition, ...]:
    return tuple((name, _form_of(value, style)) for name, value in equal.items())


def _form_of(value: object, style: Style) -> object:
    """Return what a statement must know of a value: that it is none, one, so many, or the outcome of another question."""
    if value is None:
        return None
    if isinstance(value, Among):
        return (value.model, value.column, _forms_of(value.equal, style))
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return -1 if style.arrays else len(value)
    return "one"


@lru_cache(maxsize=512)
def _statement(asked: _Asked) -> str:
    """Return the SQL for a question."""
    text = _Text(asked.style)
    where = text.conditions(asked.model, asked.conditions)
    if asked.after is not None:
        where.append(f"{asked.after} {'<' if asked.descending else '>'} {text.mark()}")
    selected = columns_of(asked.model) if asked.by is None else (*asked.by, *(f"max({name})" for name in asked.moments))
    sql = f'SELECT {", ".join(selected)} FROM "{asked.model.table.name}"'  # noqa: S608 (our own names)
    if where:
        sql += f" WHERE {' AND '.join(where)}"
    if asked.by:
        sql += f" GROUP BY {', '.join(asked.by)}"
    if asked.order_by:
        sql += f" ORDER BY {', '.join(f'{name} DESC' if asked.descending else name for name in asked.order_by)}"
    return sql + (f" LIMIT {text.mark()}" if asked.is_limited else "")


class _Text:
    """Writes conditions, and numbers their parameters."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._count = 0

    def mark(self) -> str:
        """Return the next parameter."""
        self._count += 1
        return f"${self._count}" if self._style.arrays else "?"

    def conditions(self, model: type[Record], conditions: Sequence[Condition]) -> list[str]:
        """Return a text for each condition."""
        return [self._condition(model, name, form) for name, form in conditions]

    def _condition(self, model: type[Record], name: str, form: object) -> str:
        if form is None:
            return f"{name} IS NULL"
        if isinstance(form, tuple):
            other, column, conditions = form
            where = " AND ".join(self.conditions(other, conditions)) or "true"
            return f'{name} IN (SELECT {column} FROM "{other.table.name}" WHERE {where})'  # noqa: S608 (our own names)
        if form == "one":
            return f"{name} = {self.mark()}"
        if self._style.arrays:
            return f"{name} = ANY({self.mark()}::{_kind_of(model, name)}[])"
        return f"{name} IN ({', '.join(self.mark() for _ in range(form if isinstance(form, int) else 0))})"


def _kind_of(model: type[Record], name: str) -> str:
    kind = model.table.columns[name].type
    return next((word for type_, word in _KINDS if isinstance(kind, type_)), "text")


@cache
def _reader(model: type[R], times: bool) -> Callable[[Sequence[Any]], R]:  # noqa: FBT001 (part of the cache's key)
    """Return a function that makes a record from a row as the driver gave it; fields that are no columns have their defaults."""
    decode, make = Decoder(columns(model), times=times), maker(model)
    names = columns_of(model)
    others = [(field.name, field.default) for field in dataclasses.fields(model) if field.name not in names]  # type: ignore[arg-type]  # every record is a dataclass

    def read(row: Sequence[Any]) -> R:
        record = make(decode(row))
        for name, default in others:
            setattr(record, name, default)
        return record

    return read
