"""JSON templates of answers: the members in their order, with the places where values go.

A text ``"$name"`` stands for the value of that name, with the type it has; ``"$name|form"`` for a moment written in a form. A member
whose value is absent is left out. Everything else is itself: 0 is not "0".
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

_PLACE: Final = re.compile(r"\$([a-z_]+)(?:\|([a-z_0-9]+))?")

Write = Callable[[Mapping[str, object]], str | None]
"""Writes a part of the answer as JSON text; ``None`` where its value is absent."""


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FORMS: Final[Mapping[str, Callable[[datetime], object]]] = {
    "rfc3339": _rfc3339,
    "epoch": lambda moment: int(moment.timestamp()),
    "epoch_text": lambda moment: str(int(moment.timestamp())),
    "epoch_milliseconds": lambda moment: int(moment.timestamp() * 1000),
}
"""How a moment may be written."""


def places_of(template: object) -> Iterator[tuple[str, str | None]]:
    """Yield every (name, form) that the template takes.

    Raises:
        ValueError: a place is misspelt or its form does not exist.
    """
    if isinstance(template, Mapping):
        for member in template.values():
            yield from places_of(member)
    elif isinstance(template, list):
        for item in template:
            yield from places_of(item)
    elif isinstance(template, str) and template.startswith("$"):
        match = _PLACE.fullmatch(template)
        if match is None:
            raise ValueError(f"{template!r} is not $name or $name|form")
        name, form = match.groups()
        if form is not None and form not in FORMS:
            raise ValueError(f"{template!r} asks for the form {form!r}: there are {', '.join(FORMS)}")
        yield name, form


def _compile(template: object) -> Write:
    if isinstance(template, Mapping):
        return _compile_object([(f"{_text(name)}:", _compile(member)) for name, member in template.items()])
    if isinstance(template, list):
        items = [_compile(item) for item in template]
        return lambda values: f"[{','.join([text for write in items if (text := write(values)) is not None])}]"
    if isinstance(template, str) and template.startswith("$"):
        return _compile_place(template)
    constant = to_json(template).decode()
    return lambda _values: constant


def _compile_object(members: list[tuple[str, Write]]) -> Write:
    def write_object(values: Mapping[str, object]) -> str:
        written = [name + text for name, write in members if (text := write(values)) is not None]
        return f"{{{','.join(written)}}}"

    return write_object


def _compile_place(template: str) -> Write:
    name, form_name = next(places_of(template))
    if form_name is None:
        return lambda values: _scalar(value) if (value := values.get(name)) is not None and value != "" else None
    form = FORMS[form_name]
    return lambda values: _scalar(form(value)) if isinstance(value := values.get(name), datetime) else None


def _scalar(value: object) -> str:
    if type(value) is str:
        return _text(value)
    return str(value) if type(value) is int else to_json(value).decode()


class Template:
    """A JSON answer with places for values."""

    def __init__(self, body: Mapping[str, object]) -> None:
        """Compile the template.

        Raises:
            ValueError: a place is misspelt or its form does not exist.
        """
        self.places = frozenset(places_of(body))
        self._write = _compile(body)

    def render(self, values: Mapping[str, object]) -> bytes:
        """Return the JSON text in UTF-8, without white space."""
        return (self._write(values) or "null").encode()


_text: Final = json.encoder.encode_basestring
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def to_json(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8."""
    return _encode(value).encode()
