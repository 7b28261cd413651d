"""TOML as it is written is TOML as it is read."""

import tomllib
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.admin.toml import can_be_written, table

NAMES = st.text(st.characters(codec="utf-8"), max_size=20)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_what_is_written_is_read_back(members: dict[str, Any]) -> None:
    assert tomllib.loads(table("things", members) + table("things", {})) == {"things": [members, {}]}


@given(VALUES)
def test_what_json_says_can_be_written_but_for_a_little(value: object) -> None:
    assert can_be_written(value)
    assert not can_be_written({"a": [value, None]})
    assert not can_be_written([value, {"a": 2**63}])


def test_how_it_looks() -> None:
    wide = {"keys": [{"kid": "a" * 60}, {"kid": "b" * 60}], "more": 1}
    members = {"name#zh": "网", "at": datetime(2027, 1, 2, 3, 4, 5, 6, UTC), "some": {"a": True}, "jwks": wide, "last": ["x"]}
    kids = "".join(f'  {{ kid = "{letter * 60}" }},\n' for letter in "ab")
    assert table("clients", members) == (
        '[[clients]]\n"name#zh" = "网"\nat = 2027-01-02T03:04:05Z\nsome = { a = true }\nlast = ["x"]\n'
        f"[clients.jwks]\nkeys = [\n{kids}]\nmore = 1\n"
    )
