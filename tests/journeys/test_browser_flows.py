"""The flows that partners and clients were given, from the first link to the last token, by a person at a real browser."""

import re
from typing import Final

import pytest

from tests.journeys.browsing import Browsing
from tests.journeys.lines import curl, fantem_line
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK, CHALLENGE, VERIFIER
from tests.journeys.site import SECRETS, Site

ALEXA: Final = "https://pitangui.amazon.com/api/skill/link/DEMO"
STATE: Final = "a+b c&d=e%20<\">'/?#é中😀"


async def allow(browsing: Browsing, person: Person) -> None:
    await browsing.sign_in(person)
    await browsing.decide("approve")


@pytest.mark.rfc("6749", "4.1")
@pytest.mark.security("AZ-01", "LG-02")
async def test_open_platform_code(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open(
        "/open/authorize/index", response_type="code", client_id="platform-demo", redirect_uri=CALLBACK, state=STATE, scope="orders"
    )
    await allow(browsing, person)
    arrival = await browsing.arrival(CALLBACK)
    assert list(arrival.query) == ["code", "state"]
    assert arrival.query["state"] == STATE
    assert arrival.fragment == {}
    exchange = {
        "grant_type": "authorization_code",
        "client_id": "platform-demo",
        "client_secret": SECRETS["platform-demo"],
        "redirect_uri": CALLBACK,
        "code": arrival.query["code"],
    }
    answer = await site.post("/oauth2/authorize", exchange)
    tokens = answer.json()
    assert (answer.status_code, list(tokens)) == (200, ["token_type", "expires_in", "access_token", "refresh_token", "scope"])
    assert (tokens["expires_in"], tokens["scope"]) == (3600, "orders")
    told = await site.introspect(tokens["access_token"], "platform-demo")
    assert (told["active"], told["username"]) == (True, person.username)
    assert (await site.post("/oauth2/authorize", exchange)).json()["error"] == "invalid_grant"


@pytest.mark.rfc("6749", "4.2")
@pytest.mark.security("VN-02", "LG-02")
async def test_open_platform_implicit(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/implicit", response_type="token", client_id="platform-demo", redirect_uri=CALLBACK, state=STATE)
    await allow(browsing, person)
    arrival = await browsing.arrival(CALLBACK)
    assert arrival.query == {}
    assert list(arrival.fragment) == ["access_token", "token_type", "expires_in", "scope", "state"]
    assert (arrival.fragment["token_type"], arrival.fragment["expires_in"]) == ("Bearer", "3600")
    assert arrival.fragment["state"] == STATE
    assert browsing.elsewhere.arrived == [CALLBACK]  # the client's server saw no token
    told = await site.introspect(arrival.fragment["access_token"], "platform-demo")
    assert (told["active"], told["username"]) == (True, person.username)


@pytest.mark.rfc("6749", "6")
@pytest.mark.security("LG-02")
async def test_fantem_code_and_refresh_as_alexa_sends_them(site: Site, browsing: Browsing, person: Person) -> None:
    state = "AlexaState-" * 190  # over 2 KiB, as its state is
    await browsing.open("/oauth/authorize", client_id="alexa-demo", response_type="code", state=state, scope="devices", redirect_uri=ALEXA)
    await allow(browsing, person)
    arrival = await browsing.arrival(ALEXA)
    assert arrival.raw_query == f"code={arrival.query['code']}&state={state}"
    basic = ("alexa-demo", SECRETS["alexa-demo"])
    exchange = {"grant_type": "authorization_code", "code": arrival.query["code"], "redirect_uri": ALEXA, "client_id": "alexa-demo"}
    answer = await site.post("/oauth/token", exchange, basic=basic)
    tokens = answer.json()
    assert (answer.status_code, list(tokens)) == (200, ["access_token", "refresh_token", "expires_in", "token_type"])
    assert all(re.fullmatch("[0-9A-F]{32}", tokens[name]) for name in ("access_token", "refresh_token"))
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "alexa-demo"}
    for _ in range(2):  # the refresh token stays
        answer = await site.post("/oauth/token", refresh, basic=basic)
        assert (answer.status_code, list(answer.json())) == (200, ["access_token", "expires_in", "token_type"])
    told = await site.introspect(answer.json()["access_token"], "alexa-demo")
    assert (told["active"], told["username"]) == (True, person.username)


async def test_fantem_code_by_the_documents_multipart_line(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open("/oauth/authorize", client_id="fantem-demo", response_type="code", redirect_uri=CALLBACK)
    await allow(browsing, person)
    code = (await browsing.arrival(CALLBACK)).query["code"]
    status, tokens = curl(fantem_line(site.server.url, "fantem-demo", code))
    assert (status, list(tokens)) == (200, ["access_token", "refresh_token", "expires_in", "token_type"])
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": "fantem-demo"}
    answer = await site.post("/oauth/token", fields, multipart=True)
    assert (answer.status_code, list(answer.json())) == (200, ["access_token", "expires_in", "token_type"])


@pytest.mark.security("VN-05", "LG-02")
async def test_youzan_code_for_the_shop_that_was_picked(site: Site, browsing: Browsing) -> None:
    person = await site.add_person(shops=["88888", "99999"])
    await browsing.open("/oauth/authorize", response_type="code", client_id="testclient", redirect_uri=CALLBACK, state="xyz")
    await browsing.sign_in(person)
    assert await browsing.page.locator("input[name=shop]").evaluate_all("all => all.map(one => one.value)") == ["88888", "99999"]
    await browsing.page.check("input[value='99999']")
    await browsing.decide("approve")
    arrival = await browsing.arrival(CALLBACK)
    assert re.fullmatch("[0-9a-f]{40}", arrival.query["code"])
    assert arrival.query["state"] == "xyz"
    client = {"client_id": "testclient", "client_secret": SECRETS["testclient"]}
    exchange = {"grant_type": "authorization_code", **client, "code": arrival.query["code"], "redirect_uri": CALLBACK}
    answer = await site.post("/oauth/token", exchange)
    tokens = answer.json()
    assert (answer.status_code, list(tokens)) == (200, ["access_token", "expires_in", "token_type", "scope", "refresh_token"])
    told = await site.introspect(tokens["access_token"], "testclient")
    assert (told["active"], told["shop"], told["username"]) == (True, "99999", person.username)
    answer = await site.post("/oauth/token", {"grant_type": "refresh_token", **client, "refresh_token": tokens["refresh_token"]})
    assert (await site.introspect(answer.json()["access_token"], "testclient"))["shop"] == "99999"


@pytest.mark.rfc("7636", "4")
@pytest.mark.rfc("9207", "2")
@pytest.mark.security("AZ-07", "LG-02")
async def test_standard_code_with_pkce_and_issuer(site: Site, browsing: Browsing, person: Person) -> None:
    await browsing.open(
        "/authorize",
        response_type="code",
        client_id="public-web",
        redirect_uri=CALLBACK,
        state=STATE,
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    await allow(browsing, person)
    arrival = await browsing.arrival(CALLBACK)
    metadata = (await site.get("/.well-known/oauth-authorization-server")).json()
    assert (arrival.query["state"], arrival.query["iss"]) == (STATE, metadata["issuer"])
    exchange = {
        "grant_type": "authorization_code",
        "client_id": "public-web",
        "code": arrival.query["code"],
        "redirect_uri": CALLBACK,
    }
    refused = await site.post("/token", {**exchange, "code_verifier": VERIFIER[::-1]})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    answer = await site.post("/token", {**exchange, "code_verifier": VERIFIER})
    assert answer.status_code == 200
    assert answer.json()["refresh_token"]
