import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.redirect_uris import MAXIMUM_LENGTH, redirect_uri_problem

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
