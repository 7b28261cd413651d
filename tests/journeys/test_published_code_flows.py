"""Client libraries as they are published go through the whole code flow, while a person answers our pages."""

import warnings
from typing import Any

import pytest

from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.doors import DOORS, Door
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations, at its import
    from authlib.common.security import generate_token
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.integrations.requests_client import OAuth2Session
    from oauthlib.oauth2 import AccessDeniedError  # type: ignore[import-untyped]
    from requests_oauthlib import OAuth2Session as RequestsSession  # type: ignore[import-untyped]

pytestmark = [ONE_ENGINE, pytest.mark.parametrize("door", DOORS, ids=str)]


@pytest.fixture(autouse=True)
def loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the libraries use http, as their manuals say for tests."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


async def answered(site: Site, door: Door, address: str, decision: str = "approve") -> str:
    """Let a person of the door's shop answer an authorization request, and return the address at the client."""
    person = await site.add_person(shops=[door.shop] if door.shop else [])
    async with PlainBrowser(site.origin) as browser:
        return await browser.answer(address, person, decision=decision, shop=door.shop)


async def assert_good(site: Site, door: Door, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Check the tokens of an exchange, and of the refresh after it."""
    assert first["access_token"] != second["access_token"]
    assert first["refresh_token"]
    told = await site.introspect(second["access_token"], door.client_id)
    assert (told["active"], told["dialect"], told.get("shop")) == (True, door.dialect, door.shop)


@pytest.mark.parametrize("library", [OAuth2Client, OAuth2Session], ids=["authlib_httpx", "authlib_requests"])
async def test_authlib(site: Site, door: Door, library: Any) -> None:
    with library(
        door.client_id,
        SECRETS[door.client_id],
        redirect_uri=CALLBACK,
        scope=door.scope,
        token_endpoint_auth_method=door.auth_method,
        code_challenge_method="S256" if door.pkce else None,
    ) as client:
        more = {"code_verifier": generate_token(48)} if door.pkce else {}
        address, state = client.create_authorization_url(site.at(door.authorize), **more)
        came = await answered(site, door, address)
        first = dict(client.fetch_token(site.at(door.token), authorization_response=came, state=state, **more))
        second = client.refresh_token(site.at(door.refresh), refresh_token=first["refresh_token"])
    await assert_good(site, door, first, second)


async def test_requests_oauthlib(site: Site, door: Door) -> None:
    secret = SECRETS[door.client_id]
    with RequestsSession(door.client_id, redirect_uri=CALLBACK, scope=door.scope.split(), pkce="S256" if door.pkce else None) as client:
        address, _ = client.authorization_url(site.at(door.authorize))
        came = await answered(site, door, address)
        in_body = door.auth_method == "client_secret_post"
        first = client.fetch_token(
            site.at(door.token), authorization_response=came, client_secret=secret, include_client_id=True if in_body else None
        )
        how: dict[str, Any] = {"client_id": door.client_id, "client_secret": secret} if in_body else {"auth": (door.client_id, secret)}
        second = client.refresh_token(site.at(door.refresh), refresh_token=first["refresh_token"], **how)
    await assert_good(site, door, first, second)


async def test_a_refusal_reaches_requests_oauthlib_as_the_error_it_is(site: Site, door: Door) -> None:
    with RequestsSession(door.client_id, redirect_uri=CALLBACK, pkce="S256" if door.pkce else None) as client:
        address, _ = client.authorization_url(site.at(door.authorize))
        came = await answered(site, door, address, "refuse")
        with pytest.raises(AccessDeniedError):
            client.fetch_token(site.at(door.token), authorization_response=came, client_secret=SECRETS[door.client_id])
