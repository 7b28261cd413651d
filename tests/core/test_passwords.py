import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.passwords import MAXIMUM_LENGTH, MAXIMUM_LOGIN, MINIMUM_LENGTH, _common_passwords, login_key, password_problem
from tests.fixtures.work import bearable

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
short_names = st.text(max_size=80)


@pytest.mark.security("BF-03")
@pytest.mark.parametrize(
    "spelling",
    [
        "demo@example.com",
        "DEMO@EXAMPLE.COM",
        " demo@example.com ",
        "demo@example.com\u3000",
        "\uff44\uff45\uff4d\uff4f@example.com",
        "demo@e\u2179ample.com",
    ],
)
def test_every_spelling_of_a_name_has_one_key(spelling: str) -> None:
    assert login_key(spelling) == "demo@example.com"


@pytest.mark.security("BF-03")
@pytest.mark.parametrize(("one", "other"), [("straße", "STRASSE"), ("Ångström", "ångström"), ("ﬁsh", "FISH"), ("İx", "i\u0307x")])
def test_letters_that_fold_alike_have_one_key(one: str, other: str) -> None:
    assert login_key(one) == login_key(other)


@given(short_names)
def test_the_key_of_a_key_is_itself(name: str) -> None:
    assert login_key(login_key(name)) == login_key(name)


@given(short_names, st.sampled_from(FORMS))
def test_the_form_of_unicode_makes_no_difference(name: str, form: Form) -> None:
    assert login_key(unicodedata.normalize(form, name)) == login_key(name)


@given(short_names)
def test_a_key_has_no_space_at_its_ends(name: str) -> None:
    assert login_key(name) == login_key(name).strip()


@pytest.mark.security("BF-09")
def test_a_name_that_is_too_long_is_nobodys_and_costs_nothing() -> None:
    with bearable():
        assert login_key("a" + "\u0301\u0316" * 200_000) == ""
        assert login_key("a" * (MAXIMUM_LOGIN + 1)) == ""
    assert login_key("a" * MAXIMUM_LOGIN) == "a" * MAXIMUM_LOGIN


@pytest.mark.security("LG-16")
@pytest.mark.security("BF-09")
def test_length_is_the_only_rule_of_composition() -> None:
    assert password_problem("a" * (MINIMUM_LENGTH - 1)) == "a password needs at least 8 characters"
    assert password_problem("a" * MINIMUM_LENGTH) is None
    assert password_problem("密码" * 4) is None
    assert password_problem(" " * 64) is None
    assert password_problem("a" * MAXIMUM_LENGTH) is None
    assert password_problem("a" * (MAXIMUM_LENGTH + 1)) == "a password has at most 1024 characters"


@pytest.mark.security("LG-16")
@pytest.mark.parametrize("password", ["password", "PassWord", "12345678", "baseball", "qwertyuiop", "trustno1"])
def test_a_password_that_everybody_has_is_refused(password: str) -> None:
    assert password_problem(password) == "this password is among the most used ones, which are tried first: choose another"
    assert password_problem(f"{password} {password}") is None


@pytest.mark.security("LG-16")
def test_three_thousand_passwords_of_sufficient_length_are_known() -> None:
    common = _common_passwords()
    assert len(common) == 3000
    assert all(len(password) >= MINIMUM_LENGTH and password == password.casefold() for password in common)
    assert _common_passwords() is common
