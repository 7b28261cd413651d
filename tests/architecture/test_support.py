"""The support table of the README is what the tests hold, no more and no less."""

import pytest

from tests.architecture.support import README, Text, held, problems, table, texts, written


def test_every_clause_that_a_test_is_marked_with_has_a_title_and_the_other_way_round() -> None:
    assert problems(held(), texts()) == []


def test_the_table_of_the_readme_is_up_to_date() -> None:
    readme = README.read_text(encoding="utf-8")
    assert written(readme, table(texts())) == readme, "run `make support`"


def test_a_clause_without_a_title_and_a_title_without_a_test_are_named() -> None:
    titled = {"6749": Text("RFC 6749", "OAuth", "https://example.com", {"6": "refresh"})}
    assert problems({"6749": {"6"}}, titled) == []
    assert problems({"6749": {"5"}, "7009": {"2"}}, titled) == [
        "support.toml has no title of section 5 of 6749",
        "support.toml has no title of section 2 of 7009",
        "no test is marked with section 6 of 6749",
    ]


def test_texts_and_sections_stand_in_their_order() -> None:
    sections = {"4.10": "j", "4.9": "i", "B": "z", "4": "d", "4.9.1": "ii"}
    titled = {name: Text(name, "t", "a", sections) for name in ("OIDC Core", "10000", "6749")}
    rows = table(titled).splitlines()[2:]
    assert [row.split("]")[0] for row in rows] == ["| [6749", "| [10000", "| [OIDC Core"]
    assert rows[0].endswith("| §4 d · §4.9 i · §4.9.1 ii · §4.10 j · §B z |")


def test_a_readme_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        written("# Tokenry\n", "")
