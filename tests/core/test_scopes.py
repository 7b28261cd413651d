import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.scopes import MAXIMUM_LENGTH, MAXIMUM_SCOPES, allowed_scope, is_well_formed, scopes_of
from tests.fixtures.work import bearable

REGISTERED = "orders items admin:read"
names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=10)


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.security("SC-03")
def test_only_the_space_separates() -> None:
    assert scopes_of("a b") == ("a", "b")
    assert scopes_of("  a   b ") == ("a", "b")
    assert scopes_of("b a b") == ("b", "a")
    assert scopes_of("a\u00a0b,c\td") == ("a\u00a0b,c\td",)
    assert scopes_of("") == ()


@pytest.mark.rfc("6749", "3.3")
@pytest.mark.security("SC-04")
@pytest.mark.parametrize("scope", ["", " ", "a ", " a", 'a"b', "a\\b", "é", "a\tb", "a\nb", "a\x1fb", "a\u2003b", "a\x7f", "\u3000"])
def test_what_the_grammar_does_not_allow_is_not_well_formed(scope: str) -> None:
    assert not is_well_formed(scope)


@pytest.mark.security("SC-04")
@pytest.mark.security("IN-03")
def test_a_hundred_scopes_and_four_thousand_characters_are_the_bound() -> None:
    assert is_well_formed(" ".join(["a"] * MAXIMUM_SCOPES))
    assert not is_well_formed(" ".join(["a"] * (MAXIMUM_SCOPES + 1)))
    assert is_well_formed("a" * MAXIMUM_LENGTH)
    assert not is_well_formed("a" * (MAXIMUM_LENGTH + 1))
    with bearable():
        assert not is_well_formed("a " * 500_000)
        assert not is_well_formed(" " * 4096)


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, REGISTERED),
        ("", REGISTERED),
        (REGISTERED, REGISTERED),
        ("items", "items"),
        ("items orders", "items orders"),
        ("items  items orders", "items orders"),
        ("Items", None),
        ("orders admin", None),
        ("orders ", None),
        (" ", None),
        ("orders,items", None),
        ("orders\u00a0items", None),
    ],
)
@pytest.mark.security("SC-01")
@pytest.mark.security("SC-02")
def test_what_is_granted_never_goes_beyond_what_is_registered(requested: str | None, granted: str | None) -> None:
    assert allowed_scope(requested, REGISTERED) == granted


def test_a_client_without_scopes_is_granted_none() -> None:
    assert allowed_scope(None, "") == ""
    assert allowed_scope("orders", "") is None


@given(st.text(max_size=40) | st.lists(names, max_size=5).map(" ".join), st.lists(names, max_size=5).map(" ".join))
def test_a_granted_scope_is_a_part_of_the_registered_one(requested: str, registered: str) -> None:
    granted = allowed_scope(requested, registered)
    if granted is not None:
        assert set(scopes_of(granted)) <= set(scopes_of(registered))
