"""Tokens that come by the browser at once: the implicit and hybrid response types of OpenID Connect, by registration alone."""

from dataclasses import replace
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.secrets import digest
from app.messages import Redirect, Step, Unsigned
from app.models import Client
from app.oauth2.subjects import session_name
from tests.oauth2.browser import CHALLENGE, Arrival, consent, session
from tests.oauth2.exchange import CALLBACK, NOW, client, user

TYPES = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")
SCOPE = "openid profile email"


def owner(**members: Any) -> Client:
    return client(
        **{
            "scope": SCOPE,
            "options": {"profile": "oidc"},
            "grant_types": ["authorization_code", "implicit", "refresh_token"],
            "response_types": ["code", *TYPES],
            **members,
        }
    )


def asking(response_type: str, **changes: str | None) -> Arrival:
    """Return a sound request of a person who has allowed all of it before."""
    sent = {"response_type": response_type, "client_id": "demo", "redirect_uri": CALLBACK, "scope": "openid", "state": "s", "nonce": "n"}
    arrival = Arrival(
        fields=list(sent.items()),
        client=owner(),
        consent=consent(SCOPE),
        session=session(sid="session-1"),
        user=user(name="Ada", email="ada@example.com"),
    )
    return arrival.sending(**changes)


def granted(arrival: Arrival) -> tuple[Redirect, dict[str, str | Unsigned]]:
    decided, _ = arrival.decide()
    assert isinstance(decided, Redirect), decided
    assert decided.refusal is None, decided.refusal
    return decided, dict(decided.members)


@pytest.mark.rfc("OIDC Core", "3.2")
@pytest.mark.rfc("OIDC Core", "3.3")
@pytest.mark.parametrize("response_type", TYPES)
def test_each_type_brings_what_it_names(response_type: str) -> None:
    decided, members = granted(asking(response_type))
    words = response_type.split(" ")
    assert decided.response_mode == "fragment"
    assert ("code" in members) is ("code" in words)
    assert ("access_token" in members) is ("token" in words)
    assert ("id_token" in members) is ("id_token" in words)
    assert ({"token_type", "expires_in"} <= members.keys()) is ("token" in words)
    assert "refresh_token" not in members
    assert (decided.state, decided.issuer) == ("state=s", "https://id.example.com")


@pytest.mark.parametrize("response_type", TYPES)
def test_what_comes_is_written(response_type: str) -> None:
    arrival = asking(response_type)
    decided, writes = arrival.decide()
    assert isinstance(decided, Redirect)
    members = dict(decided.members)
    (family,) = writes.grants
    assert (family.client_id, family.user_id, family.scope, family.sid) == ("demo", "user-demo", "openid", "session-1")
    assert [token.token_hash for token in writes.tokens] == [digest(str(members.get("access_token")))] * ("access_token" in members)
    assert [code.code_hash for code in writes.codes] == [digest(str(members.get("code")))] * ("code" in members)
    assert all(code.nonce == "n" for code in writes.codes)
    assert all(token.expires_at is not None and token.expires_at <= family.expires_at for token in writes.tokens)


@pytest.mark.rfc("OIDC Core", "3.2.2.10")
@pytest.mark.rfc("OIDC Core", "3.3.2.11")
@pytest.mark.parametrize(
    ("response_type", "hashes"),
    [
        ("id_token", []),
        ("id_token token", [("at_hash", "access_token")]),
        ("code id_token", [("c_hash", "code")]),
        ("code id_token token", [("at_hash", "access_token"), ("c_hash", "code")]),
    ],
)
def test_id_token_holds_the_hashes_of_what_comes_beside_it(response_type: str, hashes: list[tuple[str, str]]) -> None:
    _, members = granted(asking(response_type))
    unsigned = members["id_token"]
    assert isinstance(unsigned, Unsigned)
    assert (unsigned.typ, unsigned.algorithm, list(unsigned.hashes)) == ("JWT", "RS256", hashes)
    now = int(NOW.timestamp())
    claims = dict(unsigned.claims)
    assert (claims["iss"], claims["sub"], claims["aud"], claims["nonce"]) == ("https://id.example.com", "user-demo", "demo", "n")
    assert (claims["iat"], claims["auth_time"], claims["sid"]) == (now, now - 300, session_name("demo", "session-1"))


@pytest.mark.rfc("OIDC Core", "5.4")
def test_id_token_that_comes_alone_tells_what_the_scope_asks_for() -> None:
    _, members = granted(asking("id_token", scope=SCOPE))
    alone = members["id_token"]
    assert isinstance(alone, Unsigned)
    assert (alone.claims["name"], alone.claims["email"]) == ("Ada", "ada@example.com")
    for response_type in ("id_token token", "code id_token"):
        _, members = granted(asking(response_type, scope=SCOPE))
        unsigned = members["id_token"]
        assert isinstance(unsigned, Unsigned)
        assert "name" not in unsigned.claims


@pytest.mark.rfc("OIDC Core", "3.2.2.1")
@pytest.mark.parametrize("response_type", [one for one in TYPES if "id_token" in one])
def test_id_token_needs_a_nonce(response_type: str) -> None:
    for nonce in (None, ""):
        arrival = asking(response_type, nonce=nonce, code_challenge=CHALLENGE, code_challenge_method="S256")
        _, landing, writes = arrival.redirected()
        assert (landing.members["error"], landing.in_fragment, bool(writes)) == ("invalid_request", True, False)
        assert "nonce" in landing.members["error_description"]


