"""Printing results: on standard output what a script may read, on standard error what a person wants to know beside it."""

import json
import os
import secrets
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from app.admin import Change
from app.cli.options import Form
from app.core.mistakes import Mistake

_NONE = "-"


def say(text: str) -> None:
    """Tell the person something that is no result."""
    sys.stderr.write(f"{text}\n")


def put(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{text}\n")


def put_json(value: object) -> None:
    """Print a value as JSON."""
    put(json.dumps(value, indent=2, ensure_ascii=False))


def put_object(form: Form, view: Mapping[str, object]) -> None:
    """Print one object."""
    if form is Form.JSON:
        put_json(view)
    else:
        _put_rows([(name, _shown(value)) for name, value in view.items()])


def put_objects(form: Form, views: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Print several objects: all members as JSON, or the named ones as a table."""
    if form is Form.JSON:
        put_json(views)
    else:
        _put_rows([tuple(columns), *(tuple(_shown(view.get(name)) for name in columns) for view in views)])


def put_change(form: Form, change: Change) -> None:
    """Print what became of one object; a secret that was made is a line of its own."""
    if form is Form.JSON:
        put_json(_members(change, with_secret=True))
    else:
        put(f"{change.status} {change.noun} {change.name}" + (f": {', '.join(change.members)}" if change.members else ""))
        _put_secrets([change])


def put_changes(form: Form, changes: Sequence[Change], *, dry_run: bool) -> None:
    """Print what became, or would become, of several objects."""
    if form is Form.JSON:
        put_json([_members(change, with_secret=not dry_run) for change in changes])
    else:
        _put_rows([(change.status, change.noun, change.name, ", ".join(change.members)) for change in changes])
        if not dry_run:
            _put_secrets(changes)
    counts = {status: sum(change.status == status for change in changes) for status in ("created", "updated", "unchanged")}
    say(("would be " if dry_run else "") + ", ".join(f"{count} {status}" for status, count in counts.items()))


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all.

    Raises:
        Mistake: it cannot be written.
    """
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(6)}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise Mistake(f"cannot write {file}: {error.strerror or error}") from None


def _members(change: Change, *, with_secret: bool) -> dict[str, object]:
    members: dict[str, object] = {"noun": change.noun, "name": change.name, "status": change.status, "members": change.members}
    if change.noun == "client":
        members["client_id"] = change.name
    if change.secret is not None and with_secret:
        members["client_secret"] = change.secret
    return members


def _put_secrets(changes: Iterable[Change]) -> None:
    made = [change for change in changes if change.secret is not None]
    for change in made:
        put(f"client_secret {change.name} {change.secret}")
    if made:
        say("a client_secret is shown this once: keep it now")


def _shown(value: object) -> str:
    if value is None or value in ("", [], {}):
        return _NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return str(value) if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)


def _put_rows(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        put("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip())


def _width(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
