"""Arrays for PostgreSQL, made a column at a time.

A batch is sent as arrays, and of each of their elements asyncpg asks by two abstract base classes whether it is itself an array, and of
each moment three times what time zone it is in: for the short columns of a commit that takes longer than everything else it does.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncpg

# Numbers of types that PostgreSQL never changes (pg_type.dat): of the array, and of its elements.
_INT: Final = (1007, 23)
_TEXT: Final = (1009, 25)
_BYTEA: Final = (1001, 17)
_TIMESTAMPTZ: Final = (1185, 1184)

_HEAD: Final = Struct("!iiIii")
"""Dimensions, whether something may be null, the type of the elements, their number, and the number of the first."""
_EMPTY: Final = Struct("!iiI")
_LENGTH: Final = Struct("!i")
_NULL: Final = _LENGTH.pack(-1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def use(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let a connection send its arrays of integers, texts, bytes and moments this way.

    ``set_type_codec`` says the same to the same settings, but takes no arrays.
    """
    settings: Any = connection.get_settings()
    for name, (oid, _), encode in (("_int4", _INT, _ints), ("_text", _TEXT, _texts), ("_bytea", _BYTEA, _bytes)):
        settings.add_python_codec(oid, name, "pg_catalog", [], "scalar", encode, _refuse, "binary")
    settings.add_python_codec(_TIMESTAMPTZ[0], "_timestamptz", "pg_catalog", [], "scalar", _moments, _refuse, "binary")


def _refuse(_array: bytes) -> None:
    """No statement of ours answers with an array.

    Raises:
        TypeError: one does; a fault of the program.
    """
    raise TypeError("an array was answered")


def _ints(values: Sequence[int | None]) -> bytes:
    return _fixed(_INT[1], "i", 4, values)


def _moments(values: Sequence[datetime | None]) -> bytes:
    return _fixed(_TIMESTAMPTZ[1], "q", 8, [None if value is None else (value - _EPOCH) // _MICROSECOND for value in values])


def _texts(values: Sequence[str | None]) -> bytes:
    return _variable(_TEXT[1], [None if value is None else value.encode() for value in values])


def _bytes(values: Sequence[bytes | None]) -> bytes:
    return _variable(_BYTEA[1], values)


def _fixed(oid: int, form: str, width: int, values: Sequence[int | None]) -> bytes:
    """Return an array of numbers of so many bytes."""
    if None in values:
        one = Struct(f"!i{form}")
        return _array(oid, len(values), b"".join([_NULL if value is None else one.pack(width, value) for value in values]))
    interleaved: list[int | None] = [width] * (2 * len(values))
    interleaved[1::2] = values
    return _array(oid, len(values), _pairs(form, len(values)).pack(*interleaved))


@lru_cache(maxsize=1024)
def _pairs(form: str, count: int) -> Struct:
    """Return the form of so many lengths and numbers."""
    return Struct("!" + f"i{form}" * count)


def _variable(oid: int, values: Sequence[bytes | None]) -> bytes:
    """Return an array of bytes; mostly all have the same length."""
    filled = [value for value in values if value is not None]
    lengths = set(map(len, filled))
    if len(filled) == len(values) and len(lengths) == 1:
        length = _LENGTH.pack(lengths.pop())
        return _array(oid, len(values), length + length.join(filled))
    return _array(oid, len(values), b"".join([_NULL if value is None else _LENGTH.pack(len(value)) + value for value in values]))


def _array(oid: int, count: int, elements: bytes) -> bytes:
    """Return an array of one dimension, or of none where it is empty."""
    return _HEAD.pack(1, 1, oid, count, 1) + elements if count else _EMPTY.pack(0, 0, oid)
