"""Small dialect files for tests: a good one, and ways to bend it."""

import copy
import json
from pathlib import Path
from typing import Any

GOOD: dict[str, Any] = {
    "name": "mini",
    "title": {"en": "Mini"},
    "doors": [{"path": "/mini/token"}],
    "parameters": {"grant_type": {}, "client_id": {}, "client_secret": {}, "refresh_token": {}, "scope": {}},
    "grants": {
        "client_credentials": {"grant_type": "client_credentials", "required": ["grant_type", "client_id", "client_secret"]},
        "refresh_token": {"grant_type": "refresh_token", "required": ["grant_type", "refresh_token"]},
    },
    "answers": {"token": {"body": {"token": "$access_token"}}, "error": {"body": {"error": "$error"}}},
}


def bent(*path: str | int, to: object = None) -> dict[str, Any]:
    """Return the good dialect with one value set, or taken away where ``to`` is ``...``."""
    content = copy.deepcopy(GOOD)
    place: Any = content
    for key in path[:-1]:
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return content


def written(folder: Path, content: object, name: str = "mini") -> Path:
    """Write a dialect as a JSON file."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
