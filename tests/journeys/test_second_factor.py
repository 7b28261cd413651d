"""Two-step sign-in in a real browser, on both engines."""

from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.journeys.authenticators import AuthenticatorApp
from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE, OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

PLATFORM: Final = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "s", "scope": "orders"}


async def reads(browsing: Browsing, title: str) -> None:
    """Wait until a page of that title is there."""
    await browsing.page.get_by_role("heading", level=1, name=title, exact=True).wait_for()


async def turn_on(browsing: Browsing, person: Person) -> AuthenticatorApp:
    """Sign in, set the second step up as the pages lead through it, and return the app and the sheet."""
    page = browsing.page
    await browsing.open("/account")
    await browsing.sign_in(person)
    await browsing.press("text=Set up")
    await reads(browsing, "Set up two-step sign-in")
    assert await page.locator(".qr svg").is_visible()
    address = await page.locator("a[href^='otpauth:']").get_attribute("href")
    app = AuthenticatorApp(parse_qs(urlsplit(address or "").query)["secret"][0])
    await page.fill("#code", "000000")
    await browsing.press("button[value=turn_on]")
    assert "That code is not right" in await page.inner_text("#problem")
    await page.fill("#code", app.code())
    await browsing.press("button[value=turn_on]")
    await reads(browsing, "Recovery codes")
    app.codes = await page.locator(".codes code").all_inner_texts()
    assert len(app.codes) == 10
    await browsing.press("text=I have kept them")
    assert "10 recovery codes left" in await page.inner_text("#security + ul")
    return app


async def second_step(browsing: Browsing, code: str) -> None:
    await reads(browsing, "Second step")
    await browsing.page.fill("#code", code)
    async with browsing.page.expect_navigation():
        await browsing.press("button[value=verify]")


@pytest.mark.security("LG-09", "VN-03")
async def test_from_the_picture_to_the_app_and_back_to_a_password_alone(site: Site, open_browser: OpenBrowser, person: Person) -> None:
    one, other = await open_browser(), await open_browser()
    await other.open("/account")
    await other.sign_in(person)
    app = await turn_on(one, person)
    await other.open("/account")
    await reads(other, "Sign in")

    await other.open("/open/authorize/index", **PLATFORM)
    await other.sign_in(person)
    await second_step(other, app.code())
    await other.decide("approve")
    arrival = await other.arrival(CALLBACK)
    client = {"client_id": "platform-demo", "client_secret": SECRETS["platform-demo"]}
    grant = {"grant_type": "authorization_code", "code": arrival.query["code"], "redirect_uri": CALLBACK}
    assert (await site.post("/oauth2/authorize", {**client, **grant})).status_code == 200

    password = {"grant_type": "password", "username": person.username, "password": person.password}
    refused = await site.post("/oauth2/password", {**client, **password})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")

    await one.press("text=Manage two-step sign-in")
    await one.press("button[name=second_factor]")
    assert "Two-step sign-in is off." in await one.page.inner_text("[role=status]")
    await other.open("/account")
    await other.sign_in(person)
    await reads(other, person.username)
    assert (await site.post("/oauth2/password", {**client, **password})).status_code == 200


async def test_a_recovery_code_lets_in_once_and_without_scripts(open_browser: OpenBrowser, person: Person) -> None:
    app = await turn_on(await open_browser(java_script_enabled=False), person)
    phone = await open_browser(java_script_enabled=False, viewport={"width": 390, "height": 844})
    await phone.open("/account")
    await phone.sign_in(person)
    await phone.press("text=Use a recovery code")
    await second_step(phone, app.codes[3].upper())
    assert "9 recovery codes left" in await phone.page.inner_text("#security + ul")
    again = await open_browser()
    await again.open("/account")
    await again.sign_in(person)
    await second_step(again, app.codes[3])
    assert "was used before" in await again.page.inner_text("#problem")
    await second_step(again, app.code())
    await reads(again, person.username)


async def test_new_recovery_codes_replace_the_old(open_browser: OpenBrowser, person: Person) -> None:
    one = await open_browser()
    app = await turn_on(one, person)
    await one.press("text=Manage two-step sign-in")
    await one.press("button[name=recovery_codes]")
    fresh = await one.page.locator(".codes code").all_inner_texts()
    assert not set(fresh) & set(app.codes)
    assert await one.page.locator(".languages").count() == 0, "the codes are on this page alone"
    other = await open_browser()
    await other.open("/account")
    await other.sign_in(person)
    await second_step(other, app.codes[0])
    assert "was used before" in await other.page.inner_text("#problem")
    await second_step(other, fresh[0])
    await reads(other, person.username)


@ONE_ENGINE
async def test_the_buttons_back_and_forward_lead_nowhere_strange(open_browser: OpenBrowser, person: Person) -> None:
    app = await turn_on(await open_browser(), person)
    browsing = await open_browser()
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await reads(browsing, "Second step")
    step = browsing.page.url
    await browsing.page.go_back()
    await reads(browsing, "Sign in")
    await browsing.page.go_forward()
    await second_step(browsing, app.code())
    await browsing.page.wait_for_url("**/consent?*")
    await browsing.page.goto(step)
    await browsing.page.wait_for_url("**/consent?*")
    await browsing.decide("refuse")
    assert (await browsing.arrival(CALLBACK)).query["error"] == "access_denied"


@ONE_ENGINE
async def test_the_address_of_the_second_step_is_of_no_use_to_others(open_browser: OpenBrowser, person: Person) -> None:
    await turn_on(await open_browser(), person)
    one, thief = await open_browser(), await open_browser()
    await one.open("/account")
    await one.sign_in(person)
    await reads(one, "Second step")
    await thief.page.goto(one.page.url)
    await reads(thief, "Sign in")
    assert "open for too long" in await thief.page.inner_text("#problem")
