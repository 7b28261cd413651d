"""Logging out: nobody is made to, nobody is sent to strangers by it, and what is over is over."""

import itertools
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from app.admin import Operator, disable_user, end_sessions, set_password
from app.core.keyring import Keyring
from app.core.keys import Algorithm, signed
from app.core.secret_key import SecretKey
from app.core.secrets import new_id
from tests.conformance.party import Party
from tests.fixtures.listening import Listening, listen
from tests.fixtures.server import SECRET_KEY
from tests.fixtures.visits import Visit
from tests.fixtures.world import ISSUER, World, shared_world, world
from tests.security.people import DATABASES, EVIL, PASSWORD, person

__all__ = ["person", "shared_world", "world"]

pytestmark = DATABASES
BACK: Final = "https://suite.example/bye"
EVERYWHERE: Final = {"where": "everywhere"}
_numbers: Final = itertools.count(1)


async def client_of(world: World, uri: str = "", more: str = "") -> str:
    """Declare a client that no other test knows; it hears of logouts at the address."""
    name = f"leaving-{next(_numbers)}"
    said = f'backchannel_logout_uri = "{uri}"' if uri else ""
    await world.declare(
        f"""
[[clients]]
client_id = "{name}"
client_secret = "the-secret-of-{name}"
token_endpoint_auth_method = "client_secret_basic"
profile = "oidc"
redirect_uris = ["http://127.0.0.1:9401/cb"]
post_logout_redirect_uris = ["{BACK}"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile offline_access"
{said}
{more}
"""
    )
    return name


@pytest.fixture
async def hearing() -> AsyncIterator[Listening]:
    async with listen() as listening:
        yield listening


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Visit]:
    async with Visit(world) as visit:
        yield visit


@pytest.fixture
async def party(world: World, person: str, browser: Visit) -> Party:
    return Party(world, await client_of(world), person, browser)


async def is_logged_in(browser: Visit) -> bool:
    await browser.go("/account")
    return browser.path == "/account"


