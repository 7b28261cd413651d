"""The whole flow for everybody: without scripts, in Chinese, on a phone in the dark, by keyboard alone."""

from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE, OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK

pytestmark = ONE_ENGINE
PLATFORM = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "s", "scope": "orders"}


async def test_everything_works_without_scripts(open_browser: OpenBrowser, person: Person) -> None:
    browsing = await open_browser(java_script_enabled=False)
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person, password="wrong")
    await browsing.page.wait_for_selector("#problem")
    await browsing.sign_in(person)
    await browsing.decide("approve")
    assert "code" in (await browsing.arrival(CALLBACK)).query
    await browsing.open("/account")
    await browsing.press("button[name=revoke]")
    await browsing.page.wait_for_selector("[role=status]")
    await browsing.press("text=Sign out >> nth=0")
    await browsing.press("button[value=everywhere]")
    assert await browsing.title() == "Signed out"


async def test_the_language_can_be_switched_in_the_middle(browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/authorize/index", **PLATFORM)
    assert await browsing.title() == "Sign in"
    await browsing.press("footer >> text=中文")
    assert await browsing.title() == "登录"
    assert await browsing.page.get_attribute("html", "lang") == "zh-Hans"
    await browsing.sign_in(person)
    assert "查看您的订单" in await browsing.page.inner_text("ul.scopes")
    await browsing.press("footer >> text=English")
    assert "See your orders" in await browsing.page.inner_text("ul.scopes")
    await browsing.decide("approve")
    arrival = await browsing.arrival(CALLBACK)
    assert arrival.query["state"] == "s"
    await browsing.open("/account")
    assert await browsing.page.get_attribute("html", "lang") == "en"


async def test_the_client_chooses_the_language_by_ui_locales(open_browser: OpenBrowser) -> None:
    browsing = await open_browser(locale="en-GB")
    await browsing.open("/authorize", response_type="code", client_id="public-web", ui_locales="xx zh-CN", code_challenge="x" * 43,
                        code_challenge_method="S256", redirect_uri=CALLBACK)  # fmt: skip
    assert await browsing.title() == "登录"


async def test_a_phone_in_the_dark(open_browser: OpenBrowser, person: Person) -> None:
    browsing = await open_browser(viewport={"width": 390, "height": 844}, color_scheme="dark", is_mobile=True, has_touch=True)
    page = browsing.page

    async def looks_right() -> None:
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        red, green, blue = await page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
        assert max(red, green, blue) < 80

    await browsing.open("/open/authorize/index", **PLATFORM)
    await looks_right()
    await page.fill("#username", person.username)
    await page.fill("#password", person.password)
    await page.tap("button[name=action]")
    await page.wait_for_selector("button[value=approve]")
    await looks_right()
    await page.tap("button[value=approve]")
    await browsing.arrival(CALLBACK)
    await browsing.open("/account")
    await looks_right()


async def test_the_keyboard_is_enough(browsing: Browsing, person: Person) -> None:
    page = browsing.page
    await browsing.open("/open/authorize/index", **PLATFORM)
    await page.wait_for_selector("#username:focus")  # from the start, and nobody types faster than pages are drawn
    await page.keyboard.type(person.username)
    await page.keyboard.press("Tab")
    await page.keyboard.type("a wrong one")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#problem:focus")  # a screen reader begins there
    await reach(browsing, "password")
    await page.keyboard.type(person.password)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("button[value=approve]")
    await reach(browsing, "approve")
    await page.keyboard.press("Enter")
    assert "code" in (await browsing.arrival(CALLBACK)).query


async def reach(browsing: Browsing, name: str) -> None:
    """Press the tabulator until what is called so has the focus."""
    for _ in range(12):
        await browsing.page.keyboard.press("Tab")
        if name in await browsing.page.evaluate("[document.activeElement.name, document.activeElement.value]"):
            return
    raise AssertionError(f"the tabulator does not reach {name}")
