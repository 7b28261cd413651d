"""The conformance plan *basic*: the code flow, a test for each of its modules and of that module's name.

Each says in our own words what the module asks. Where a module would be skipped, because the provider says that it does not support
what it tests, the refusal is held instead. The suite's clients are those of ``CLIENTS``; the profile ``oidc`` binds a code by a challenge
or a nonce, so that the module that sends neither is run as a client of the profile ``legacy``.
"""

import base64
import json
from typing import Any, Final

import pytest

from tests.conformance.party import DATABASES, KNOWN, OpenParty, Party
from tests.fixtures.world import CHALLENGE, VERIFIER, World

pytestmark = DATABASES

PROFILE: Final = {
    "name": "Ada Lovelace",
    **{name: KNOWN[name] for name in ("family_name", "given_name", "middle_name", "nickname", "profile", "picture", "website")},
    **{name: KNOWN[name] for name in ("gender", "birthdate", "zoneinfo", "locale")},
}
EVERYTHING: Final = "openid profile email address phone"


def unsigned(**claims: str) -> str:
    """Return a request object that nobody signed."""
    segments = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
    return ".".join([*segments, ""])


# -- the flow ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.security("TK-01")
async def test_oidcc_server(parties: OpenParty) -> None:
    """The whole way, by two clients."""
    for client_id in ("suite", "suite-2"):
        party = await parties(client_id)
        _, claims, told = await party.flow()
        assert party.asked == ["login", "consent"]
        assert told == {"sub": claims["sub"]}


async def test_oidcc_response_type_missing(party: Party) -> None:
    """A request without a response type is refused."""
    assert (await party.refused(response_type=None))["error"] == "invalid_request"


@pytest.mark.rfc("OIDC Core", "10.1")
async def test_oidcc_idtoken_signature(party: Party) -> None:
    """The ID token names the key that signed it, which is published."""
    _, claims, _ = await party.flow()  # which checks that
    assert claims["aud"] == "suite"


async def test_oidcc_idtoken_unsigned(party: Party) -> None:
    """There are no unsigned ID tokens, and the metadata says so."""
    members = (await party.world.send("GET", "/.well-known/openid-configuration")).json()
    assert "none" not in members["id_token_signing_alg_values_supported"]


@pytest.mark.rfc("OIDC Core", "5.3.1")
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("GET", id="oidcc-userinfo-get"),
        pytest.param("POST", id="oidcc-userinfo-post-header"),
        pytest.param("form", id="oidcc-userinfo-post-body"),
    ],
)
async def test_oidcc_userinfo(party: Party, how: str) -> None:
    """The userinfo endpoint takes the token in three ways."""
    tokens, claims, _ = await party.flow(scope="openid profile")
    assert (await party.person_of(tokens, claims, how))["name"] == "Ada Lovelace"


async def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(parties: OpenParty) -> None:
    """A request of a code needs no nonce; nor has the ID token one."""
    _, claims, _ = await (await parties("suite-legacy")).flow(nonce=None)
    assert "nonce" not in claims


async def test_oidcc_ensure_request_without_nonce_succeeds_with_a_challenge(party: Party) -> None:
    """The same in the profile ``oidc``, where the challenge binds the code."""
    told = await party.told(nonce=None, code_challenge=CHALLENGE, code_challenge_method="S256")
    tokens = await party.tokens(party.exchange(told["code"], code_verifier=VERIFIER))
    assert "nonce" not in await party.claims(tokens)


# -- scopes and claims -------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "5.4")
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param("profile", PROFILE, id="oidcc-scope-profile"),
        pytest.param("email", {"email_verified": True}, id="oidcc-scope-email"),
        pytest.param("address", {"address": KNOWN["address"]}, id="oidcc-scope-address"),
        pytest.param("phone", {"phone_number": "+44 20 7946 0000", "phone_number_verified": True}, id="oidcc-scope-phone"),
    ],
)
async def test_oidcc_scope(party: Party, scope: str, expected: dict[str, Any]) -> None:
    """A scope is told all of its claims, of their types, and nothing of another scope."""
    _, _, told = await party.flow(scope=f"openid {scope}")
    own = {"profile": {"preferred_username": party.person}, "email": {"email": f"{party.person}@example.com"}}.get(scope, {})
    if scope == "profile":
        assert isinstance(told.pop("updated_at"), int)
    assert told == {"sub": told["sub"], **expected, **own}


