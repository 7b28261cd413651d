"""A client of OpenID Connect as it is published goes its whole way: discovery, the person's consent, ID token, userinfo, refresh."""

import json
import warnings
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request

from app.admin import update_user
from tests.fixtures.server import NO_TLS
from tests.journeys.person import Person, PlainBrowser
from tests.journeys.planting import CALLBACK, GOODBYE, WEB_SECRET, operator_of
from tests.journeys.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations, at its import
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.starlette_client import OAuth
    from authlib.oidc.core import UserInfo

SECRETS: Final = {"demo-app": "demo-app-secret", "openid-web": WEB_SECRET}
SCOPE: Final = "openid profile email"


@pytest.fixture(autouse=True)
def loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library use http, as its manual says for tests."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def relying_party(site: Site, client_id: str, **options: Any) -> Any:
    """Return the library's client, which knows of the server no more than its issuer."""
    secret = {"client_secret": SECRETS[client_id]} if client_id in SECRETS else {}
    kwargs = {"scope": SCOPE, **options}
    if client_id != "demo-app":  # whose nonce is enough
        kwargs["code_challenge_method"] = "S256"
    if not secret:
        kwargs["token_endpoint_auth_method"] = "none"
    return OAuth().register(
        "tokenry",
        client_id=client_id,
        server_metadata_url=site.at("/.well-known/openid-configuration"),
        client_kwargs=kwargs,
        **secret,
    )


def request_of(session: dict[str, Any], address: str = CALLBACK) -> Request:
    """Return the request with which a browser comes to the client, in a session there."""
    parts = urlsplit(address)
    scope = {"type": "http", "method": "GET", "path": parts.path, "query_string": parts.query.encode(), "headers": [], "session": session}
    return Request(scope)


async def logged_in(site: Site, party: Any, person: Person, **parameters: str) -> dict[str, Any]:
    """Send a person from the client to the server and back, and return the tokens with the claims that the client has verified."""
    session: dict[str, Any] = {}
    answer = await party.authorize_redirect(request_of(session), CALLBACK, **parameters)
    async with PlainBrowser(site.origin) as browser:
        came = await browser.answer(answer.headers["location"], person)
    tokens: dict[str, Any] = await party.authorize_access_token(request_of(session, came))
    return tokens


async def person_with_claims(site: Site) -> Person:
    person = await site.add_person()
    async with operator_of(site.database_url) as operator:
        known = {"given_name": "Ada", "locale": "en-GB", "email_verified": True}
        await update_user(operator, person.username, {"email": f"{person.username}@example.com", "name": "Ada L", "claims": known})
    return person


@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.rfc("OIDC Discovery", "4")
@pytest.mark.parametrize("client_id", ["demo-app", "demo-web"])
async def test_a_client_logs_a_person_in(site: Site, client_id: str) -> None:
    person, party = await person_with_claims(site), relying_party(site, client_id)
    tokens = await logged_in(site, party, person)
    claims = tokens["userinfo"]  # what the library calls the verified claims of the ID token
    assert (claims["iss"], claims["aud"], claims["azp"]) == (site.origin, client_id, client_id)
    assert claims["amr"] == ["pwd"]
    assert claims["acr"] == "1"
    assert claims["auth_time"] <= claims["iat"]
    told = await party.userinfo(token=tokens)
    assert isinstance(told, UserInfo)
    assert told["sub"] == claims["sub"]
    assert (told["name"], told["email"], told["email_verified"]) == ("Ada L", f"{person.username}@example.com", True)
    assert "phone_number" not in told


async def test_a_client_asks_for_claims_one_by_one(site: Site) -> None:
    person, party = await person_with_claims(site), relying_party(site, "demo-app", scope="openid")
    wanted = {
        "id_token": {"email": {"essential": True}, "auth_time": {"essential": True}},
        "userinfo": {"given_name": None, "locale": {"value": "de"}},
    }
    tokens = await logged_in(site, party, person, claims=json.dumps(wanted))
    assert tokens["userinfo"]["email"] == f"{person.username}@example.com"
    told = await party.userinfo(token=tokens)
    assert set(told) == {"sub", "given_name"}


async def test_a_client_refreshes_and_is_told_the_same_person(site: Site) -> None:
    person, party = await site.add_person(), relying_party(site, "demo-app", scope=f"{SCOPE} offline_access")
    tokens = await logged_in(site, party, person)
    metadata = await party.load_server_metadata()
    async with httpx.AsyncClient(verify=NO_TLS) as http:
        sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = (await http.post(metadata["token_endpoint"], data=sent, auth=("demo-app", SECRETS["demo-app"]))).json()
        told = await http.post(metadata["userinfo_endpoint"], data={"access_token": answer["access_token"]})
    claims = await party.parse_id_token(answer, nonce=None)
    assert told.json()["sub"] == claims["sub"] == tokens["userinfo"]["sub"]


@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
async def test_a_client_logs_a_person_out(site: Site) -> None:
    person, party = await site.add_person(), relying_party(site, "openid-web")
    session: dict[str, Any] = {}
    answer = await party.authorize_redirect(request_of(session), CALLBACK)
    async with PlainBrowser(site.origin) as browser:
        came = await browser.answer(answer.headers["location"], person)
        tokens = await party.authorize_access_token(request_of(session, came))
        leaving = await party.logout_redirect(request_of(session), GOODBYE, id_token_hint=tokens["id_token"], state="a-state")
        came_back = await browser.go(leaving.headers["location"])
        assert came_back == f"{GOODBYE}?state=a-state"
        await party.validate_logout_response(request_of(session, came_back))
        again = await party.authorize_redirect(request_of(session), CALLBACK, prompt="none")
        refused = await browser.go(again.headers["location"])
    assert refused is not None
    with pytest.raises(OAuthError, match="login_required"):
        await party.authorize_access_token(request_of(session, refused))


async def test_a_client_notices_a_token_that_was_made_for_another_login(site: Site) -> None:
    person, party = await site.add_person(), relying_party(site, "demo-app")
    tokens = await logged_in(site, party, person)
    with pytest.raises(Exception, match="nonce"):
        await party.parse_id_token(tokens, nonce="another")


async def test_a_login_that_nobody_may_be_asked_for_is_refused(site: Site) -> None:
    session: dict[str, Any] = {}
    party = relying_party(site, "demo-app")
    answer = await party.authorize_redirect(request_of(session), CALLBACK, prompt="none")
    async with PlainBrowser(site.origin) as browser:
        came = await browser.go(answer.headers["location"])
    assert came is not None
    with pytest.raises(OAuthError, match="login_required"):
        await party.authorize_access_token(request_of(session, came))
