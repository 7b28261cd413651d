"""Passkeys in a real browser with a virtual authenticator, on both engines."""

from typing import Final

import pytest

from tests.journeys.authenticators import Device
from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE, OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK
from tests.journeys.site import Site
from tests.journeys.test_second_factor import PLATFORM, reads, second_step, turn_on

BUTTON: Final = "[data-passkey] button"


async def add(browsing: Browsing, person: Person, name: str = "My laptop") -> Device:
    """Sign in, add a passkey as the pages lead to it, sign out, and return the authenticator."""
    page = browsing.page
    device = await Device.plugged_into(page)
    await browsing.open("/account/passkeys")
    if await browsing.title() == "Sign in":
        await browsing.sign_in(person)
    await page.fill("#name", name)
    await page.click(BUTTON)
    await page.wait_for_url("**/account/passkeys?done=passkey_added")
    assert name in await page.inner_text(".rows")
    return device


async def sign_out(browsing: Browsing) -> None:
    await browsing.open("/logout")
    await browsing.press("button[value=here]")
    await reads(browsing, "Signed out")


async def test_a_passkey_is_added_and_lets_into_an_app(browsing: Browsing, person: Person) -> None:
    device = await add(browsing, person)
    (held,) = await device.credentials()
    assert (held["isResidentCredential"], held["rpId"]) == (True, "localhost")
    await sign_out(browsing)
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.page.click(BUTTON)
    await browsing.page.wait_for_url("**/consent?*")
    await browsing.decide("approve")
    assert (await browsing.arrival(CALLBACK)).query["code"]
    await browsing.open("/account")
    await reads(browsing, person.username)
    (used,) = await device.credentials()
    assert used["signCount"] > held["signCount"]


async def test_a_passkey_is_both_steps_at_once(browsing: Browsing, person: Person) -> None:
    app = await turn_on(browsing, person)
    await add(browsing, person)
    await sign_out(browsing)
    await browsing.open("/account")
    await browsing.page.click(BUTTON)
    await browsing.page.wait_for_url("**/account")
    await reads(browsing, person.username)
    await sign_out(browsing)
    await browsing.open("/account")
    await browsing.sign_in(person)
    await second_step(browsing, app.code())
    await reads(browsing, person.username)


@pytest.mark.security("LG-08")
async def test_a_removed_passkey_is_refused_as_a_wrong_password_is(browsing: Browsing, person: Person) -> None:
    await add(browsing, person)
    await browsing.press("button[name=remove]")
    assert "The passkey was removed." in await browsing.page.inner_text("[role=status]")
    await sign_out(browsing)
    await browsing.open("/account")
    await browsing.sign_in(person, password="not-their-password")
    await browsing.page.locator("#problem").wait_for()
    wrong = await browsing.page.inner_text("#problem")
    await browsing.page.click(BUTTON)
    await browsing.page.locator("#username[value='']").or_(browsing.page.locator("#username:not([value])")).wait_for()
    assert await browsing.page.inner_text("#problem") == wrong
    assert "tokenry_session" not in {cookie["name"] for cookie in await browsing.context.cookies()}


@ONE_ENGINE
async def test_a_copy_of_an_authenticator_is_refused(browsing: Browsing, open_browser: OpenBrowser, person: Person) -> None:
    device = await add(browsing, person)
    (copied,) = await device.credentials()
    await sign_out(browsing)
    await browsing.open("/account")
    await browsing.page.click(BUTTON)
    await browsing.page.wait_for_url("**/account")
    thief = await open_browser()
    copy = await Device.plugged_into(thief.page)
    await copy.put(copied)
    await thief.open("/login")
    await thief.page.click(BUTTON)
    await thief.page.locator("#problem").wait_for()
    assert "not right" in await thief.page.inner_text("#problem")


@ONE_ENGINE
async def test_who_is_not_verified_gets_no_further_than_the_page(browsing: Browsing, person: Person) -> None:
    device = await add(browsing, person)
    await sign_out(browsing)
    await device.verify(succeeds=False)
    await browsing.open("/login")
    await browsing.page.click(BUTTON)
    await browsing.page.locator(".failed").wait_for()
    await device.verify(succeeds=True)
    await browsing.page.click(BUTTON)
    await browsing.page.wait_for_url("**/account")


@ONE_ENGINE
async def test_one_authenticator_makes_one_passkey_for_a_person(browsing: Browsing, person: Person) -> None:
    await add(browsing, person)
    await browsing.page.fill("#name", "Once more")
    await browsing.page.click(BUTTON)
    await browsing.page.locator(".failed").wait_for()
    assert await browsing.page.locator(".rows li").count() == 1


@ONE_ENGINE
async def test_passkeys_are_offered_where_they_work(site: Site, open_browser: OpenBrowser, person: Person) -> None:
    by_number, plain = await open_browser(), await open_browser(java_script_enabled=False)
    await by_number.page.goto(site.at("/login").replace("localhost", "127.0.0.1"))
    assert await by_number.page.locator("[data-passkey]").is_hidden()
    await plain.open("/login")
    assert await plain.page.locator("[data-passkey]").is_hidden()
    await plain.sign_in(person)
    await reads(plain, person.username)
    await plain.open("/account/passkeys")
    assert await plain.page.locator("[data-passkey]").is_hidden()
    assert "needs scripts" in await plain.page.inner_text("main")