async def refreshed(party: Party, tokens: dict[str, Any]) -> bool:
    answer = await party.post({"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]})
    assert answer.status_code in {200, 400}
    return answer.status_code == 200


# -- nobody is made to ---------------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-05")
async def test_another_site_can_log_nobody_out(party: Party, browser: Visit) -> None:
    """Its form brings no cookie (SameSite=Lax), its link brings no answer to our question, and what it makes up is not signed."""
    await party.flow()
    cookies = dict(browser.client.cookies)
    hostile = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    async with party.world.client() as stranger:
        for form in ({"where": "here"}, EVERYWHERE, {"csrf": "x", "where": "here"}, {}, {"client_id": party.client_id}):
            answer = await stranger.post("/logout", data=form, headers=hostile)
            assert answer.status_code in {200, 303}
            assert not any("tokenry_session" in cookie for cookie in answer.headers.get_list("set-cookie"))
    for form in ({"where": "here"}, {"csrf": "x", "where": "here"}):
        for headers in ({}, hostile):
            answer = await browser.client.post("/logout", data=form, headers=headers)
            assert (answer.status_code, "open for too long" in answer.text) == (400, True)
    await browser.go("/logout")
    csrf = browser.page.all("input")[0].attributes["value"]
    answer = await browser.client.post("/logout", data={"csrf": csrf, "where": "here"}, headers=hostile)
    assert answer.status_code == 400
    for query in (f"client_id={party.client_id}&post_logout_redirect_uri={BACK}", "state=s", "logout_hint=alice", "where=here&csrf=x"):
        await browser.go(f"/logout?{query}")
        assert browser.title == "Sign out?"
    assert dict(browser.client.cookies) == cookies
    assert await is_logged_in(browser)


@pytest.mark.security("LG-05")
async def test_answer_to_one_question_is_none_to_another(party: Party, browser: Visit) -> None:
    """A page that asked about nothing but oneself gives no form that sends the browser to a client."""
    await party.flow()
    await browser.go("/logout")
    csrf = browser.page.all("input")[0].attributes["value"]
    await browser.go("/logout", client_id=party.client_id, post_logout_redirect_uri=BACK, state="s")
    assert browser.path.startswith("/logout?request=")
    answer = await browser.client.post(browser.path, data={"csrf": csrf, "where": "here"})
    assert answer.status_code == 400
    assert await is_logged_in(browser)


async def test_hint_of_an_earlier_session_or_of_somebody_else_asks(world: World, party: Party, browser: Visit, person: str) -> None:
    """It is said that the person is asked, and who is logged in; another's session does not end by my token."""
    tokens, _, _ = await party.flow()
    await browser.go("/logout")
    await browser.send({"where": "here"})
    await browser.go("/login")
    await browser.log_in(person, PASSWORD)
    await browser.go("/logout", id_token_hint=tokens["id_token"], post_logout_redirect_uri=BACK)
    assert browser.title == "Sign out?"
    async with Visit(world) as other:
        await other.log_in("alice")
        await other.go("/logout", id_token_hint=tokens["id_token"], post_logout_redirect_uri=BACK)
        assert (other.title, "alice" in other.page.one("main").text) == ("Sign out?", True)
        assert await is_logged_in(other)
    assert await is_logged_in(browser)


async def test_hint_is_good_for_longer_than_its_token_and_through_pairwise_names(world: World, person: str) -> None:
    for more in ("", 'subject_type = "pairwise"', 'id_token_signed_response_alg = "EdDSA"'):
        async with Visit(world) as browser:
            party = Party(world, await client_of(world, more=more), person, browser)
            tokens = await party.tokens(party.exchange((await party.told())["code"]))
            for _ in range(3):
                world.clock.move(minutes=50)
                await browser.go("/account")
            answer = await browser.client.get(
                "/logout", params={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BACK, "client_id": party.client_id}
            )
            assert (answer.status_code, answer.headers["location"]) == (302, BACK)
            assert not await is_logged_in(browser)


# -- nobody is sent to strangers -------------------------------------------------------------------------------------------------------


@pytest.mark.security("RU-06")
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_wrong_requests_are_answered_by_a_page_and_change_nothing(party: Party, browser: Visit, method: str) -> None:
    tokens, _, _ = await party.flow()
    other = await client_of(party.world)
    hint = tokens["id_token"]
    wrong: list[list[tuple[str, str]]] = [
        [("id_token_hint", hint), ("post_logout_redirect_uri", EVIL)],
        [("client_id", party.client_id), ("post_logout_redirect_uri", f"{BACK}.evil.example")],
        [("post_logout_redirect_uri", BACK)],
        [("client_id", "nobody"), ("post_logout_redirect_uri", BACK)],
        [("client_id", "testclient")],
        [("client_id", "\x00")],
        [("id_token_hint", hint), ("client_id", other), ("post_logout_redirect_uri", BACK)],
        [("id_token_hint", hint + "x"), ("post_logout_redirect_uri", BACK)],
        [("id_token_hint", "x" * 20000)],
        [("id_token_hint", tokens["access_token"])],
        [("id_token_hint", "é.é.é")],
        [("post_logout_redirect_uri", BACK), ("post_logout_redirect_uri", EVIL), ("client_id", party.client_id)],
        [("client_id", party.client_id), ("client_id", party.client_id)],
        [("client_id", party.client_id), ("post_logout_redirect_uri", f"{BACK}\r\nX: y")],
        [("state", "\x00")],
    ]
    for parameters in wrong:
        content = urlencode(parameters)
        if method == "GET":
            answer = await browser.client.get(f"/logout?{content}")
        else:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            answer = await browser.client.post("/logout", content=content, headers=headers)
        assert answer.status_code == 400, parameters
        assert "location" not in answer.headers
        assert 'href="/logout"' in answer.text, "whoever wanted to log out can go on"
    assert (await browser.client.post("/logout", json={})).status_code == 415
    assert await is_logged_in(browser)


@pytest.mark.security("JW-04")
async def test_no_other_token_of_ours_is_a_hint(world: World, party: Party, browser: Visit) -> None:
    """One of another type, of another issuer, or without a person: signed by our own keys all the same."""
    _, claims, _ = await party.flow()
    for typ, changes in (
        ("at+jwt", {}),
        ("logout+jwt", {}),
        ("JWT", {"iss": EVIL}),
        ("JWT", {"sub": 7}),
        ("JWT", {"aud": []}),
        ("JWT", {"aud": [party.client_id, "other"]}),
    ):
        hint = await ours(world, typ, {**claims, **changes})
        await browser.go("/logout", id_token_hint=hint)
        assert browser.answer.status_code == 400, (typ, changes)
    await browser.go("/logout", id_token_hint=await ours(world, "JWT", {**claims, "aud": [party.client_id, "other"]}), client_id="other")
    assert browser.answer.status_code == 400
    assert await is_logged_in(browser)
    await browser.go("/logout", id_token_hint=await ours(world, "JWT", dict(claims)))
    assert browser.title == "Signed out"


async def ours(world: World, typ: str, claims: dict[str, Any]) -> str:
    """Sign something as this server would."""
    stored = await world.storage.look(lambda catalog: catalog.signing_keys())
    ring = Keyring(stored, SecretKey(SECRET_KEY).derive(b"signing"))
    key = ring.signing(Algorithm.ES256, world.clock.now())
    return signed(ring.pair(key), {"alg": "ES256", "typ": typ, "kid": key.kid}, claims)


async def test_form_of_a_client_leads_to_the_same_place_without_any_cookie_of_ours(party: Party, browser: Visit) -> None:
    """A form on another site shows none; the redirect that answers it does, and carries no ID token."""
    tokens, _, _ = await party.flow()
    fields = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BACK, "state": "s", "ui_locales": "zh"}
    async with party.world.client() as stranger:
        answer = await stranger.post("/logout", data=fields, headers={"Origin": EVIL, "Sec-Fetch-Site": "cross-site"})
    location = answer.headers["location"]
    assert (answer.status_code, location.startswith("/logout?request=")) == (303, True)
    assert "ui_locales=zh" in location
    assert tokens["id_token"] not in location
    gone = await browser.client.get(location)
    assert (gone.status_code, gone.headers["location"]) == (302, f"{BACK}?state=s")
    assert not await is_logged_in(browser)
    again = await browser.client.get(location)
    assert again.headers["location"] == f"{BACK}?state=s", "who is logged out already is sent back all the same"


async def test_waiting_request_is_good_for_half_an_hour_and_as_it_was(party: Party, browser: Visit) -> None:
    await party.flow()
    await browser.go("/logout", client_id=party.client_id, post_logout_redirect_uri=BACK)
    address = browser.path
    assert BACK not in address
    for changed in (address[:-1] + ("A" if address[-1] != "A" else "B"), address.replace("request=", "request=e30"), "/logout?request="):
        await browser.go(changed)
        assert browser.path == "/logout"
    party.world.clock.move(minutes=29)
    await browser.go(address)
    assert browser.path == address
    party.world.clock.move(minutes=2)
    await browser.go(address)
    assert (browser.path, browser.title) == ("/logout", "Sign out?")


@pytest.mark.security("RU-06")
async def test_address_that_is_not_registered_any_more_is_not_gone_to(party: Party, browser: Visit) -> None:
    await party.flow()
    await browser.go("/logout", client_id=party.client_id, post_logout_redirect_uri=BACK)
    address = browser.path
    await party.world.declare(f'[[clients]]\nclient_id = "{party.client_id}"\npost_logout_redirect_uris = ["{BACK}/new"]')
    await browser.go(address)
    assert browser.answer.status_code == 400
    assert await is_logged_in(browser)


async def test_nobody_logged_in_is_told_so_and_offered_the_way_back(party: Party, browser: Visit) -> None:
    await browser.go("/logout", client_id=party.client_id, post_logout_redirect_uri=BACK, state="s")
    links = [link.attributes["href"] for link in browser.page.all("a")]
    assert (browser.title, f"{BACK}?state=s" in links) == ("Signed out", True)
    assert "refresh" not in browser.answer.headers


# -- what is over is over --------------------------------------------------------------------------------------------------------------


@pytest.mark.security("RF-11")
@pytest.mark.security("LG-11")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.7")
async def test_refresh_tokens_of_the_session_end_unless_they_are_for_longer(world: World, person: str) -> None:
    async with Visit(world) as browser, Visit(world) as elsewhere:
        bound = Party(world, await client_of(world), person, browser)
        longer = Party(world, await client_of(world), person, browser)
        other = Party(world, bound.client_id, person, elsewhere)
        held = [
            (await bound.flow())[0],
            (await longer.flow(scope="openid offline_access", prompt="consent"))[0],
            (await other.flow())[0],
        ]
        await browser.go("/logout", id_token_hint=held[0]["id_token"])
        assert [await refreshed(party, tokens) for party, tokens in zip((bound, longer, other), held, strict=True)] == [False, True, True]
        assert not await world.is_alive(held[0]["access_token"])


@pytest.mark.security("LG-13")
@pytest.mark.security("LG-18")
@pytest.mark.parametrize("way", ["page", "everywhere", "list", "operator", "password", "disabled", "another"])
async def test_client_is_told_whatever_ends_the_session(world: World, person: str, hearing: Listening, way: str) -> None:
    operator: Operator = world.operator
    async with Visit(world) as browser, Visit(world) as elsewhere:
        party = Party(world, await client_of(world, f"{hearing.origin}/out"), person, browser)
        _, claims, _ = await party.flow()
        if way in {"page", "everywhere"}:
            await browser.go("/logout")
            await browser.send({"where": "here" if way == "page" else "everywhere"})
        elif way == "list":
            await elsewhere.log_in(person, PASSWORD)
            await elsewhere.go("/account")
            await elsewhere.send({"end_other_sessions": "yes"})
        elif way == "operator":
            await end_sessions(operator, person)
        elif way == "password":
            await set_password(operator, person, f"{PASSWORD}-{new_id()}")
        elif way == "disabled":
            await disable_user(operator, person)
        else:
            await browser.go("/login")
            await browser.log_in("alice")
        (told,) = await hearing.hears()
        assert f'"sid":"{claims["sid"]}"' in payload_of(told.logout_token)
        assert f'"iss":"{ISSUER}"' in payload_of(told.logout_token)


def payload_of(token: str) -> str:
    segment = token.split(".")[1]
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()


async def test_who_logs_in_again_goes_on_with_the_session_that_clients_know(world: World, person: str, hearing: Listening) -> None:
    async with Visit(world) as browser:
        party = Party(world, await client_of(world, f"{hearing.origin}/out"), person, browser)
        _, first, _ = await party.flow()
        world.clock.move(minutes=5)
        tokens, second, _ = await party.flow(prompt="login")
        assert second["auth_time"] == first["auth_time"] + 300
        assert second["sid"] == first["sid"]
        await browser.go("/logout", id_token_hint=tokens["id_token"])
        assert browser.title == "Signed out"
        (told,) = await hearing.hears()
        assert first["sid"] in payload_of(told.logout_token)


async def test_session_that_only_gets_another_id_has_not_ended(world: World, person: str, hearing: Listening) -> None:
    """Whoever changes their password stays where they are, and is told nowhere to have left; other browsers have."""
    async with Visit(world) as browser, Visit(world) as elsewhere:
        party = Party(world, await client_of(world, f"{hearing.origin}/out"), person, browser)
        other = Party(world, party.client_id, person, elsewhere)
        _, here, _ = await party.flow()
        _, there, _ = await other.flow()
        before = browser.session
        await browser.go("/account/password")
        new = f"{PASSWORD}-{new_id()}"
        await browser.send({"current_password": PASSWORD, "new_password": new, "repeated_password": new})
        assert (browser.title, browser.session != before) == ("Password changed", True)
        (told,) = await hearing.hears()
        assert there["sid"] in payload_of(told.logout_token)
        world.clock.move(seconds=1)
        tokens, again, _ = await party.flow()
        assert again["sid"] == here["sid"]
        await browser.go("/logout", id_token_hint=tokens["id_token"])
        assert here["sid"] in payload_of((await hearing.hears(2))[1].logout_token)


@pytest.mark.security("LO-01")
async def test_nothing_that_is_sent_to_log_out_is_logged(party: Party, browser: Visit, caplog: pytest.LogCaptureFixture) -> None:
    tokens, _, _ = await party.flow()
    caplog.set_level("DEBUG")
    for hint in (tokens["id_token"], tokens["id_token"][:-9] + "AAAAAAAAA"):
        await browser.go("/logout", id_token_hint=hint, state="a-secret-state", post_logout_redirect_uri=BACK)
    events = [event for event in party.world.notes.events if event.path == "/logout"]
    assert [event.status for event in events] == [302, 400]
    assert {event.grant for event in events} == {"logout"}
    assert events[0].client_id == party.client_id
    said = repr(events) + "".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    for secret in (tokens["id_token"], tokens["id_token"].split(".")[2][:20], "a-secret-state"):
        assert secret not in said
