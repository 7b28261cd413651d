"""What people do on their own pages, and what it does to browsers and apps elsewhere."""

import pytest

from tests.journeys.browsing import Browsing
from tests.journeys.conftest import OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

PLATFORM = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "s", "scope": "orders"}
CLIENT = {"client_id": "platform-demo", "client_secret": SECRETS["platform-demo"]}
NEW_PASSWORD = "quite-another-password"


async def let_in(browsing: Browsing, person: Person) -> dict[str, str]:
    """Sign in, let the app in, and return its tokens."""
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await browsing.decide("approve")
    code = (await browsing.arrival(CALLBACK)).query["code"]
    fields = {"grant_type": "authorization_code", **CLIENT, "redirect_uri": CALLBACK, "code": code}
    tokens: dict[str, str] = (await browsing.site.post("/oauth2/authorize", fields)).json()
    return tokens


async def enter(browsing: Browsing, person: Person) -> None:
    await browsing.open("/account")
    await browsing.sign_in(person)
    assert await browsing.title() == person.username


async def is_in(browsing: Browsing) -> bool:
    """Whether the account page opens without a login."""
    await browsing.open("/account")
    return await browsing.title() != "Sign in"


async def refreshed(site: Site, token: str) -> tuple[int, str]:
    answer = await site.post("/oauth2/refresh-token", {"grant_type": "refresh_token", **CLIENT, "refresh_token": token})
    return answer.status_code, answer.json().get("error", "")


async def assert_ended(site: Site, tokens: dict[str, str]) -> None:
    assert (await site.introspect(tokens["access_token"], "platform-demo")) == {"active": False}
    assert await refreshed(site, tokens["refresh_token"]) == (400, "invalid_grant")


@pytest.mark.security("LG-11")
@pytest.mark.security("RF-11")
@pytest.mark.parametrize("where", ["here", "everywhere"])
async def test_signing_out_here_or_everywhere(site: Site, open_browser: OpenBrowser, person: Person, where: str) -> None:
    one, other = await open_browser(), await open_browser()
    tokens = await let_in(one, person)
    await enter(other, person)
    await one.open("/logout")
    stolen = [cookie for cookie in await one.context.cookies() if cookie["name"] == "tokenry_session"]
    await one.press(f"button[value={where}]")
    assert await one.title() == "Signed out"
    assert "tokenry_session" not in {cookie["name"] for cookie in await one.context.cookies()}
    await one.context.add_cookies([{"name": "tokenry_session", "value": stolen[0]["value"], "url": site.origin}])
    assert not await is_in(one)  # it is dead on the server too
    assert await is_in(other) == (where == "here")
    # What was let in stays, or ends with everything, as the page says.
    assert (await site.introspect(tokens["access_token"], "platform-demo"))["active"] is (where == "here")
    assert await refreshed(site, tokens["refresh_token"]) == ((200, "") if where == "here" else (400, "invalid_grant"))


@pytest.mark.security("LG-13")
async def test_a_changed_password_ends_other_browsers_and_what_apps_hold(site: Site, open_browser: OpenBrowser, person: Person) -> None:
    one, other = await open_browser(), await open_browser()
    tokens = await let_in(one, person)
    await enter(other, person)
    before = {cookie["value"] for cookie in await one.context.cookies() if cookie["name"] == "tokenry_session"}
    await one.open("/account/password")
    await fill(one, "a-wrong-old-one", NEW_PASSWORD)
    assert await one.page.inner_text("#problem") == "The current password is not right."
    assert await is_in(other)
    await fill(one, person.password, NEW_PASSWORD)
    assert await one.title() == "Password changed"
    assert before.isdisjoint({cookie["value"] for cookie in await one.context.cookies()})
    assert await is_in(one)
    assert not await is_in(other)
    await assert_ended(site, tokens)
    await other.sign_in(person)
    assert await other.page.locator("#problem").count() == 1
    await other.sign_in(person, password=NEW_PASSWORD)
    assert await other.title() == person.username


async def fill(browsing: Browsing, current: str, new: str) -> None:
    await browsing.page.fill("#current_password", current)
    await browsing.page.fill("#new_password", new)
    await browsing.page.fill("#repeated_password", new)
    await browsing.press("button[value=change]")


@pytest.mark.security("AZ-19")
async def test_revoking_an_app_ends_its_tokens_and_its_consent(site: Site, browsing: Browsing, person: Person) -> None:
    tokens = await let_in(browsing, person)
    await browsing.open("/account")
    listed = await browsing.page.inner_text("section[aria-labelledby=apps]")
    assert "Demo client (open platform)" in listed
    assert "See your orders" in listed
    await browsing.press("button[name=revoke]")
    assert await browsing.page.inner_text("[role=status]") == "The app can no longer use your account."
    assert "You have not let any app in." in await browsing.page.inner_text("section[aria-labelledby=apps]")
    await assert_ended(site, tokens)
    await browsing.open("/open/authorize/index", **PLATFORM)
    assert await browsing.page.locator("button[value=approve]").count() == 1  # asked anew


@pytest.mark.security("AZ-17")
async def test_consent_is_remembered_until_more_is_asked_for(browsing: Browsing, person: Person) -> None:
    await let_in(browsing, person)
    await browsing.open("/open/authorize/index", **PLATFORM)
    assert "code" in (await browsing.arrival(CALLBACK)).query  # nobody was asked
    await browsing.open("/open/authorize/index", **{**PLATFORM, "scope": "orders profile"})
    assert await browsing.page.inner_text("ul[aria-labelledby=new-scopes]") == "See your name"
    assert await browsing.page.inner_text("ul[aria-labelledby=known-scopes]") == "See your orders"


async def test_another_browser_can_be_signed_out_from_the_account_page(open_browser: OpenBrowser, person: Person) -> None:
    one, other = (
        await open_browser(),
        await open_browser(user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    )
    await enter(one, person)
    await enter(other, person)
    await one.open("/account")
    await one.press("button[name=end_session]")
    assert await one.page.inner_text("[role=status]") == "That browser is signed out."
    assert await is_in(one)
    assert not await is_in(other)
