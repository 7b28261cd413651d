"""People leave an app in a real browser: it ends here as well, every other app hears of it, and they are where they wanted to be."""

import itertools
import tomllib
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.async_api import BrowserContext

from app.admin import apply, parse_document
from tests.fixtures.dialects import built_in
from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE, OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CHALLENGE, VERIFIER, operator_of
from tests.journeys.site import Site

_numbers: Final = itertools.count(1)
_CLIENT: Final = """
[[clients]]
client_id = "{name}"
client_name = "{title}"
client_secret = "a-long-secret-of-{name}-0123456789"
grant_types = ["authorization_code"]
redirect_uris = ["{origin}/cb"]
post_logout_redirect_uris = ["{origin}/bye"]
scope = "openid"
{said}
"""


@dataclass(frozen=True)
class Shop:
    """An app on a site of its own."""

    client_id: str
    origin: str

    @property
    def back(self) -> str:
        return f"{self.origin}/bye"


async def open_shop(site: Site, *, hears: bool = False) -> Shop:
    """Register an app; one that hears has a page which browsers load when somebody leaves."""
    number = next(_numbers)
    shop = Shop(f"shop-{number}", f"https://shop-{number}.example")
    said = f'frontchannel_logout_uri = "{shop.origin}/out?x=1"' if hears else ""
    text = _CLIENT.format(name=shop.client_id, title=f"Shop {number}", origin=shop.origin, said=said)
    async with operator_of(site.database_url) as operator:
        await apply(operator, parse_document(tomllib.loads(text), "shops", built_in()))
    return shop


async def enter(browsing: Browsing, shop: Shop, person: Person | None = None) -> str:
    """Let the app in, as a person who logs in where one is named, and return its ID token."""
    asked = {"response_type": "code", "client_id": shop.client_id, "redirect_uri": f"{shop.origin}/cb", "scope": "openid"}
    await browsing.open("/authorize", **asked, code_challenge=CHALLENGE, code_challenge_method="S256")
    if person is not None:
        await browsing.sign_in(person)
    await browsing.decide("approve")
    code = (await browsing.arrival(f"{shop.origin}/cb")).query["code"]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{shop.origin}/cb", "code_verifier": VERIFIER}
    answer = await browsing.site.post("/token", fields, basic=(shop.client_id, f"a-long-secret-of-{shop.client_id}-0123456789"))
    token: str = answer.json()["id_token"]
    return token


async def is_in(browsing: Browsing) -> bool:
    """Whether somebody is still logged in, as another tab finds out."""
    tab = await browsing.context.new_page()
    await tab.goto(browsing.site.at("/account"))
    heading = await tab.inner_text("h1")
    await tab.close()
    return heading != "Sign in"


async def has_session(context: BrowserContext) -> bool:
    return "tokenry_session" in {cookie["name"] for cookie in await context.cookies()}


@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
async def test_a_link_of_the_app_leads_out_and_back_unasked(site: Site, browsing: Browsing, person: Person) -> None:
    shop = await open_shop(site)
    hint = await enter(browsing, shop, person)
    await browsing.open("/logout", id_token_hint=hint, post_logout_redirect_uri=shop.back, state="a state/1")
    arrival = await browsing.arrival(shop.back)
    assert (arrival.address, arrival.query) == (shop.back, {"state": "a state/1"})
    assert not await has_session(browsing.context)
    assert not await is_in(browsing)


@ONE_ENGINE
@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
async def test_a_form_of_the_app_leads_out_and_back_though_it_brings_no_cookie(site: Site, browsing: Browsing, person: Person) -> None:
    """The browser shows our cookies to no form of another site: only the page that follows finds them."""
    shop = await open_shop(site)
    hint = await enter(browsing, shop, person)
    sent: list[str] = []
    browsing.page.on("request", lambda request: sent.append(request.url))
    await browsing.page.evaluate(
        """([action, fields]) => {
            const form = Object.assign(document.createElement("form"), { method: "post", action });
            for (const [name, value] of Object.entries(fields)) {
                form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
            }
            document.body.append(form);
            form.submit();
        }""",
        [site.at("/logout"), {"id_token_hint": hint, "post_logout_redirect_uri": shop.back, "state": "s"}],
    )
    assert (await browsing.arrival(shop.back)).query == {"state": "s"}
    assert not any(hint in address for address in sent)
    assert not await is_in(browsing)


