"""JSON that can be read in one way alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.strict_json import strict_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_what_was_written_is_read(value: object) -> None:
    assert strict_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 1}', "the member a is there twice"),
        ('[{"b": {"a": 1, "c": 2, "a": 3}}]', "the member a is there twice"),
        ("[NaN]", "NaN is no JSON"),
        ("-Infinity", "-Infinity is no JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("", "Expecting value"),
        ("{'a': 1}", "Expecting property name"),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        strict_json(text)
