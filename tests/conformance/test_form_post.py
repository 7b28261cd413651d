"""The conformance plan *form post*: the plan *basic* with answers that come as a form; and the response types of the hybrid plans.

The plan repeats every module of *basic*; those are run here whose answers differ by the way they travel, successes and errors alike.
"""

from hashlib import sha256
from typing import Any

import pytest
from joserfc import jwt

from app.core.base64url import base64url
from tests.conformance.party import DATABASES, OpenParty, Party
from tests.fixtures.visits import PASSWORDS
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, VERIFIER

pytestmark = DATABASES
FORM = {"response_mode": "form_post"}
HYBRID = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")


def half_hash(value: str) -> str:
    return base64url(sha256(value.encode()).digest()[:16])


# -- the plan ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OAuth Form Post", "2")
async def test_oidcc_server(parties: OpenParty) -> None:
    """The whole way, by two clients."""
    for client_id in ("suite", "suite-2"):
        party = await parties(client_id)
        _, claims, told = await party.flow(**FORM)
        assert party.asked == ["login", "consent"]
        assert told == {"sub": claims["sub"]}


@pytest.mark.security("AZ-16")
@pytest.mark.security("HI-01")
async def test_the_page_of_the_form_is_ours_and_kept_by_nobody(party: Party) -> None:
    """It is held to the policy of every page, with the client's address as the one that its form may go to."""
    answer = await party.send(**FORM, state="a'\"><script>alert(1)</script>&é")
    assert party.posted()["state"] == "a'\"><script>alert(1)</script>&é"
    assert "<script>alert" not in answer.text
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert (policy["script-src"], policy["form-action"], policy["frame-ancestors"]) == ("'self'", "'self' http:", "'none'")
    assert [element.attributes.get("name") for element in party.browser.page.all("input")] == ["code", "state", "iss"]
    assert party.browser.page.one("button").text.strip() == "Continue"


async def test_oidcc_response_type_missing(party: Party) -> None:
    """A request without a response type is refused, by a form as well."""
    assert (await party.refused(response_type=None, **FORM))["error"] == "invalid_request"


async def test_oidcc_prompt_none_not_logged_in(party: Party) -> None:
    """An error comes as a form too."""
    assert (await party.refused(prompt="none", **FORM))["error"] == "login_required"


async def test_oidcc_prompt_none_logged_in(party: Party) -> None:
    """Who is logged in and has allowed it is not asked."""
    await party.flow(**FORM)
    await party.flow(prompt="none", **FORM)
    assert party.asked == []


async def test_oidcc_max_age_10000(party: Party) -> None:
    """A login young enough will do."""
    _, first, _ = await party.flow(**FORM)
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(max_age="10000", **FORM)
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.security("AZ-15")
async def test_oidcc_id_token_hint(party: Party) -> None:
    """The hint names the person, also when it has expired."""
    tokens, first, _ = await party.flow(**FORM)
    party.world.clock.move(hours=2)
    await party.flow(**FORM)
    _, second, _ = await party.flow(prompt="none", id_token_hint=tokens["id_token"], **FORM)
    assert (party.asked, second["sub"]) == ([], first["sub"])


async def test_oidcc_ensure_post_request_succeeds(party: Party) -> None:
    """The request may be posted and its answer as well."""
    assert "code" in await party.told("POST", **FORM)


async def test_oidcc_ensure_request_with_valid_pkce_succeeds(party: Party) -> None:
    """A code that is bound by a challenge."""
    told = await party.told(code_challenge=CHALLENGE, code_challenge_method="S256", **FORM)
    await party.tokens(party.exchange(told["code"], code_verifier=VERIFIER))


