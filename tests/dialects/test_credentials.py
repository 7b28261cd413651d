"""How a client names itself: HTTP Basic with its two encodings, the body, and a bearer token."""

import base64
from contextlib import suppress
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.causes import Cause
from app.dialects.credentials import basic_credentials, bearer_token, client_credentials
from app.messages import Credentials, Refusal
from tests.fixtures.work import bearable

printable = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)


def basic(text: str | bytes) -> str:
    return "Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def cause_of(authorization: str) -> Cause:
    with pytest.raises(Refusal) as refused:
        basic_credentials(authorization)
    return refused.value.cause


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.security("CA-09")
@given(printable, printable)
def test_form_encoded_values_are_read_as_they_were_meant(client_id: str, secret: str) -> None:
    assert basic_credentials(basic(f"{quote_plus(client_id)}:{quote_plus(secret)}")) == (client_id, secret)


@pytest.mark.security("CA-09")
@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("id:secret", ("id", "secret")),
        ("id:a:b", ("id", "a:b")),
        ("id:a+b", ("id", "a b")),
        ("id:a%2Bb", ("id", "a+b")),
        ("id:100%", ("id", "100%")),
        ("id:%zz", ("id", "%zz")),
        ("id:", ("id", "")),
        ("i%3Ad:%C3%A9", ("i:d", "é")),
        ("id:密码", ("id", "密码")),
    ],
)
def test_raw_values_are_read_as_far_as_they_are_not_ambiguous(raw: str, read: tuple[str, str]) -> None:
    assert basic_credentials(basic(raw)) == read


@pytest.mark.parametrize("authorization", ["basic aWQ6cw==", "BASIC aWQ6cw==", "Basic  aWQ6cw==", "Basic aWQ6cw== "])
def test_the_scheme_is_compared_without_case_and_space_is_no_part_of_it(authorization: str) -> None:
    assert basic_credentials(authorization) == ("id", "s")


@pytest.mark.security("CA-06")
@pytest.mark.parametrize(
    "authorization",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic aWQ6cw",
        "Basic aWQ6\ncw==",
        "Basic aWQ6cw== aWQ6cw==",
        "Basic aWQ6cw==,",
        basic("noColon"),
        basic(":secret"),
        basic(""),
        basic(b"\xff\xfe:x"),
        basic(b"id:\xff"),
        basic("id:%FF"),
        basic("id:%00"),
        basic("id:a\x00b"),
        basic("i%0Ad:x"),
        "Basic é",
        "Basic " + "A" * 100_001,
    ],
)
def test_what_is_basic_but_malformed_is_invalid_client(authorization: str) -> None:
    assert cause_of(authorization) is Cause.INVALID_CLIENT


@pytest.mark.security("CA-06")
@given(st.text(max_size=60) | st.text(max_size=60).map("Basic {}".format) | st.binary(max_size=40).map(basic))
def test_any_header_is_read_or_refused(authorization: str) -> None:
    try:
        read = basic_credentials(authorization)
    except Refusal as refusal:
        if refusal.cause is not Cause.INVALID_CLIENT:
            raise
    else:
        assert read is None or read[0]


@pytest.mark.parametrize("authorization", ["Bearer x", "Digest x", "", "x", "Basicx aWQ6cw==", "Negotiate aWQ6cw=="])
def test_another_scheme_is_not_basic(authorization: str) -> None:
    assert basic_credentials(authorization) is None


# -- header and body -------------------------------------------------------------------------------------------------------------


def read(authorization: str | None, **body: str) -> Credentials:
    return client_credentials(authorization, body, "client_id", "client_secret")


def test_the_method_is_the_one_that_was_used() -> None:
    assert read(None, client_id="id", client_secret="s") == Credentials("id", "s", "client_secret_post")
    assert read(None, client_id="id") == Credentials("id", None, "none")
    assert read(None) == Credentials(None, None, "none")
    assert read(None, client_secret="s") == Credentials(None, "s", "client_secret_post")
    assert read(basic("id:s")) == Credentials("id", "s", "client_secret_basic")
    assert read(basic("id:s"), client_id="id") == Credentials("id", "s", "client_secret_basic")
    assert read(basic("id:")) == Credentials("id", None, "client_secret_basic")
    assert read("Bearer x", client_id="id", client_secret="s") == Credentials("id", "s", "client_secret_post")


@pytest.mark.rfc("6749", "2.3")
@pytest.mark.security("CA-04")
@pytest.mark.security("CA-05")
@pytest.mark.parametrize(
    "body", [{"client_secret": "s"}, {"client_id": "id", "client_secret": "s"}, {"client_id": "ID"}, {"client_id": "id "}]
)
def test_two_methods_or_two_names_in_one_request_are_refused(body: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        read(basic("id:s"), **body)
    assert refused.value.cause is Cause.CONFLICTING_CREDENTIALS


def test_a_dialect_may_call_both_by_other_names() -> None:
    assert client_credentials(None, {"appid": "id", "appsecret": "s"}, "appid", "appsecret") == Credentials("id", "s", "client_secret_post")


@pytest.mark.parametrize("authorization", [None, basic("a" * 201 + ":s")])
def test_a_name_that_no_client_can_have_is_an_unknown_client(authorization: str | None) -> None:
    body = {} if authorization else {"client_id": "a" * 201, "client_secret": "s"}
    with pytest.raises(Refusal) as refused:
        client_credentials(authorization, body, "client_id", "client_secret")
    assert refused.value.cause is Cause.INVALID_CLIENT
    assert read(None, client_id="a" * 200).client_id == "a" * 200


# -- bearer ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6750", "2.1")
@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Bearer  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer a b", None),
        ("Bearer a\x00b", None),
        ("Bearer a\tb", None),
        ("Basic aWQ6cw==", None),
        ("", None),
        (None, None),
    ],
)
def test_a_bearer_token_is_one_word_behind_its_scheme(authorization: str | None, token: str | None) -> None:
    assert bearer_token(authorization) == token


def test_no_header_takes_longer_than_its_size_deserves() -> None:
    for authorization in ("Basic " + "=" * 60_000, "Basic " + "%" * 60_000, basic("%2" * 20_000), " " * 60_000, "Bearer " + " " * 60_000):
        with bearable():
            bearer_token(authorization)
            with suppress(Refusal):
                basic_credentials(authorization)
