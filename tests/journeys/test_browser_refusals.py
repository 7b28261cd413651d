"""What a person sees, and what the client is told, when it does not go well."""

import pytest

from tests.journeys.browsing import Browsing
from tests.journeys.conftest import ONE_ENGINE, OpenBrowser
from tests.journeys.person import Person
from tests.journeys.planting import CALLBACK, CHALLENGE

pytestmark = ONE_ENGINE
WRONG = "The user name or the password is not right. Please check both."
PLATFORM = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "s"}
IMPLICIT = {**PLATFORM, "response_type": "token"}
STANDARD = {
    "response_type": "code",
    "client_id": "public-web",
    "redirect_uri": CALLBACK,
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.mark.security("LG-07", "LG-08")
async def test_a_wrong_password_shows_the_same_page_and_the_right_one_goes_on(browsing: Browsing, person: Person) -> None:
    await browsing.open("/open/authorize/index", **PLATFORM)
    shown = []
    for attempt in (Person(person.username, "not-the-password"), Person("nobody-of-this-name", person.password)):
        async with browsing.page.expect_response(lambda response: response.request.method == "POST") as answer:
            await browsing.sign_in(attempt)
        assert (await answer.value).status == 401
        assert await browsing.page.inner_text("#problem") == WRONG
        assert await browsing.page.input_value("#username") == attempt.username
        assert await browsing.page.input_value("#password") == ""
        shown.append((await browsing.page.inner_text("main")).replace(attempt.username, ""))
        assert [cookie["name"] for cookie in await browsing.context.cookies()] == ["tokenry_browser"]
    assert shown[0] == shown[1]
    await browsing.sign_in(person)
    await browsing.decide("approve")
    assert (await browsing.arrival(CALLBACK)).query["state"] == "s"


@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.parametrize(
    ("path", "parameters", "part"),
    [("/open/authorize/index", PLATFORM, "query"), ("/open/implicit", IMPLICIT, "fragment"), ("/authorize", STANDARD, "query")],
    ids=["code", "implicit", "standard"],
)
async def test_who_refuses_is_sent_back_with_that(
    browsing: Browsing, person: Person, path: str, parameters: dict[str, str], part: str
) -> None:
    await browsing.open(path, **parameters)
    await browsing.sign_in(person)
    await browsing.decide("refuse")
    arrival = await browsing.arrival(CALLBACK)
    told, other = (arrival.query, arrival.fragment) if part == "query" else (arrival.fragment, arrival.query)
    assert (told["error"], told["state"], other) == ("access_denied", "s", {})
    assert not told.keys() & {"code", "access_token"}
    assert ("iss" in told) == (path == "/authorize")
    await browsing.open(path, **parameters)  # and is asked anew the next time
    assert await browsing.page.locator("button[value=approve]").is_visible()


DOORS = {
    "/open/authorize/index": {"response_type": "code", "client_id": "platform-demo"},
    "/open/implicit": {"response_type": "token", "client_id": "platform-demo"},
    "/oauth/authorize": {"response_type": "code", "client_id": "alexa-demo"},
    "/authorize": {"response_type": "code", "client_id": "public-web"},
}
UNKNOWN_ADDRESS = "We do not know the address that this app gave"


@pytest.mark.security("AZ-02", "RU-01")
@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({"redirect_uri": "https://evil.example/cb"}, UNKNOWN_ADDRESS),
        ({"redirect_uri": f"{CALLBACK}/../other"}, UNKNOWN_ADDRESS),
        ({"client_id": "nobody"}, "We do not know this app"),
    ],
    ids=["stranger", "near", "client"],
)
async def test_an_unknown_address_or_app_gets_a_page_and_no_redirect(browsing: Browsing, changed: dict[str, str], title: str) -> None:
    for path, asked in DOORS.items():
        status = await browsing.open(path, **{**asked, "redirect_uri": CALLBACK, **changed})
        assert (path, status, await browsing.title()) == (path, 400, title)
        assert browsing.page.url.startswith(browsing.site.origin)
    assert browsing.elsewhere.arrived == []


@pytest.mark.security("AZ-18", "LG-05")
async def test_a_pending_request_is_of_no_use_in_another_browser(open_browser: OpenBrowser, person: Person) -> None:
    mine, theirs = await open_browser(), await open_browser()
    await mine.open("/open/authorize/index", **PLATFORM)
    stolen = mine.page.url
    response = await theirs.page.goto(stolen)
    assert response is not None
    assert response.status == 400
    assert await theirs.title() == "This page is no longer valid"
    await mine.sign_in(person)
    await mine.decide("approve")
    assert "code" in (await mine.arrival(CALLBACK)).query
