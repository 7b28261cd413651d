"""Writing TOML: one table at a time, each member on its line, and inline what is nested, unless that is long.

Just what :mod:`app.admin.export` has to say.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.admin.operator import text_of

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH: Final = 120
"""Characters of a line that a list or table may fill before each entry has a line of its own."""
_BIGGEST: Final = 2**63 - 1
"""The largest number that every reader takes."""


def table(name: str, members: Mapping[str, Any]) -> str:
    """Return one more table of an array of tables."""
    wide = {key: value for key, value in members.items() if isinstance(value, Mapping) and len(_member(key, value)) > _WIDTH}
    plain = {key: value for key, value in members.items() if key not in wide}
    return f"[[{name}]]\n{_members(plain)}" + "".join(f"[{name}.{_key(key)}]\n{_members(value)}" for key, value in wide.items())


def can_be_written(value: object) -> bool:
    """Whether TOML has words for a value of JSON: it has no null, and no number beyond 64 bits."""
    if isinstance(value, Mapping):
        return all(map(can_be_written, value.values()))
    if isinstance(value, list):
        return all(map(can_be_written, value))
    return value is not None and not (isinstance(value, int) and abs(value) > _BIGGEST)


def _members(members: Mapping[str, Any]) -> str:
    return "".join(f"{_member(key, value)}\n" for key, value in members.items())


def _member(key: str, value: object) -> str:
    line = f"{_key(key)} = {_value(value)}"
    if isinstance(value, list) and len(line) > _WIDTH:
        return f"{_key(key)} = [\n" + "".join(f"  {_value(one)},\n" for one in value) + "]"
    return line


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return str(text_of(value))
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {_value(one)}' for key, one in value.items())} }}" if value else "{}"
    return repr(value)


def _text(text: str) -> str:
    """Return a basic string: those of JSON are some, but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
