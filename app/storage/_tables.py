"""Records in tables: the plain operations from which the catalogue is made, whichever database holds them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from app.models.record import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Among:
    """A condition: any value that a column has among the records that meet further conditions."""

    model: type[Record]
    column: str
    equal: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Until:
    """A condition: this value, or any before it."""

    value: object


def among(model: type[Record], column: str, **equal: object) -> Among:
    """Return the condition of being among a column's values in the records that meet the conditions."""
    return Among(model, column, equal)


class Readable(Protocol):
    """Records in tables that can be read.

    Conditions are equalities: a collection means any of its values, ``None`` no value, an :class:`Among` those of other records; an
    :class:`Until` is none, but a bound.
    """

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
        """Return the records that meet the conditions; ``after`` is a column and the value behind which the page begins."""
        ...

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
        """Return some columns of the records that meet the conditions; ``after`` as in :meth:`find`."""
        ...

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        """Return each combination of values of ``by`` among the records that meet the conditions, with the latest of each moment."""
        ...


class Rows(Readable, Protocol):
    """Records in tables that can be read and changed."""

    def insert(self, record: Record) -> None:
        """Add a record."""
        ...

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        """Set columns of the records that meet the conditions and return their number."""
        ...

    def remove(self, model: type[Record], **equal: object) -> int:
        """Delete the records that meet the conditions and return their number."""
        ...


class Reading:
    """Rows that are only read; words that no database can hold are found nowhere."""

    def __init__(self, rows: Readable) -> None:
        self._rows = rows

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
        """See :class:`Readable`."""
        if not _are_possible(equal, after):
            return []
        return self._rows.find(model, after=after, order_by=order_by, descending=descending, limit=limit, **equal)

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
        """See :class:`Readable`."""
        if not _are_possible(equal, after):
            return []
        return self._rows.pick(model, columns, after=after, order_by=order_by, limit=limit, **equal)

    def latest(
        self, model: type[Record], by: Sequence[str], moments: Sequence[str], *, after: tuple[str, object] | None = None, **equal: object
    ) -> list[tuple[Any, ...]]:
        """See :class:`Readable`."""
        if not _are_possible(equal, after):
            return []
        return self._rows.latest(model, by, moments, after=after, **equal)

    def insert(self, record: Record) -> None:
        """Refuse.

        Raises:
            TypeError: a look changes nothing; a fault of the program.
        """
        raise TypeError(f"a look cannot insert a {record.table}")

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        """Refuse, as :meth:`insert` does."""
        raise TypeError(f"a look cannot change a {model.table}")

    def remove(self, model: type[Record], **equal: object) -> int:
        """Refuse, as :meth:`insert` does."""
        raise TypeError(f"a look cannot remove a {model.table}")


def is_possible(word: str) -> bool:
    """Whether a database can hold a text: it has no null character and no half of a surrogate pair."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in word


def _are_possible(equal: Mapping[str, object], after: tuple[str, object] | None) -> bool:
    return all(map(is_possible, _words([*equal.values(), *(after or ())[1:]])))


def _words(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, Among):
            yield from _words(value.equal.values())
        elif isinstance(value, Until):
            yield from _words([value.value])
        elif isinstance(value, Collection) and not isinstance(value, bytes):
            yield from (one for one in value if isinstance(one, str))