@ONE_ENGINE
@pytest.mark.security("RU-06")
async def test_who_is_not_proved_is_asked_and_may_stay(site: Site, browsing: Browsing, person: Person) -> None:
    shop = await open_shop(site)
    await enter(browsing, shop, person)
    leaving = {"client_id": shop.client_id, "post_logout_redirect_uri": shop.back}
    await browsing.open("/logout", **leaving)
    assert await browsing.title() == "Sign out?"
    shown = await browsing.page.inner_text("main")
    assert f"{shop.client_id.replace('shop-', 'Shop ')} sent you here to sign out." in shown
    assert f"You are signed in as {person.username}." in shown
    await browsing.press("main .aside a")
    assert await browsing.title() == person.username
    await browsing.open("/logout", **leaving, ui_locales="zh")
    assert await browsing.page.get_attribute("html", "lang") == "zh-Hans"
    await browsing.press("footer a[hreflang=en]")
    await browsing.press("button[value=here]")
    assert (await browsing.arrival(shop.back)).query == {}
    assert not await is_in(browsing)


@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
async def test_every_app_of_the_session_hears_of_it_in_this_browser(site: Site, open_browser: OpenBrowser, person: Person) -> None:
    one, other = await open_browser(), await open_browser()
    first, second, silent, elsewhere = [await open_shop(site, hears=hears) for hears in (True, True, False, True)]
    tokens = [await enter(one, first, person), await enter(one, second), await enter(one, silent)]
    await enter(other, elsewhere, person)
    await one.open("/logout", id_token_hint=tokens[2], post_logout_redirect_uri=silent.back, state="s")
    assert (await one.arrival(silent.back)).query == {"state": "s"}
    heard = [urlsplit(address) for address in one.elsewhere.arrived if urlsplit(address).path == "/out"]
    assert sorted(f"{parts.scheme}://{parts.netloc}" for parts in heard) == sorted([first.origin, second.origin])
    told = [dict(parse_qsl(parts.query)) for parts in heard]
    assert {(query["x"], query["iss"]) for query in told} == {("1", site.origin)}
    assert len({query["sid"] for query in told}) == 2
    assert not await is_in(one)
    assert await is_in(other)


@ONE_ENGINE
async def test_without_scripts_the_same_happens_a_little_later(site: Site, open_browser: OpenBrowser, person: Person) -> None:
    browsing = await open_browser(java_script_enabled=False, viewport={"width": 390, "height": 844})
    shop = await open_shop(site, hears=True)
    hint = await enter(browsing, shop, person)
    await browsing.open("/logout", id_token_hint=hint, post_logout_redirect_uri=shop.back)
    assert await browsing.title() == "Signed out"
    assert await browsing.page.get_attribute("main a.button", "href") == shop.back
    assert (await browsing.arrival(shop.back)).query == {}
    assert [urlsplit(address).path for address in browsing.elsewhere.arrived].count("/out") == 1


@ONE_ENGINE
async def test_app_that_does_not_answer_keeps_nobody_waiting_for_long(site: Site, browsing: Browsing, person: Person) -> None:
    shop = await open_shop(site, hears=True)
    hint = await enter(browsing, shop, person)
    await browsing.page.route(f"{shop.origin}/out**", lambda _: None)
    await browsing.page.goto(site.at("/logout", id_token_hint=hint, post_logout_redirect_uri=shop.back), wait_until="commit")
    assert (await browsing.arrival(shop.back)).query == {}


@ONE_ENGINE
async def test_who_signs_out_by_themselves_stays_on_the_page_that_tells_it(site: Site, browsing: Browsing, person: Person) -> None:
    shop = await open_shop(site, hears=True)
    await enter(browsing, shop, person)
    await browsing.open("/logout")
    async with browsing.page.expect_response(lambda response: response.url.startswith(f"{shop.origin}/out")):
        await browsing.press("button[value=everywhere]")
    assert await browsing.title() == "Signed out"
    await browsing.page.reload()
    assert await browsing.title() == "Signed out"
    await browsing.page.go_back()
    assert await browsing.title() == "Signed out", "the page before shows nothing any more"
