from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.redirect_uris import MAXIMUM_LENGTH, answer_uri, has_verified_origin, is_registered, parameter, redirect_uri_problem

GOOD = (
    "https://client.example.com/cb",
    "https://client.example.com",
    "https://client.example.com:8443/cb?brand=x&y=%E4%BD%A0",
    "http://localhost:9401/cb",
    "http://127.0.0.1/cb",
    "http://[::1]:9401/cb",
    "com.example.app:/oauth",
    "com.example.app://oauth/cb",
    "https://" + "a" * 60 + ".example/" + "b" * 1900,
)
BAD = {
    "": "its scheme cannot receive an answer",
    "/cb": "its scheme cannot receive an answer",
    "//client.example.com/cb": "its scheme cannot receive an answer",
    "client.example.com/cb": "its scheme cannot receive an answer",
    "https://client.example.com/cb#": "has a fragment",
    "https://client.example.com/cb#x": "has a fragment",
    "https:///cb": "has no host",
    "https:cb": "has no host",
    "https://user@client.example.com/cb": "holds a user name",
    "https://user:password@client.example.com/cb": "holds a user name",
    "https://@client.example.com/cb": "holds a user name",
    "http://client.example.com/cb": "http is for loopback only: use https",
    "http://127.0.0.2/cb": "http is for loopback only: use https",
    "http://localhost.example.com/cb": "http is for loopback only: use https",
    "javascript:alert(1)": "its scheme cannot receive an answer",
    "JavaScript:alert(1)": "its scheme cannot receive an answer",
    "data:text/html,x": "its scheme cannot receive an answer",
    "file:///etc/passwd": "its scheme cannot receive an answer",
    "https://client.example.com:99999/cb": "not a URI",
    "https://client.example.com:x/cb": "not a URI",
    "https://[::1/cb": "not a URI",
    "https://*.example.com/cb": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/*": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/a b": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com\\@evil.example/": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/\r\nX: y": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/\x00": "holds a character that no URI has (encode it), or a wildcard",
    "https://例え.example/cb": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/<script>": "holds a character that no URI has (encode it), or a wildcard",
    "https://client.example.com/" + "a" * 2000: "longer than 2000 characters",
}


@pytest.mark.parametrize("uri", GOOD)
def test_a_uri_that_can_receive_an_answer_may_be_registered(uri: str) -> None:
    assert redirect_uri_problem(uri) is None


@pytest.mark.security("RU-05")
@pytest.mark.parametrize(("uri", "problem"), BAD.items())
def test_a_uri_that_cannot_or_must_not_is_refused_with_the_reason(uri: str, problem: str) -> None:
    assert redirect_uri_problem(uri) == problem


@given(st.text(max_size=60) | st.text(max_size=60).map("https://a.example/{}".format) | st.text(max_size=30).map("http://{}/".format))
def test_any_text_gets_an_answer(uri: str) -> None:
    problem = redirect_uri_problem(uri)
    if problem is None:
        assert uri.isascii()
        assert "#" not in uri
        assert len(uri) <= MAXIMUM_LENGTH


# -- comparison at use -----------------------------------------------------------------------------------------------------------

LOOPBACK = ("http://127.0.0.1/cb", "http://[::1]:9401/cb?a=b", "http://localhost/cb")
SAME_BUT_THE_PORT = (
    "http://127.0.0.1:5555/cb",
    "http://127.0.0.1:1/cb",
    "http://127.0.0.1:65535/cb",
    "http://[::1]/cb?a=b",
    "http://[::1]:1234/cb?a=b",
)
NOT_THE_SAME = (
    "http://localhost:5555/cb",
    "http://127.0.0.2:5555/cb",
    "http://127.0.0.1:5555/cb/",
    "http://127.0.0.1:5555/other",
    "http://127.0.0.1:5555/cb?a=b",
    "http://127.0.0.1:5555",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:080/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:99999999999/cb",
    "http://127.0.0.1:\u0661\u0662/cb",
    "http://127.0.0.1:5555@evil.example/cb",
    "http://127.0.0.1:5555\\@evil.example/cb",
    "http://127.0.0.1.evil.example:5555/cb",
    "http://127.0.0.1:5555/cb\n",
    "http://127.0.0.1:5555\n/cb",
    "http://127.1:5555/cb",
    "http://2130706433:5555/cb",
    "http://[::ffff:127.0.0.1]:5555/cb",
    "http://[0:0:0:0:0:0:0:1]:5555/cb?a=b",
    "https://127.0.0.1:5555/cb",
    "HTTP://127.0.0.1:5555/cb",
    " http://127.0.0.1:5555/cb",
)


@pytest.mark.security("RU-04")
@pytest.mark.rfc("8252", "7.3")
@pytest.mark.parametrize("uri", SAME_BUT_THE_PORT)
def test_the_port_of_a_literal_loopback_address_may_vary(uri: str) -> None:
    assert is_registered(uri, LOOPBACK, any_loopback_port=True)
    assert not is_registered(uri, LOOPBACK)


@pytest.mark.security("RU-04")
@pytest.mark.parametrize("uri", NOT_THE_SAME)
def test_nothing_but_that_port_may_vary(uri: str) -> None:
    assert not is_registered(uri, LOOPBACK, any_loopback_port=True)


@pytest.mark.parametrize("uri", [*LOOPBACK, "com.example.app:/cb", "https://client.example.com/cb"])
def test_what_is_registered_is_registered(uri: str) -> None:
    assert is_registered(uri, [*LOOPBACK, "com.example.app:/cb", "https://client.example.com/cb"])


@pytest.mark.security("RU-01")
@given(st.text(max_size=60), st.booleans())
def test_any_other_string_is_not_registered(tail: str, any_port: bool) -> None:  # noqa: FBT001 (drawn)
    uri = f"https://client.example.com/cb{tail}"
    assert is_registered(uri, ["https://client.example.com/cb"], any_loopback_port=any_port) == (tail == "")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("https://client.example.com/cb", True),
        ("http://127.0.0.1/cb", False),
        ("http://localhost/cb", False),
        ("com.example.app:/cb", False),
        ("https.example:/cb", False),
    ],
)
@pytest.mark.security("AZ-17")
def test_only_an_https_origin_is_somebodys_own(uri: str, expected: bool) -> None:  # noqa: FBT001 (the table's second column)
    assert has_verified_origin(uri) is expected


# -- answers ---------------------------------------------------------------------------------------------------------------------

PAIR = [parameter("code", "a b"), "state=x%20y"]
ANSWERS = (
    ("https://a.example/cb", "https://a.example/cb?code=a%20b&state=x%20y"),
    ("https://a.example", "https://a.example?code=a%20b&state=x%20y"),
    ("https://a.example/cb?brand=x", "https://a.example/cb?brand=x&code=a%20b&state=x%20y"),
    ("https://a.example/cb?", "https://a.example/cb?code=a%20b&state=x%20y"),
    ("https://a.example/cb?brand=x&", "https://a.example/cb?brand=x&code=a%20b&state=x%20y"),
    ("https://a.example/cb?q=%E4%BD%A0+b&q=%e4", "https://a.example/cb?q=%E4%BD%A0+b&q=%e4&code=a%20b&state=x%20y"),
    ("myapp://", "myapp://?code=a%20b&state=x%20y"),
    ("com.example.app:/cb", "com.example.app:/cb?code=a%20b&state=x%20y"),
    ("com.example.app://oauth/cb?a=1", "com.example.app://oauth/cb?a=1&code=a%20b&state=x%20y"),
)


@pytest.mark.parametrize(("uri", "expected"), ANSWERS)
@pytest.mark.rfc("6749", "4.1.2")
def test_an_answer_is_added_to_the_query(uri: str, expected: str) -> None:
    assert answer_uri(uri, PAIR) == expected


@pytest.mark.rfc("6749", "4.2.2")
def test_an_answer_in_the_fragment_leaves_the_query_alone() -> None:
    assert answer_uri("https://a.example/cb?brand=x", PAIR, in_fragment=True) == "https://a.example/cb?brand=x#code=a%20b&state=x%20y"


BASES = st.sampled_from([uri for uri, _ in ANSWERS])
MEMBERS = st.lists(st.tuples(st.sampled_from(["code", "error_description", "iss", "scope"]), st.text(min_size=1)), min_size=1, max_size=5)


@pytest.mark.security("HI-01")
@given(BASES, MEMBERS, st.booleans())
def test_whatever_is_answered_arrives_and_nothing_else(uri: str, members: list[tuple[str, str]], in_fragment: bool) -> None:  # noqa: FBT001
    members = [(name, value.encode("utf-8", "ignore").decode() or "-") for name, value in members]
    location = answer_uri(uri, [parameter(name, value) for name, value in members], in_fragment=in_fragment)
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location
    parts = urlsplit(location)
    before = parse_qsl(urlsplit(uri).query, keep_blank_values=True)
    pairs = [tuple(map(unquote, pair.split("=", 1))) for pair in (parts.fragment if in_fragment else parts.query).split("&")]
    assert pairs[-len(members) :] == members
    assert location.startswith(uri)
    if in_fragment:
        assert len(pairs) == len(members)
        assert parse_qsl(parts.query, keep_blank_values=True) == before
