"""Bodies: from bytes to name/value pairs, strictly.

A body that is ambiguous (a name twice) or that a database or a log could stumble over (bad UTF-8, control characters) is refused
here, before anything is looked up.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.causes import Cause
from app.messages import Refusal

URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
JSON: Final = "application/json"
MAXIMUM_BODY: Final[Mapping[str, int]] = {URLENCODED: 64 * 1024, MULTIPART: 64 * 1024, JSON: 256 * 1024}
"""Bytes, by media type."""
MAXIMUM_FIELDS: Final = 100
_MAXIMUM_PARTS: Final = 20
_MAXIMUM_DEPTH: Final = 20
_MAXIMUM_PREAMBLE: Final = 1024
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FILE: Final = re.compile(rb";\s*filename", re.IGNORECASE)
_BOUNDARY: Final = re.compile(r";\s*boundary=(?:\"([^\"]*)\"|([^;\s\"]*))", re.IGNORECASE)

_STRINGS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string of JSON, or what began as one and does not end: it always matches, so many quotes cost no more than one."""
_BRACKETS: Final = re.compile(r"[\[\]{}]")

Pairs = dict[str, str]


@lru_cache(maxsize=64)
def media_type_of(content_type: str) -> str:
    """Return the media type of a Content-Type header in lower case; every parameter, a charset too, is ignored."""
    return content_type.partition(";")[0].strip().lower()


def _malformed(description: str) -> Refusal:
    return Refusal(Cause.MALFORMED_BODY, description)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("The request body is not valid UTF-8.") from None


def _add(pairs: Pairs, name: str, value: str, repeatable: frozenset[str]) -> None:
    if CONTROL.search(value) or CONTROL.search(name):
        raise _malformed("A parameter holds a control character.")
    if name in pairs:
        if name not in repeatable:
            raise Refusal(Cause.REPEATED_PARAMETER)
        value = f"{pairs[name]} {value}"
    pairs[name] = value


def decode_urlencoded(body: bytes, _content_type: str, repeatable: frozenset[str] = frozenset()) -> Pairs:
    """Read ``application/x-www-form-urlencoded`` (URL Standard §5.1) with at most 100 fields.

    Values of a name in ``repeatable`` are joined by spaces.

    Raises:
        Refusal: the body is malformed, or a name stands in it twice.
    """
    text = _text(body)
    fields = text.split("&")
    if len(fields) > MAXIMUM_FIELDS:
        raise _malformed("The request body has too many fields.")
    if "%" not in text and "+" not in text and not CONTROL.search(text):
        pairs = dict([field.partition("=")[::2] for field in fields])
        if len(pairs) == len(fields) and "" not in pairs:
            return pairs
    pairs = {}
    for field in fields:
        if field:
            name, _, value = field.partition("=")
            _add(pairs, _unescape(name), _unescape(value), repeatable)
    return pairs


def _unescape(text: str) -> str:
    text = text.replace("+", " ")
    return _text(unquote_to_bytes(text)) if "%" in text else text


def _unique_members(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise Refusal(Cause.REPEATED_PARAMETER)
    return found


def _no_constant(name: str) -> object:
    raise _malformed(f"The JSON holds {name.lstrip('-')}, which is no JSON number.")


def _depth_is_bounded(text: str) -> bool:
    """Whether the nesting stays within bounds, counted over the text so that the parser never recurses into a bomb."""
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _MAXIMUM_DEPTH:
            return False
    return True


def decode_json(body: bytes, _content_type: str, _repeatable: frozenset[str] = frozenset()) -> dict[str, object]:
    """Read a JSON object (RFC 8259): no member twice, no NaN or Infinity, at most 20 levels deep and 100 members.

    Raises:
        Refusal: the body is malformed, or a member stands in it twice.
    """
    text = _text(body)
    if text.count("[") + text.count("{") > _MAXIMUM_DEPTH and not _depth_is_bounded(text):
        raise _malformed("The JSON is nested too deeply.")
    try:
        value = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _malformed("The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise _malformed("The request body is not a JSON object.")
    if len(value) > MAXIMUM_FIELDS:
        raise _malformed("The request body has too many members.")
    for name, member in value.items():
        if CONTROL.search(name) or (isinstance(member, str) and (CONTROL.search(member) or not _is_scalar_text(member))):
            raise _malformed("A member holds a control character.")
    return value


def _is_scalar_text(text: str) -> bool:
    """Whether the text has no lone surrogate, which JSON can spell and UTF-8 cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class _Fields:
    """Collects the fields of a multipart body, and refuses what is no field."""

    def __init__(self, repeatable: frozenset[str]) -> None:
        self.pairs: Pairs = {}
        self.is_complete = False
        self._repeatable = repeatable
        self._parts = 0
        self._name = bytearray()
        self._header_value = bytearray()
        self._value = bytearray()
        self._field: str | None = None

    def callbacks(self) -> Mapping[str, Callable[..., None]]:
        return {
            "on_part_begin": self._part_begins,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._header_ends,
            "on_part_data": lambda data, start, end: self._value.extend(data[start:end]),
            "on_part_end": self._part_ends,
            "on_end": self._ends,
        }

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > _MAXIMUM_PARTS:
            raise _malformed("The request body has too many parts.")
        self._field = None
        self._value.clear()

    def _header_ends(self) -> None:
        if bytes(self._name).lower() == b"content-disposition":
            value = bytes(self._header_value)
            disposition, options = parse_options_header(value)
            if _FILE.search(value):
                raise _malformed("The request body holds a file.")
            if disposition != b"form-data" or self._field is not None:
                raise _malformed("A part of the request body is no form field.")
            if b"name" in options:
                self._field = _text(options[b"name"])
        self._name.clear()
        self._header_value.clear()

    def _part_ends(self) -> None:
        if self._field is None:
            raise _malformed("A part of the request body has no name.")
        _add(self.pairs, self._field, _text(bytes(self._value)), self._repeatable)

    def _ends(self) -> None:
        self.is_complete = True


def decode_multipart(body: bytes, content_type: str, repeatable: frozenset[str] = frozenset()) -> Pairs:
    """Read ``multipart/form-data`` (RFC 7578) with fields only, at most 20 parts.

    Of several ``boundary`` parameters the last counts: a client that fixes the header by hand has its own appended by its library.

    Raises:
        Refusal: the body is malformed, holds a file, or a name stands in it twice.
    """
    boundaries = _BOUNDARY.findall(content_type)
    boundary = (boundaries[-1][0] or boundaries[-1][1]) if boundaries else ""
    if not boundary:
        raise _malformed("The multipart body has no boundary.")
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    start = body.find(delimiter)
    end = body.rfind(delimiter)
    is_ended = body.find(delimiter + b"--") == end >= 0  # the last delimiter, and no other, says that it is the last
    if not is_ended or not start <= _MAXIMUM_PREAMBLE or len(body) - end > len(delimiter) + _MAXIMUM_PREAMBLE:
        raise _malformed("The multipart body is malformed.")
    fields = _Fields(repeatable)
    try:
        parser = MultipartParser(boundary.encode("latin-1", "replace"), fields.callbacks())  # type: ignore[arg-type]  # a TypedDict
        parser.write(body[start:])
        parser.finalize()
    except FormParserError:
        raise _malformed("The multipart body is malformed.") from None
    if not fields.is_complete:
        raise _malformed("The multipart body ends early.")
    return fields.pairs