@pytest.mark.rfc("OIDC Core", "3.3.2.11")
def test_code_and_token_need_a_nonce_or_a_challenge_as_a_code_alone() -> None:
    assert asking("code token", nonce=None).error() == "invalid_request"
    granted(asking("code token", nonce=None, code_challenge=CHALLENGE, code_challenge_method="S256"))
    public_one = owner(token_endpoint_auth_method="none", secrets=())
    assert asking("code id_token").but(client=public_one).error() == "invalid_request"
    granted(asking("code id_token", code_challenge=CHALLENGE, code_challenge_method="S256").but(client=public_one))


@pytest.mark.parametrize("response_type", TYPES)
def test_all_of_them_are_of_openid_connect(response_type: str) -> None:
    for scope in ("profile", None):
        _, landing, _ = asking(response_type, scope=scope).redirected()
        assert landing.members["error"] == "invalid_request"
        assert "openid" in landing.members["error_description"]


@pytest.mark.parametrize(("sent", "means"), [("token id_token", "id_token token"), ("token id_token code", "code id_token token")])
def test_order_of_the_words_says_nothing(sent: str, means: str) -> None:
    _, members = granted(asking(sent))
    assert members.keys() == granted(asking(means))[1].keys()


@pytest.mark.security("AZ-06")
@pytest.mark.security("TK-12")
def test_each_type_is_for_who_has_registered_it_and_its_grants() -> None:
    for response_type in TYPES:
        others = [one for one in TYPES if one != response_type]
        for members in ({"response_types": ["code", *others]}, {"response_types": None}, {"grant_types": ["authorization_code"]}):
            assert asking(response_type).but(client=owner(**members)).error() == "unauthorized_client"
    only = owner(response_types=["code id_token"], grant_types=["implicit"])
    assert asking("code id_token").but(client=only).error() == "unauthorized_client"


# -- response modes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-16")
@pytest.mark.parametrize("response_type", ["code", *TYPES])
@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_answers_travel_as_the_request_wants_it(response_type: str, mode: str) -> None:
    arrival = asking(response_type, response_mode=mode)
    if mode == "query" and response_type != "code":
        _, landing, writes = arrival.redirected()
        assert (landing.members["error"], landing.in_fragment, bool(writes)) == ("invalid_request", True, False)
        return
    decided, _ = granted(arrival)
    assert (decided.redirect_uri, decided.response_mode) == (CALLBACK, mode)
    refused, _ = arrival.sending(prompt="none").but(session=None, user=None).decide()
    assert isinstance(refused, Redirect)
    assert (refused.response_mode, dict(refused.members)["error"]) == (mode, "login_required")


@pytest.mark.rfc("OAuth Form Post", "2")
def test_fields_of_a_form_are_what_a_query_would_decode_to() -> None:
    state = "a+b c&d=e%20<\">'/?#é中😀"
    decided, members = granted(asking("code", response_mode="form_post", state=state))
    assert decided.fields == (("code", members["code"]), ("state", state), ("iss", "https://id.example.com"))
    query = asking("code").but(query=b"response_type=code&client_id=demo&redirect_uri=" + CALLBACK.replace(":", "%3A").encode())
    raw = query.query or b""
    kept, _ = query.but(query=raw + b"&scope=openid&nonce=n&response_mode=form_post&state=a+b%2Bc").decide()
    assert isinstance(kept, Redirect)
    assert ("state", "a b+c") in kept.fields


@pytest.mark.security("AZ-16")
@pytest.mark.parametrize("parameter", [{}, {"scope": "admin"}, {"response_type": "magic"}, {"prompt": "none login"}])
def test_nothing_is_posted_to_what_is_no_web_address(parameter: dict[str, str]) -> None:
    """An error too is told on a page, or by a redirect, and never by a form."""
    uri = "com.example.app:/cb"
    arrival = asking("code").sending(redirect_uri=uri, response_mode="form_post", **parameter).but(client=owner(redirect_uris=[uri]))
    decided, writes = arrival.decide()
    assert not writes
    if isinstance(decided, Redirect):
        assert decided.response_mode == "query"
        assert parameter
    else:
        assert arrival.page().refusal.cause is Cause.UNSUPPORTED_RESPONSE_MODE


def test_repeated_response_mode_is_no_wish() -> None:
    _, landing, _ = asking("code").with_also("response_mode", "form_post").with_also("response_mode", "query").redirected()
    assert landing.members["error"] == "invalid_request"


# -- whom a request names ----------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-15")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_who_logs_in_as_somebody_else_than_named_is_told_to_the_client() -> None:
    named = asking("code").but(subject="user-other")
    named.asked(Step.LOGIN)
    since = named.but(asked_at=NOW, session=session(created_at=NOW, sid="session-1"))
    _, landing, writes = since.redirected()
    assert (landing.members["error"], bool(writes)) == ("login_required", False)
    assert "Somebody else" in landing.members["error_description"]
    by_claims = asking("code", claims='{"id_token":{"sub":{"value":"user-other"}}}')
    by_claims.asked(Step.LOGIN)
    assert replace(since, fields=by_claims.fields, subject=None).error() == "login_required"
    assert replace(since, subject="user-demo").redirected()[0].refusal is None