async def test_oidcc_scope_all(party: Party) -> None:
    """All scopes at once are told all claims."""
    _, _, told = await party.flow(scope=EVERYTHING)
    assert set(told) == {"sub", "name", "preferred_username", "updated_at", "email", *KNOWN}


@pytest.mark.rfc("6749", "3.3")
async def test_oidcc_ensure_other_scope_order_succeeds(party: Party) -> None:
    """Scopes may come in any order."""
    _, _, told = await party.flow(scope="email openid")
    assert told["email"] == f"{party.person}@example.com"


@pytest.mark.rfc("OIDC Core", "5.5.1")
async def test_oidcc_claims_essential(party: Party) -> None:
    """A claim that is asked for as essential is told, whatever the scope."""
    _, _, told = await party.flow(claims='{"userinfo":{"name":{"essential":true}}}')
    assert told == {"sub": told["sub"], "name": "Ada Lovelace"}


# -- how the person is asked -------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.parametrize(
    "parameter",
    [
        pytest.param({"display": "page"}, id="oidcc-display-page"),
        pytest.param({"display": "popup"}, id="oidcc-display-popup"),
        pytest.param({"ui_locales": "se"}, id="oidcc-ui-locales"),
        pytest.param({"claims_locales": "se"}, id="oidcc-claims-locales"),
        pytest.param({"extra": "foobar"}, id="oidcc-ensure-request-with-unknown-parameter-succeeds"),
        pytest.param({"acr_values": "1 2"}, id="oidcc-ensure-request-with-acr-values-succeeds"),
    ],
)
async def test_oidcc_a_parameter_that_must_be_borne(party: Party, parameter: dict[str, str]) -> None:
    """Whether it is followed or not, it must not stand in the way."""
    _, claims, _ = await party.flow(**parameter)
    assert claims.get("acr") in {None, "1", "2"}


async def test_oidcc_login_hint(party: Party) -> None:
    """A hint of who logs in is no obstacle, and saves the person some typing."""
    await party.browser.go("/authorize", **party.parameters(login_hint="buffy@example.com"))
    (name,) = [element for element in party.browser.page.all("input") if element.attributes.get("name") == "username"]
    assert name.attributes["value"] == "buffy@example.com"
    await party.flow(login_hint="buffy@example.com")


@pytest.mark.rfc("OIDC Core", "3.1.2.3")
async def test_oidcc_prompt_login(party: Party) -> None:
    """``prompt=login`` asks a person to log in who is logged in; it is another login of the same person."""
    _, first, _ = await party.flow()
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(prompt="login")
    assert party.asked == ["login"]
    assert second["sub"] == first["sub"]
    assert second["auth_time"] == first["auth_time"] + 2


@pytest.mark.rfc("OIDC Core", "3.1.2.6")
@pytest.mark.security("AZ-08")
async def test_oidcc_prompt_none_not_logged_in(party: Party) -> None:
    """``prompt=none`` is refused to somebody who would have to log in, and shows them nothing."""
    assert (await party.refused(prompt="none"))["error"] == "login_required"
    assert party.asked == []


async def test_oidcc_prompt_none_logged_in(party: Party) -> None:
    """``prompt=none`` is answered at once for somebody who is logged in: of the same login."""
    _, first, _ = await party.flow()
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(prompt="none")
    assert party.asked == []
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


async def test_oidcc_max_age_1(party: Party) -> None:
    """``max_age=1`` asks for a login anew where the last is older than that, and the ID token says when it was."""
    _, first, _ = await party.flow()
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(max_age="1")
    assert party.asked == ["login"]
    assert second["sub"] == first["sub"]
    assert second["auth_time"] == party.now


async def test_oidcc_max_age_10000(party: Party) -> None:
    """``max_age=10000`` asks for nothing of somebody who logged in just now, and the ID token says when that was."""
    _, first, _ = await party.flow()
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(max_age="10000")
    assert party.asked == []
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


async def test_oidcc_id_token_hint(party: Party) -> None:
    """With the ID token of the login as a hint, ``prompt=none`` is answered at once for its person."""
    tokens, first, _ = await party.flow()
    party.world.clock.move(seconds=2)
    _, second, _ = await party.flow(prompt="none", id_token_hint=tokens["id_token"])
    assert party.asked == []
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.security("AZ-13")
async def test_oidcc_ensure_post_request_succeeds(party: Party) -> None:
    """The authorization endpoint takes a request by ``POST`` too."""
    await party.flow("POST", scope=EVERYTHING)
    assert party.asked == ["login", "consent"]


