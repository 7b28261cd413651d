"""Back, reload, twice, and two tabs at once: what people do that no diagram shows."""

import pytest

from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

PLATFORM = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "first", "scope": "orders"}
FANTEM = {"response_type": "code", "client_id": "alexa-demo", "redirect_uri": CALLBACK, "state": "second", "scope": "devices"}


async def exchanged(site: Site, code: str, client_id: str) -> dict[str, str]:
    """Return what the introspection endpoint says of the token for a code."""
    path = "/oauth2/authorize" if client_id == "platform-demo" else "/oauth/token"
    client = {"client_id": client_id, "client_secret": SECRETS[client_id]}
    answer = await site.post(path, {"grant_type": "authorization_code", **client, "redirect_uri": CALLBACK, "code": code})
    assert answer.status_code == 200, answer.text
    return await site.introspect(answer.json()["access_token"], client_id)


@pytest.mark.security("LG-11")
async def test_the_back_button_after_signing_out_shows_nothing(browsing: Browsing, person: Person) -> None:
    await browsing.open("/account")
    await browsing.sign_in(person)
    assert await browsing.title() == person.username
    await browsing.press("text=Sign out >> nth=0")
    await browsing.press("button[value=here]")
    assert await browsing.title() == "Signed out"
    for _ in range(2):
        await browsing.page.go_back()
        assert person.username not in await browsing.page.inner_text("body")
    await browsing.open("/account")
    assert await browsing.title() == "Sign in"


async def test_the_back_button_after_consent_leads_to_a_page_that_still_works(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await browsing.decide("approve")
    first = (await browsing.arrival(CALLBACK)).query["code"]
    await browsing.page.go_back()
    if not browsing.page.url.startswith(CALLBACK):  # the page is asked for anew, and there is nothing left to ask the person
        await browsing.decide("approve")
    second = (await browsing.arrival(CALLBACK)).query["code"]
    assert second != first
    for code in (first, second):
        assert (await exchanged(site, code, "platform-demo"))["scope"] == "orders"


@ONE_ENGINE
async def test_reloading_the_result_repeats_nothing_here(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await browsing.decide("approve")
    before = await browsing.arrival(CALLBACK)
    asked: list[str] = []
    browsing.page.on("request", lambda request: asked.append(request.url))
    await browsing.page.reload()
    assert await browsing.arrival(CALLBACK) == before
    assert not [url for url in asked if url.startswith(site.origin)]
    assert (await exchanged(site, before.query["code"], "platform-demo"))["active"]


@ONE_ENGINE
async def test_an_impatient_double_click_gets_a_code_that_works(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await browsing.page.dblclick("button[value=approve]")
    arrival = await browsing.arrival(CALLBACK)
    assert (await exchanged(site, arrival.query["code"], "platform-demo"))["active"]


@pytest.mark.security("LG-15", "AZ-18")
async def test_two_tabs_with_two_clients_do_not_mix(site: Site, browsing: Browsing, person: Person) -> None:
    one, two = browsing.page, await browsing.context.new_page()
    await one.goto(site.at("/open/authorize/index", **PLATFORM))
    await two.goto(site.at("/oauth/authorize", **FANTEM))
    assert "Demo client (open platform)" in await one.inner_text("main")
    assert "Demo skill (Alexa)" in await two.inner_text("main")
    await browsing.sign_in(person, tab=two)
    await browsing.sign_in(person, tab=one)  # on a page that is older than the login in the other tab
    assert "See your orders" in await one.inner_text("ul.scopes")
    assert "See and switch your devices" in await two.inner_text("ul.scopes")
    await browsing.decide("approve", tab=one)
    await browsing.decide("approve", tab=two)
    came = [await browsing.arrival(CALLBACK, tab=tab) for tab in (one, two)]
    assert [arrival.query["state"] for arrival in came] == ["first", "second"]
    told = [await exchanged(site, arrival.query["code"], name) for arrival, name in zip(came, ("platform-demo", "alexa-demo"), strict=True)]
    assert [(one["client_id"], one["scope"]) for one in told] == [("platform-demo", "orders"), ("alexa-demo", "devices")]


@pytest.mark.security("LG-15")
async def test_refusing_in_one_tab_refuses_nothing_in_the_other(site: Site, browsing: Browsing, person: Person) -> None:
    one, two = browsing.page, await browsing.context.new_page()
    await browsing.open("/open/authorize/index", **PLATFORM)
    await browsing.sign_in(person)
    await one.wait_for_selector("button[value=approve]")
    await two.goto(site.at("/oauth/authorize", **FANTEM))
    await browsing.decide("refuse", tab=two)
    refused = (await browsing.arrival(CALLBACK, tab=two)).query
    assert (refused["error"], refused["state"]) == ("access_denied", "second")
    await browsing.decide("approve", tab=one)
    arrival = await browsing.arrival(CALLBACK, tab=one)
    assert (arrival.query["state"], (await exchanged(site, arrival.query["code"], "platform-demo"))["scope"]) == ("first", "orders")


@ONE_ENGINE
@pytest.mark.security("LG-14")
async def test_no_address_leads_away_after_login(browsing: Browsing, person: Person) -> None:
    for evil in ("//evil.example", "\\evil.example", "https:evil.example", "https://evil.example"):
        await browsing.context.clear_cookies()
        await browsing.open("/login", **dict.fromkeys(("next", "return", "return_to", "continue", "redirect_uri", "url"), evil))
        await browsing.sign_in(person)
        assert browsing.page.url == browsing.site.at("/account")
    assert browsing.elsewhere.arrived == []
