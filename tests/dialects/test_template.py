"""Answers as templates: order, types, and what is left out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dialects.template import FORMS, Template, places_of, to_json

MOMENT = datetime(2026, 11, 22, 1, 5, 27, 999_999, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = texts | st.integers() | st.booleans()


def test_members_stand_in_the_order_of_the_template() -> None:
    template = Template({"b": "$b", "a": "$a", "c": {"z": "$a", "y": "$b"}})
    assert template.render({"a": 1, "b": 2}) == b'{"b":2,"a":1,"c":{"z":1,"y":2}}'


def test_a_member_whose_value_is_absent_is_left_out_and_its_holder_stays() -> None:
    template = Template({"a": "$a", "b": "$b", "c": {"d": "$d"}, "e": ["$e", 1]})
    assert template.render({"a": None, "b": ""}) == b'{"c":{},"e":[1]}'


def test_zero_and_false_are_values() -> None:
    assert Template({"a": "$a", "b": "$b"}).render({"a": 0, "b": False}) == b'{"a":0,"b":false}'


def test_a_constant_keeps_its_type() -> None:
    body = {"number": 0, "text": "0", "yes": True, "nothing": None, "empty": "", "list": [], "object": {}, "half": 0.5, "price": "5$"}
    assert Template(body).render({}) == to_json(body)


def test_a_value_keeps_its_type() -> None:
    assert Template({"a": "$a", "b": "$b"}).render({"a": 7, "b": "7"}) == b'{"a":7,"b":"7"}'
    assert Template({"a": "$a"}).render({"a": [1, {"b": "c"}]}) == b'{"a":[1,{"b":"c"}]}'


@given(st.dictionaries(texts, scalars, max_size=6), st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), scalars, max_size=4))
def test_what_is_rendered_is_the_json_of_the_same_members(constants: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    constants = {name: value for name, value in constants.items() if not (isinstance(value, str) and value.startswith("$"))}
    body = {f"c{name}": value for name, value in constants.items()} | {f"v{name}": f"${name}" for name in values}
    rendered = Template(body).render(values)
    expected = {f"c{name}": value for name, value in constants.items()} | {
        f"v{name}": value for name, value in values.items() if value != ""
    }
    assert rendered == to_json(expected)
    assert json.loads(rendered) == expected


def test_text_is_utf_8_and_not_escaped() -> None:
    assert Template({"名": "$a"}).render({"a": '门店"\\\n\x7f😀'}) == '{"名":"门店\\"\\\\\\n\x7f😀"}'.encode()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("rfc3339", '"2026-11-22T01:05:27Z"'),
        ("epoch", "1795309527"),
        ("epoch_text", '"1795309527"'),
        ("epoch_milliseconds", "1795309527999"),
    ],
)
def test_a_moment_is_written_in_its_form(form: str, text: str) -> None:
    assert Template({"at": f"$at|{form}"}).render({"at": MOMENT}).decode() == f'{{"at":{text}}}'
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=8)))
    assert Template({"at": f"$at|{form}"}).render({"at": elsewhere}).decode() == f'{{"at":{text}}}'


def test_a_moment_that_is_none_is_left_out() -> None:
    assert Template({"at": "$at|epoch"}).render({"at": None}) == b"{}"
    assert Template({"at": "$at|epoch"}).render({"at": "soon"}) == b"{}"


def test_the_places_of_a_template_are_known() -> None:
    assert set(places_of({"a": "$a", "b": ["$b|epoch", {"c": "$c"}], "d": "$a", "e": 1, "f": "price: $5"})) == {
        ("a", None),
        ("b", "epoch"),
        ("c", None),
    }


@pytest.mark.parametrize("place", ["$", "$A", "$a b", "$a|", "$a|epoch|text", "$a-b", "$1", "$ a", "$a "])
def test_a_misspelt_place_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match=r"is not \$name or \$name\|form"):
        Template({"a": [place]})


def test_an_unknown_form_is_refused_and_told_which_there_are() -> None:
    with pytest.raises(ValueError, match=f"asks for the form 'fortnight': there are {', '.join(FORMS)}"):
        Template({"a": "$now|fortnight"})
