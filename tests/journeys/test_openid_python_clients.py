"""Python's clients of OpenID Connect as they are published, beside Authlib's: idpyoidc, and requests-oauthlib with joserfc."""

import warnings
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK, GOODBYE
from tests.journeys.site import SECRETS, Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the libraries' own deprecations, at their import
    from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES  # type: ignore[import-untyped]
    from idpyoidc.client.rp_handler import RPHandler  # type: ignore[import-untyped]
    from requests_oauthlib import OAuth2Session  # type: ignore[import-untyped]

pytestmark = [ONE_ENGINE, pytest.mark.rfc("OIDC Core", "3.1"), pytest.mark.rfc("OIDC Discovery", "4")]

CLIENT: Final = "openid-web"
SCOPE: Final = ["openid", "profile", "email", "offline_access"]


@pytest.fixture(autouse=True)
def loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library use http, as its manual says for tests."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[PlainBrowser]:
    async with PlainBrowser(site.origin) as opened:
        yield opened


async def answered(site: Site, browser: PlainBrowser, address: str, decision: str = "approve") -> str:
    """Let somebody answer an authorization request, and return the address at the client."""
    return await browser.answer(address, await site.add_person(), decision=decision)


@pytest.fixture(autouse=True)
def a_folder_for_what_is_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Wherever a client of idpyoidc is made, it leaves files with its keys."""
    monkeypatch.chdir(tmp_path)


# -- idpyoidc ----------------------------------------------------------------------------------------------------------------------


def relying_party(site: Site) -> Any:
    """Return the library's relying party, which knows of the server no more than its issuer."""
    length_and_method = {"code_challenge_length": 64, "code_challenge_method": "S256"}
    pkce = {"function": "idpyoidc.client.oauth2.add_on.pkce.add_support", "kwargs": length_and_method}
    configuration = {
        "issuer": site.origin,
        "client_id": CLIENT,
        "client_secret": SECRETS[CLIENT],
        "client_type": "oidc",
        "redirect_uris": [CALLBACK],
        "client_authn_methods": ["client_secret_basic", "bearer_header"],
        "preference": {"response_types": ["code"], "token_endpoint_auth_methods_supported": ["client_secret_basic"]},
        "add_ons": {"pkce": pkce},
        "services": {**DEFAULT_OIDC_SERVICES, "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"}},
    }
    return RPHandler(base_url="http://127.0.0.1:9401", client_configs={site.origin: configuration})


def brought(address: str) -> Mapping[str, str]:
    return dict(parse_qsl(urlsplit(address).query))


@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
async def test_idpyoidc_logs_a_person_in_refreshes_and_logs_them_out(site: Site, browser: PlainBrowser) -> None:
    party = relying_party(site)
    came = await answered(site, browser, party.begin(site.origin, req_args={"scope": SCOPE}))
    result = party.finalize(site.origin, brought(came))
    assert "error" not in result, result
    claims, state = result["id_token"], result["state"]
    assert (claims["iss"], claims["aud"]) == (site.origin, [CLIENT])
    assert result["userinfo"]["sub"] == claims["sub"]
    assert result["userinfo"]["preferred_username"].startswith("person-")
    renewed = party.refresh_access_token(state)
    assert renewed["access_token"] != result["token"]
    assert party.get_user_info(state)["sub"] == claims["sub"]
    leaving = party.logout(state, post_logout_redirect_uri=GOODBYE)
    assert await browser.go(leaving["url"]) == f"{GOODBYE}?state={leaving['request']['state']}"


async def test_a_refusal_reaches_idpyoidc_as_the_error_it_is(site: Site, browser: PlainBrowser) -> None:
    party = relying_party(site)
    came = await answered(site, browser, party.begin(site.origin, req_args={"scope": SCOPE}), "refuse")
    assert party.finalize(site.origin, brought(came))["error"] == "access_denied"


async def test_idpyoidc_notices_an_answer_of_another_issuer(site: Site, browser: PlainBrowser) -> None:
    party = relying_party(site)
    came = await answered(site, browser, party.begin(site.origin, req_args={"scope": SCOPE}))
    with pytest.raises(Exception, match=r"(?i)iss"):
        party.finalize(site.origin, {**brought(came), "iss": "https://evil.example"})


# -- requests-oauthlib -------------------------------------------------------------------------------------------------------------


async def test_requests_oauthlib_logs_a_person_in_and_refreshes(site: Site, browser: PlainBrowser) -> None:
    with OAuth2Session(CLIENT, redirect_uri=CALLBACK, scope=SCOPE, pkce="S256") as client:
        metadata = client.get(site.at("/.well-known/openid-configuration"), timeout=10, withhold_token=True).json()
        keys = KeySet.import_key_set(client.get(metadata["jwks_uri"], timeout=10, withhold_token=True).json())
        address, _ = client.authorization_url(metadata["authorization_endpoint"], nonce="the-nonce")
        came = await answered(site, browser, address)
        secret = {"client_secret": SECRETS[CLIENT]}
        first = client.fetch_token(metadata["token_endpoint"], authorization_response=came, **secret)
        claims = jwt.decode(first["id_token"], keys, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (site.origin, CLIENT, "the-nonce")
        told = client.get(metadata["userinfo_endpoint"], timeout=10).json()
        second = client.refresh_token(metadata["token_endpoint"], auth=(CLIENT, SECRETS[CLIENT]))
        assert client.get(metadata["userinfo_endpoint"], timeout=10).json() == told
    assert told["sub"] == claims["sub"] == jwt.decode(second["id_token"], keys, algorithms=["RS256"]).claims["sub"]
