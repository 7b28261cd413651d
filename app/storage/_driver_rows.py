"""Records in tables on a driver itself, without SQLAlchemy's statements: what a look or an operator's work costs is mostly round trips."""

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from app.models import columns_of, names_of
from app.models.record import Record, to_microseconds
from app.storage._rows import Decoder, maker
from app.storage._tables import Among, Until

R = TypeVar("R", bound=Record)
Condition = tuple[str, object]
"""A column, and the form of what it must be: see :func:`_form_of`."""

KINDS: Final[Mapping[type, str]] = {str: "text", bytes: "bytea", bool: "bool", int: "bigint", datetime: "timestamptz"}
"""PostgreSQL's words for the kinds of columns, where it cannot know them by itself."""
_STATEMENTS: Final = 512


class Style(NamedTuple):
    """How a driver wants it: whether parameters are numbered and take whole arrays, and whether moments are microseconds."""

    arrays: bool
    times: bool


class _Asked(NamedTuple):
    """What a statement asks for, apart from the values."""

    model: type[Record]
    style: Style
    conditions: tuple[Condition, ...]
    selected: tuple[str, ...]
    after: str | None = None
    order_by: tuple[str, ...] = ()
    descending: bool = False
    is_limited: bool = False
    moments: tuple[str, ...] | None = None


class DriverRows:
    """See :class:`app.storage._tables.Rows`.

    ``fetch`` runs a statement with its arguments and returns the rows, ``run`` one that changes rows and returns their number.
    """

    def __init__(
        self, style: Style, fetch: Callable[[str, list[Any]], Sequence[Sequence[Any]]], run: Callable[[str, list[Any]], int]
    ) -> None:
        self._style = style
        self._fetch = fetch
        self._run = run

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
            model,
            style,
            _forms_of(equal, style),
            names_of(model),
            after and after[0],
            tuple(order_by),
            descending=descending,
            is_limited=limit is not None,
        )
        make = _reader(model, style.times)
        return [make(row) for row in self._fetch(_selection(asked), self._arguments(equal, after, limit))]

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
        """See :class:`app.storage._tables.Readable`."""
        style = self._style
        asked = _Asked(
            model, style, _forms_of(equal, style), tuple(columns), after and after[0], tuple(order_by), is_limited=limit is not None
        )
        decode = _decoder(model, asked.selected, style.times)
        return [tuple(decode(row)) for row in self._fetch(_selection(asked), self._arguments(equal, after, limit))]

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        """See :class:`app.storage._tables.Readable`."""
        style = self._style
        asked = _Asked(model, style, _forms_of(equal, style), tuple(by), after and after[0], moments=tuple(moments))
        decode = _decoder(model, (*by, *moments), style.times)
        return [tuple(decode(row)) for row in self._fetch(_selection(asked), self._arguments(equal, after))]

    def insert(self, record: Record) -> None:
        """See :class:`app.storage._tables.Rows`."""
        model = type(record)
        self._run(_insertion(model, self._style), self._encoded(model, {name: getattr(record, name) for name in names_of(model)}))

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        """See :class:`app.storage._tables.Rows`."""
        sql = _change(model, self._style, tuple(values), _forms_of(equal, self._style))
        return self._run(sql, self._encoded(model, values) + self._arguments(equal))

    def remove(self, model: type[Record], **equal: object) -> int:
        """See :class:`app.storage._tables.Rows`."""
        return self._run(_removal(model, self._style, _forms_of(equal, self._style)), self._arguments(equal))

    def _encoded(self, model: type[Record], values: Mapping[str, object]) -> list[Any]:
        texts = _texts(model)
        return [json.dumps(value) if value is not None and name in texts else self._bound(value) for name, value in values.items()]

    def _arguments(self, equal: Mapping[str, object], after: tuple[str, object] | None = None, limit: int | None = None) -> list[Any]:
        arguments: list[Any] = []
        self._take(equal, arguments)
        if after is not None:
            arguments.append(self._bound(after[1]))
        if limit is not None:
            arguments.append(limit)
        return arguments

    def _take(self, equal: Mapping[str, object], arguments: list[Any]) -> None:
        """Gather the values in the order in which the statement names them."""
        for value in equal.values():
            if isinstance(value, Among):
                self._take(value.equal, arguments)
            elif isinstance(value, Until):
                arguments.append(self._bound(value.value))
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
    """Return what a statement must know of a value: that it is none, one, a bound, so many, or the outcome of another question."""
    if value is None:
        return None
    if isinstance(value, Among):
        return (value.model, value.column, _forms_of(value.equal, style))
    if isinstance(value, Until):
        return "<="
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        return -1 if style.arrays else len(value)
    return "="


