"""What all records share: which of their fields are columns, of which kind, and how moments are written where no type keeps them."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import ClassVar, Final, NamedTuple, Protocol, get_args, get_origin

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Record(Protocol):
    """A row of one table as a plain object."""

    table: ClassVar[str]


class Column(NamedTuple):
    """A field of a record that is a column."""

    name: str
    kind: type
    """Its type without ``None``: ``str``, ``bytes``, ``int``, ``bool``, ``datetime``, or ``list`` and ``Mapping``, which are JSON."""
    is_nullable: bool

    @property
    def is_json(self) -> bool:
        """Whether it holds a JSON text."""
        return self.kind in (list, Mapping)


def to_microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the aware UTC datetime that many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=count)


@cache
def columns_of(model: type[Record]) -> tuple[Column, ...]:
    """Return the columns of a record, in the order of its fields. A field that is a tuple holds records of another table."""
    columns = [_column(field.name, field.type) for field in dataclasses.fields(model)]  # type: ignore[arg-type]  # every record is a dataclass
    return tuple(column for column in columns if column.kind is not tuple)


def _column(name: str, annotation: object) -> Column:
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    (kind,) = (part for part in parts if part is not NoneType)
    return Column(name, get_origin(kind) or kind, is_nullable=NoneType in parts)


@cache
def names_of(model: type[Record]) -> tuple[str, ...]:
    """Return the names of a record's columns."""
    return tuple(column.name for column in columns_of(model))
