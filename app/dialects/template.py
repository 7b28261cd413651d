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

Build = Callable[[Mapping[str, object]], object]
_ABSENT: Final = object()


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


def _compile(template: object) -> Build:
    if isinstance(template, Mapping):
        members = [(name, _compile(member)) for name, member in template.items()]

        def build_object(values: Mapping[str, object]) -> object:
            built = {}
            for name, build in members:
                value = build(values)
                if value is not _ABSENT:
                    built[name] = value
            return built

        return build_object
    if isinstance(template, list):
        items = [_compile(item) for item in template]
        return lambda values: [value for build in items if (value := build(values)) is not _ABSENT]
    if isinstance(template, str) and template.startswith("$"):
        return _compile_place(template)
    return lambda _values: template


def _compile_place(template: str) -> Build:
    name, form_name = next(places_of(template))
    if form_name is None:
        return lambda values: _ABSENT if (value := values.get(name)) is None or value == "" else value
    form = FORMS[form_name]
    return lambda values: form(value) if isinstance(value := values.get(name), datetime) else _ABSENT


class Template:
    """A JSON answer with places for values."""

    def __init__(self, body: Mapping[str, object]) -> None:
        """Compile the template.

        Raises:
            ValueError: a place is misspelt or its form does not exist.
        """
        self.places = frozenset(places_of(body))
        self._build = _compile(body)

    def render(self, values: Mapping[str, object]) -> bytes:
        """Return the JSON text in UTF-8, without white space."""
        return to_json(self._build(values))


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def to_json(value: object) -> bytes:
    """Return a value as compact JSON in UTF-8."""
    return _encode(value).encode()
