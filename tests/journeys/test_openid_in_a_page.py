"""oidc-client-ts as it is published, in a page of a client in Chromium: every request to us but the person's own crosses origins."""

import json
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import Page

from tests.conftest import missing
from tests.fixtures.server import ROOT
from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.nodes import CLIENTS
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK, GOODBYE
from tests.journeys.site import Site

pytestmark = ONE_ENGINE

ORIGIN: Final = "http://127.0.0.1:9401"
STRANGER: Final = "http://127.0.0.1:9499"
LIBRARY: Final = CLIENTS / "node_modules" / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.min.js"
PAGE: Final = ROOT / "tests" / "clients" / "page.html"


async def opened(browsing: Browsing, origin: str = ORIGIN) -> Page:
    """Return the client's page, in a browser that finds it at the client's origin."""
    if not LIBRARY.is_file():
        missing("node", "apt-get install --no-install-recommends nodejs npm, then make test")

    browsing.elsewhere.sites[origin] = {"": PAGE.read_bytes(), f"/{LIBRARY.name}": LIBRARY.read_bytes()}
    await browsing.context.grant_permissions(["local-network-access"], origin=origin)  # a page of the world may not ask this machine
    settings = {
        "authority": browsing.site.origin,
        "client_id": "openid-spa",
        "redirect_uri": CALLBACK,
        "post_logout_redirect_uri": GOODBYE,
        "scope": "openid profile email offline_access",
    }
    await browsing.page.goto(f"{origin}/#{quote(json.dumps(settings))}")
    return browsing.page


async def called(page: Page, call: str) -> Any:
    """Call the library, and return what becomes of it; a failure is a text."""
    return await page.evaluate(f"(async () => {{ try {{ return await ({call}) }} catch (error) {{ return String(error) }} }})()")


def fetching(path: str, options: str = "{}") -> str:
    """Return the call by which a page reads an answer of ours."""
    return f"fetch(manager.settings.authority + '{path}', {options}).then((answer) => answer.text())"


def refreshing(token: str) -> str:
    fields = f"{{ grant_type: 'refresh_token', client_id: 'openid-spa', refresh_token: '{token}' }}"
    return fetching("/token", f"{{ method: 'POST', body: new URLSearchParams({fields}) }}")


async def led_away(page: Page, call: str) -> None:
    """Call the library where it leads the browser to us."""
    async with page.expect_navigation():
        await page.evaluate(f"void {call}")


@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
@pytest.mark.security("CO-01")
async def test_a_page_logs_a_person_in_renews_revokes_and_logs_them_out(site: Site, browsing: Browsing, person: Person) -> None:
    page = await opened(browsing)
    await led_away(page, "manager.signinRedirect()")
    await browsing.sign_in(person)
    await browsing.decide("approve")
    await browsing.arrival(CALLBACK)
    user = await called(page, "manager.signinCallback()")
    assert isinstance(user, dict), user
    assert user["profile"]["iss"] == site.origin
    assert user["profile"]["preferred_username"] == person.username, "what the userinfo endpoint tells"
    renewed = await called(page, "manager.signinSilent()")
    assert renewed["access_token"] != user["access_token"]
    assert renewed["profile"]["sub"] == user["profile"]["sub"]
    assert await called(page, "manager.revokeTokens(['refresh_token'])") is None
    assert "invalid_grant" in await called(page, refreshing(renewed["refresh_token"]))
    await led_away(page, "manager.signoutRedirect({ state: 'gone' })")
    await browsing.arrival(GOODBYE)
    assert (await called(page, "manager.signoutCallback()"))["userState"] == "gone"
    assert parse_qs(urlsplit(page.url).query).keys() == {"state"}
    await browsing.open("/account")
    assert await browsing.title() == "Sign in"


@pytest.mark.security("CO-01")
async def test_a_page_of_another_origin_is_not_even_told_why(site: Site, browsing: Browsing) -> None:
    page = await opened(browsing, STRANGER)
    assert '"issuer"' in await called(page, fetching("/.well-known/openid-configuration")), "what is public is for all"
    for path, options in (
        ("/token", "{ method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'openid-spa' }) }"),
        ("/revoke", "{ method: 'POST', body: new URLSearchParams({ token: 'x', client_id: 'openid-spa' }) }"),
        ("/userinfo", "{ headers: { Authorization: 'Bearer x' } }"),
        ("/introspect", "{ method: 'POST', body: new URLSearchParams({ token: 'x' }) }"),
        ("/authorize?client_id=openid-spa", "{}"),
        ("/account", "{ credentials: 'include' }"),
    ):
        assert await called(page, fetching(path, options)) == "TypeError: Failed to fetch", path
    browsing.complaints.clear()  # Chromium's, of each


@pytest.mark.security("CO-01")
@pytest.mark.security("CO-02")
async def test_a_page_of_the_client_can_read_a_refusal(site: Site, browsing: Browsing) -> None:
    page = await opened(browsing)
    assert "invalid_grant" in await called(page, refreshing("x"))
    for path in ("/authorize?client_id=openid-spa", "/account", "/login", "/logout"):
        assert await called(page, fetching(path)) == "TypeError: Failed to fetch", path
    browsing.complaints.clear()  # Chromium's, of each
