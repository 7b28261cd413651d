"""Made-up requests of OpenID Connect: whatever is asked, told or signed, the answer is in due form and never a fault of ours."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.core.base64url import base64url
from tests.fixtures.visits import Visit
from tests.fixtures.work import bearable
from tests.fixtures.world import CALLBACK, CHALLENGE, World, basic_header
from tests.security.doors import FORM, Answer, encoded, knock
from tests.security.people import DATABASES, PASSWORD, Rogue, complaints, cookies_of, location_of, somebody
from tests.security.signers import DECLARED as SIGNERS
from tests.security.signers import JWT_BEARER, claims_of, signed
from tests.security.test_hostile_input import LONG, json_values, made_up, odd_texts, visitors
from tests.security.test_openid import DECLARED

fewer = settings(made_up, max_examples=5000 if LONG else 40)
_PKCE: Final = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
SOUND: Final = {"response_type": "code", "client_id": "oidc-app", "redirect_uri": CALLBACK, "scope": "openid", "nonce": "n", **_PKCE}
FRONT: Final = {**SOUND, "client_id": "oidc-front", "response_type": "code id_token token"}
FRONT_CLIENT: Final = """
[[clients]]
client_id = "oidc-front"
client_secret = "oidc-front-secret"
profile = "oidc"
grant_types = ["authorization_code", "implicit"]
response_types = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
redirect_uris = ["http://127.0.0.1:9401/cb"]
scope = "openid profile"
access_token_format = "jwt"
"""
CLIENTS: Final = ["oidc-app", "oidc-front", "oidc-pairwise", "demo-web", "demo-spa", "testclient", "nobody"]
ASKED: Final = [
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "display", "prompt", "max_age", "ui_locales"),
    *("claims_locales", "id_token_hint", "login_hint", "acr_values", "claims", "request", "request_uri", "registration"),
    *("response_mode", "code_challenge", "code_challenge_method", "resource", "continue", "audience", "dpop_jkt"),
]
LEFT: Final = [
    *("id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"),
    *("request", "left", "out", "where"),
]
WORDS: Final = [
    *("openid", "openid profile offline_access", "code", "id_token", "code id_token token", "none", "login consent", "select_account"),
    *("query", "fragment", "form_post", "0", "S256", "2 1", "zh-CN en", "here", "everywhere", CALLBACK, CHALLENGE, *CLIENTS),
]
MEMBERS: Final = ["userinfo", "id_token", "email", "sub", "acr", "auth_time", "value", "values", "essential", "verified_claims"]
CLAIMS: Final = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "scope", "client_id", "nonce", "events", "sid", "cnf"]

members = st.one_of(st.sampled_from(MEMBERS), odd_texts)
trees = st.recursive(json_values, lambda part: st.dictionaries(members, part, max_size=4), max_leaves=8)
headers_of_jwts = st.fixed_dictionaries(
    {"alg": st.one_of(st.sampled_from(["none", "RS256", "ES256", "HS256", "EdDSA", "RSA-OAEP"]), json_values)},
    optional=dict.fromkeys(("kid", "typ", "crit", "jwk", "jku", "x5c", "x5u", "b64", "zip", "enc", "p2c"), json_values),
)


@st.composite
def jwts(draw: st.DrawFn) -> str:
    """Make something up that looks like a JWT."""
    header, claims = draw(headers_of_jwts), draw(st.dictionaries(st.sampled_from(CLAIMS), json_values, max_size=6))
    segments = [base64url(json.dumps(part).encode("utf-8", "replace")) for part in (header, claims)]
    return ".".join([*segments, base64url(draw(st.binary(max_size=80))), *draw(st.lists(st.just("x"), max_size=2))])


values = st.one_of(st.sampled_from(WORDS), trees.map(lambda tree: json.dumps(tree)[:20_000]), jwts(), odd_texts)


@pytest.fixture(scope="module")
async def browser(shared_world: World) -> Mapping[str, str]:
    """The cookies of somebody who is logged in, and has let the clients in, so that sound requests of theirs are answered."""
    for document in (DECLARED, SIGNERS, FRONT_CLIENT):
        await shared_world.declare(document)
    async with Visit(shared_world) as visit:
        await visit.log_in(await somebody(shared_world), PASSWORD)
        for asked in (SOUND, FRONT):
            await visit.go("/authorize", **asked)
            await visit.send({"decision": "approve"})
            assert visit.answer.headers["location"].startswith(CALLBACK)
        return cookies_of(visit)


@st.composite
def comings(draw: st.DrawFn, names: list[str], *sound_ones: Mapping[str, str]) -> tuple[str, str, bool]:
    """Make up how a browser comes: the method, what it brings, and whether somebody is logged in; often most of it is sound."""
    base = draw(st.sampled_from([*sound_ones, {}]))
    query = encoded({**base, **draw(st.dictionaries(st.sampled_from(names), values, max_size=8))}, FORM)[:60_000].decode()
    return draw(st.sampled_from(["GET", "POST"])), query, draw(st.booleans())


async def come(world: World, path: str, coming: tuple[str, str, bool], cookies: Mapping[str, str], address: str) -> Answer:
    """Send a browser, and hold what it is answered to what every such answer must be: it is sent to a registered address at most."""
    method, query, is_known = coming
    world.address = address
    rogue = Rogue(world, dict(cookies) if is_known else {})
    with bearable():
        answer = await (rogue.post(path, query) if method == "POST" else rogue.get(path, query))
    assert complaints(answer) == []
    assert answer.status < 500
    location = location_of(answer)
    assert not location or location.startswith((CALLBACK, "/login", "/consent", "/logout", "/authorize", "/account")), location
    return answer


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-10")
@DATABASES
@fewer
@given(coming=comings(ASKED, SOUND, FRONT), address=visitors)
async def test_no_made_up_authorization_request_is_a_fault_of_ours(
    shared_world: World, browser: Mapping[str, str], coming: Any, address: str
) -> None:
    await come(shared_world, "/authorize", coming, browser, address)


@pytest.mark.security("IN-01")
@pytest.mark.security("RU-06")
@DATABASES
@fewer
@given(coming=comings(LEFT, {"client_id": "oidc-app"}), address=visitors)
async def test_no_made_up_logout_leads_away_or_ends_a_session(
    shared_world: World, browser: Mapping[str, str], coming: Any, address: str
) -> None:
    answer = await come(shared_world, "/logout", coming, browser, address)
    assert not location_of(answer).startswith(CALLBACK)
    account = await Rogue(shared_world, dict(browser)).get("/account")
    assert account.status == 200


@pytest.mark.security("IN-01")
@pytest.mark.security("BR-02")
@pytest.mark.security("IT-04")
@fewer
@given(token=st.one_of(jwts(), odd_texts, st.binary(max_size=60).map(base64url)), address=visitors)
async def test_no_made_up_token_is_one(shared_world: World, token: str, address: str) -> None:
    raw = token.encode("utf-8", "replace")
    assume(b"\n" not in raw and b"\r" not in raw)
    asking = basic_header("demo-service", "demo-service-secret")
    for path, headers, body, statuses in (
        ("/userinfo", [("authorization", b"Bearer " + raw)], b"", {400, 401}),
        ("/userinfo", [("content-type", FORM)], encoded({"access_token": token}, FORM), {400, 401, 413}),
        ("/introspect", [("content-type", FORM), ("authorization", asking)], encoded({"token": token}, FORM), {200, 400, 413}),
        ("/revoke", [("content-type", FORM), ("authorization", asking)], encoded({"token": token}, FORM), {200, 400, 413}),
    ):
        with bearable():
            answer = await knock(shared_world.app, path, headers, body, address=address)
        assert answer.status in statuses, (path, answer)
        assert answer.header("cache-control") == "no-store"
        if answer.status == 200 and path == "/introspect":
            assert answer.json() == {"active": False}


@pytest.mark.security("CA-10")
@pytest.mark.security("IN-08")
@DATABASES
@fewer
@given(claims=st.dictionaries(st.sampled_from(CLAIMS), st.one_of(json_values, trees), max_size=6), address=visitors)
async def test_no_claims_that_a_client_signs_are_a_fault_of_ours(
    shared_world: World, browser: Mapping[str, str], claims: dict[str, Any], address: str
) -> None:
    assertion = signed({**claims_of(shared_world, "signer"), **claims})
    sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    with bearable():
        answer = await knock(shared_world.app, "/token", [("content-type", FORM)], encoded(sent, FORM), address=address)
    assert answer.status in {200, 400, 401, 413}, answer
    assert answer.status == 200 or set(answer.json()) == {"error", "error_description"}


@pytest.mark.security("CA-10")
@pytest.mark.security("KY-07")
@DATABASES
@fewer
@given(assertion=st.one_of(jwts(), odd_texts), address=visitors)
async def test_no_made_up_assertion_is_a_client(shared_world: World, browser: Mapping[str, str], assertion: str, address: str) -> None:
    for more in ({}, {"client_id": "signer"}):
        sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion, **more}
        with bearable():
            answer = await knock(shared_world.app, "/token", [("content-type", FORM)], encoded(sent, FORM), address=address)
        assert answer.status in {400, 401, 413, 429}, answer