# -- codes and tokens --------------------------------------------------------------------------------------------------------------


@pytest.mark.security("CD-01")
async def test_oidcc_codereuse(party: Party) -> None:
    """A code is good once."""
    code = (await party.told())["code"]
    await party.tokens(party.exchange(code))
    await party.turned_down(party.exchange(code), "invalid_grant")


@pytest.mark.security("CD-01")
@pytest.mark.security("CD-02")
async def test_oidcc_codereuse_30seconds(party: Party) -> None:
    """Also half a minute later, and what it brought is then worth nothing."""
    code = (await party.told())["code"]
    tokens = await party.tokens(party.exchange(code))
    assert (await party.userinfo(tokens["access_token"])).status_code == 200
    party.world.clock.move(seconds=30)
    await party.turned_down(party.exchange(code), "invalid_grant")
    assert (await party.userinfo(tokens["access_token"])).status_code == 401
    await party.turned_down({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, "invalid_grant")


@pytest.mark.rfc("OIDC Core", "9")
async def test_oidcc_server_client_secret_post(parties: OpenParty) -> None:
    """A client may be registered to send its secret in the body."""
    await (await parties("suite-post")).flow()


@pytest.mark.rfc("OIDC Core", "12.1")
@pytest.mark.rfc("OIDC Core", "12.2")
async def test_oidcc_refresh_token(parties: OpenParty) -> None:
    """Tokens are renewed, for the client alone that they were issued to, and the ID token is of the same login."""
    renewed: dict[str, dict[str, Any]] = {}
    for client_id in ("suite", "suite-2"):
        party = await parties(client_id)
        tokens, first, _ = await party.flow(scope="openid offline_access", prompt="consent")
        party.world.clock.move(seconds=2)
        again = await party.tokens({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
        assert again["access_token"] != tokens["access_token"]
        second = await party.claims(again)
        same = ("iss", "sub", "aud", "azp", "auth_time")
        assert [second.get(name) for name in same] == [first.get(name) for name in same]
        assert second["iat"] > first["iat"]
        await party.person_of(again, second)
        renewed[client_id] = again
    stolen = {"grant_type": "refresh_token", "refresh_token": renewed["suite-2"]["refresh_token"]}
    await (await parties("suite")).turned_down(stolen, "invalid_grant")
    await party.tokens(stolen)


@pytest.mark.rfc("7636", "4.6")
async def test_oidcc_ensure_request_with_valid_pkce_succeeds(party: Party) -> None:
    """A challenge is held to its verifier."""
    told = await party.told(code_challenge=CHALLENGE, code_challenge_method="S256")
    await party.turned_down(party.exchange(told["code"], code_verifier=VERIFIER[::-1]), "invalid_grant")
    tokens = await party.tokens(party.exchange(told["code"], code_verifier=VERIFIER))
    await party.claims(tokens, nonce=party.request["nonce"])


# -- what is refused ---------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-02")
@pytest.mark.security("RU-01")
async def test_oidcc_ensure_registered_redirect_uri(party: Party) -> None:
    """An address that is not registered gets no answer, not even an error: the person is told."""
    answer = await party.send(redirect_uri="http://127.0.0.1:9401/cb/other")
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    assert party.browser.title


@pytest.mark.rfc("OIDC Core", "6.2")
@pytest.mark.security("AZ-10")
async def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    """An address of a request object is refused by the error that says so."""
    assert (await party.refused(request_uri="https://client.example.com/request.jwt"))["error"] == "request_uri_not_supported"


@pytest.mark.rfc("OIDC Core", "6.1")
@pytest.mark.security("AZ-11")
async def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(party: Party) -> None:
    """A request object is refused by the error that says so."""
    assert (await party.refused(request=unsigned(scope="openid")))["error"] == "request_not_supported"


@pytest.mark.security("AZ-11")
async def test_oidcc_ensure_request_object_with_redirect_uri(party: Party, world: World) -> None:
    """No request object decides where an answer goes, and none is said to."""
    members = (await world.send("GET", "/.well-known/openid-configuration")).json()
    assert members["request_parameter_supported"] is False
    inside = unsigned(redirect_uri=party.parameters()["redirect_uri"])
    answer = await party.send(redirect_uri="https://evil.example/cb", request=inside)
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
    evil = unsigned(redirect_uri="https://evil.example/cb")
    assert (await party.refused(request=evil))["error"] == "request_not_supported"
