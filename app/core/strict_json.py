"""JSON in which nothing can be read in two ways."""

import json


def strict_json(text: str) -> object:
    """Return the value of a JSON text in which no object has a member twice, and every number is one (RFC 8259 §4, §6).

    Raises:
        ValueError: it is no such text, or is nested too deeply.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        names = [name for name, _ in members]
        raise ValueError(f"the member {next(name for name in names if names.count(name) > 1)} is there twice")
    return found


def _refused(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
