"""What every part of the catalogue stands on: rows, and the moment."""

from collections.abc import Sequence
from typing import TypeVar

from app.core.clock import Clock
from app.models import Client, names_of
from app.models.record import Record
from app.storage._tables import Rows

R = TypeVar("R", bound=Record)


class Shelf:
    """A part of the catalogue, inside one transaction or look."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    def _put(self, record: Record, **key: object) -> None:
        if self._rows.find(type(record), **key):  # type: ignore[arg-type]  # no name of a key is one of find's own
            self._rows.change(type(record), values_of(record), **key)
        else:
            self._rows.insert(record)

    def _client_changed(self, client_id: str) -> None:
        """Let all processes notice at their next load that something of a client has changed."""
        for client in self._rows.find(Client, client_id=client_id):
            changes = {"version": client.version + 1, "updated_at": self._clock.now()}
            self._rows.change(Client, changes, client_id=client_id)


def first(records: Sequence[R]) -> R | None:
    """Return the first record, if there is one."""
    return records[0] if records else None


def values_of(record: Record) -> dict[str, object]:
    """Return a record's columns with their values."""
    return {name: getattr(record, name) for name in names_of(type(record))}