@lru_cache(maxsize=_STATEMENTS)
def _selection(asked: _Asked) -> str:
    text = _Text(asked.style)
    where = text.conditions(asked.model, asked.conditions)
    if asked.after is not None:
        where.append(f"{asked.after} {'<' if asked.descending else '>'} {text.mark()}")
    selected = (*asked.selected, *(f"max({name})" for name in asked.moments or ()))
    sql = f'SELECT {", ".join(selected)} FROM "{asked.model.table}"'  # noqa: S608 (our own names)
    if where:
        sql += f" WHERE {' AND '.join(where)}"
    if asked.moments is not None and asked.selected:
        sql += f" GROUP BY {', '.join(asked.selected)}"
    if asked.order_by:
        sql += f" ORDER BY {', '.join(f'{name} DESC' if asked.descending else name for name in asked.order_by)}"
    return sql + (f" LIMIT {text.mark()}" if asked.is_limited else "")


@cache
def _insertion(model: type[Record], style: Style) -> str:
    text, names = _Text(style), names_of(model)
    return f'INSERT INTO "{model.table}" ({", ".join(names)}) VALUES ({", ".join(text.mark() for _ in names)})'  # noqa: S608 (our own names)


@lru_cache(maxsize=_STATEMENTS)
def _change(model: type[Record], style: Style, names: tuple[str, ...], conditions: tuple[Condition, ...]) -> str:
    text = _Text(style)
    values = ", ".join(f"{name} = {text.mark()}" for name in names)
    where = " AND ".join(text.conditions(model, conditions)) or "true"
    return f'UPDATE "{model.table}" SET {values} WHERE {where}'  # noqa: S608 (our own names)


@lru_cache(maxsize=_STATEMENTS)
def _removal(model: type[Record], style: Style, conditions: tuple[Condition, ...]) -> str:
    where = " AND ".join(_Text(style).conditions(model, conditions)) or "true"
    return f'DELETE FROM "{model.table}" WHERE {where}'  # noqa: S608 (our own names)


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
            return f'{name} IN (SELECT {column} FROM "{other.table}" WHERE {where})'  # noqa: S608 (our own names)
        if isinstance(form, str):
            return f"{name} {form} {self.mark()}"
        if self._style.arrays:
            (kind,) = (KINDS[column.kind] for column in columns_of(model) if column.name == name)
            return f"{name} = ANY({self.mark()}::{kind}[])"
        return f"{name} IN ({', '.join(self.mark() for _ in range(form if isinstance(form, int) else 0))})"


@cache
def _texts(model: type[Record]) -> frozenset[str]:
    """Return the names of the columns that hold JSON."""
    return frozenset(column.name for column in columns_of(model) if column.is_json)


@cache
def _decoder(model: type[Record], names: tuple[str, ...], times: bool) -> Decoder:  # noqa: FBT001 (part of the cache's key)
    columns = {column.name: column for column in columns_of(model)}
    return Decoder([columns[name] for name in names], times=times)


@cache
def _reader(model: type[R], times: bool) -> Callable[[Sequence[Any]], R]:  # noqa: FBT001 (part of the cache's key)
    """Return a function that makes a record from a row as the driver gave it; fields that are no columns have their defaults."""
    decode, make = Decoder(columns_of(model), times=times), maker(model)
    names = names_of(model)
    others = [(field.name, field.default) for field in dataclasses.fields(model) if field.name not in names]  # type: ignore[arg-type]  # every record is a dataclass

    def read(row: Sequence[Any]) -> R:
        record = make(decode(row))
        for name, default in others:
            setattr(record, name, default)
        return record

    return read