@pytest.mark.parametrize(
    ("parameter", "error"),
    [
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://client.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
)
async def test_oidcc_unsupported_request_objects(party: Party, parameter: dict[str, str], error: str) -> None:
    """What is not supported is said so."""
    assert (await party.refused(**parameter, **FORM))["error"] == error


# -- by whom the hint was issued, and whom it names ----------------------------------------------------------------------------------


@pytest.mark.security("AZ-15")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
async def test_hint_of_somebody_else_is_never_answered_for_whoever_is_logged_in(parties: OpenParty) -> None:
    party = await parties()
    tokens, _, _ = await party.flow()
    other = await parties()
    other.person = "alice"
    await other.browser.log_in("alice", PASSWORDS["alice"])
    other.world.clock.move(seconds=2)
    assert (await other.refused(prompt="none", id_token_hint=tokens["id_token"]))["error"] == "login_required"
    await other.browser.go("/authorize", **other.parameters(id_token_hint=tokens["id_token"]))
    assert other.browser.path.startswith("/login")
    await other.browser.log_in("alice", PASSWORDS["alice"])
    assert "error=login_required" in other.browser.answer.headers["location"]
    assert "state=" in other.browser.answer.headers["location"]


@pytest.mark.security("AZ-15")
async def test_hint_that_is_none_is_refused(parties: OpenParty) -> None:
    party, second = await parties(), await parties("suite-2")
    tokens, _, _ = await party.flow()
    header, payload, signature = tokens["id_token"].split(".")
    for wrong in ("x", "a.b.c", f"{header}.{payload}.", f"{header}.{payload}.{signature[:-8]}AAAAAAAA", tokens["access_token"]):
        assert (await party.refused(id_token_hint=wrong))["error"] == "invalid_request"
    assert (await second.refused(id_token_hint=tokens["id_token"]))["error"] == "invalid_request"
    assert (await party.told(id_token_hint=""))["code"]


# -- tokens that come at once --------------------------------------------------------------------------------------------------------


async def checked(party: Party, members: dict[str, str]) -> dict[str, Any]:
    """Return the claims of the ID token that came by the browser, after the checks of Core §3.2.2.11 and §3.3.2.12."""
    claims = dict(jwt.decode(members["id_token"], await party.published(), algorithms=["RS256"]).claims)
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, party.client_id, party.request["nonce"])
    assert claims.get("at_hash") == (half_hash(members["access_token"]) if "access_token" in members else None)
    assert claims.get("c_hash") == (half_hash(members["code"]) if "code" in members else None)
    return claims


@pytest.mark.rfc("OIDC Core", "3.2")
@pytest.mark.rfc("OIDC Core", "3.3")
@pytest.mark.parametrize("response_type", HYBRID)
@pytest.mark.parametrize("mode", [{}, FORM])
async def test_tokens_come_by_the_browser_as_registered(parties: OpenParty, response_type: str, mode: dict[str, str]) -> None:
    party = await parties("suite-hybrid")
    members = await party.told(response_type=response_type, scope="openid email", **mode)
    words = set(response_type.split(" "))
    extra = {"token_type", "expires_in", "scope"} if "token" in words else set()
    named = {"access_token" if word == "token" else word for word in words}
    assert members.keys() == named | extra | {"state", "iss"}
    claims = await checked(party, members) if "id_token" in words else None
    if claims is not None:
        assert ("email" in claims) is (response_type == "id_token")
    if "token" in words:
        person = await party.person_of(members, claims or {"sub": (await party.userinfo(members["access_token"])).json()["sub"]})
        assert person["email"].startswith("person-")
    if "code" in words:
        tokens = await party.tokens(party.exchange(members["code"]))
        later = await party.claims(tokens, nonce=party.request["nonce"])
        assert claims is None or (later["sub"], later["auth_time"]) == (claims["sub"], claims["auth_time"])


@pytest.mark.parametrize("response_type", ["id_token token", "code id_token token"])
async def test_signed_access_token_comes_by_the_browser_too(parties: OpenParty, response_type: str) -> None:
    party = await parties("suite-signed")
    members = await party.told(response_type=response_type)
    assert jwt.decode(members["access_token"], await party.published(), algorithms=["ES256"]).header["typ"] == "at+jwt"
    claims = await checked(party, members)
    assert (await party.person_of(members, claims))["sub"] == claims["sub"]


@pytest.mark.security("CD-02")
async def test_replayed_code_of_a_hybrid_answer_ends_the_token_beside_it(parties: OpenParty) -> None:
    party = await parties("suite-hybrid")
    members = await party.told(response_type="code token")
    await party.tokens(party.exchange(members["code"]))
    assert (await party.userinfo(members["access_token"])).status_code == 200
    await party.turned_down(party.exchange(members["code"]), "invalid_grant")
    assert (await party.userinfo(members["access_token"])).status_code == 401


async def test_token_that_comes_by_the_browser_is_never_refreshed(parties: OpenParty) -> None:
    party = await parties("suite-hybrid")
    members = await party.told(response_type="id_token token", scope="openid offline_access")
    assert "refresh_token" not in members
    assert int(members["expires_in"]) <= 3600
    assert members["token_type"] == "Bearer"
    assert CALLBACK not in members.values()
