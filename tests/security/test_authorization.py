"""The authorization endpoints over HTTP: who is asked what, what the client is told, and what nobody can make them do."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_plus, unquote

import pytest

from app.admin import disable_client
from app.core.secrets import digest
from app.ledger import Needs
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, CHALLENGE, ISSUER, VERIFIER, World
from tests.security.people import (
    DATABASES,
    EVERY_GATE,
    EVIL,
    GATES,
    PASSWORD,
    STANDARD,
    Gate,
    OpenVisit,
    Rogue,
    allowed,
    complaints,
    cookies_of,
    field_of,
    location_of,
    somebody,
    split,
    steal,
    told,
)

pytestmark = DATABASES

IMPLICIT: Final = GATES["implicit"]
STATE: Final = "a+b c&d=e%20<\">'/?#é中😀"


FRONT_CHANNEL = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")


async def refused(visit: Visit, address: str, error: str, gate: Gate = STANDARD) -> Mapping[str, str]:
    """Make a request whose error the client is told, and return all that it is told."""
    await visit.go(address)
    members = told(visit.answer)
    assert members["error"] == error, members
    assert ("#" in location_of(visit.answer)) == gate.in_fragment
    assert members.get("iss") == (ISSUER if gate.names_issuer else None)
    assert set(members) <= {"error", "error_description", "state", "iss"}
    assert complaints(visit.answer) == []
    return members


def on_a_page(visit: Visit, status: int = 400) -> None:
    """Hold what is shown to be an error page that leads nowhere."""
    assert (visit.answer.status_code, location_of(visit.answer), complaints(visit.answer)) == (status, "", [])


# -- what comes back -----------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-01")
@pytest.mark.security("AZ-07")
@pytest.mark.security("HI-01")
@pytest.mark.rfc("6749", "4.1.2")
@EVERY_GATE
async def test_the_state_comes_back_byte_for_byte(visit: Visit, person: str, gate: Gate) -> None:
    allow = await allowed(visit, gate.address(state=STATE), person)
    assert allow["state"] == STATE
    assert allow.get("iss") == (ISSUER if gate.names_issuer else None)
    assert {"code", "access_token"} & allow.keys() == ({"access_token"} if gate.in_fragment else {"code"})
    assert complaints(visit.answer) == []
    for state in (
        quote(STATE, safe=""),
        quote_plus(STATE),
        "a%2Bb",
        "%0A".replace("%0A", "%2525"),
        "~!*'()",
        "x" * 2_500,
        "中" * 1_000,
        "a=b=c",
    ):
        raw = quote(state, safe="") if not state.isascii() else state
        await visit.go(f"{gate.path}?{gate.query(state=None, response_type='bogus')}&state={raw}")
        back = location_of(visit.answer).partition("state=")[2].partition("&")[0]
        assert unquote(back.replace("+", " ")) == unquote(raw.replace("+", " "))
    for empty in ("", None):
        assert "state" not in await refused(visit, gate.address(state=empty, response_type="bogus"), "unsupported_response_type", gate)


@pytest.mark.security("HI-01")
@EVERY_GATE
async def test_no_state_splits_the_answer(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    for state in (
        b"%0d%0aSet-Cookie:a=b",
        b"x%0aLocation:https://evil.example",
        b"%e5%98%8a%e5%98%8dSet-Cookie:a=b",
        b"%00",
        b"%c2%85x",
        b"%7f",
    ):
        answer = await Rogue(visit.world).get(gate.path, gate.query(state=None).encode() + b"&state=" + state)
        assert complaints(answer) == []
        assert b"a=b" not in b" ".join(value for name, value in answer.headers if name == b"set-cookie")
        assert told(answer)["error"] == "invalid_request" if b"%98" not in state else "/login" in location_of(answer)


NOBODY: Final = (
    "nope",
    "",
    None,
    "demo-web\0",
    "' OR 1=1 --",
    "d" * 300,
    "DEMO-WEB",
    "demo-web ",
    "démo",
    "<script>",
    "demo-web,testclient",
)


@pytest.mark.security("AZ-02")
@pytest.mark.security("AZ-08")
@pytest.mark.rfc("6749", "4.1.2.1")
@EVERY_GATE
async def test_an_unknown_client_is_told_on_a_page(visit: Visit, person: str, gate: Gate) -> None:
    for logged_in in (False, True):
        if logged_in:
            await visit.log_in(person, PASSWORD)
        for number, client_id in enumerate(NOBODY):
            prompt = {"prompt": "none"} if number % 2 else {}
            for changes in (prompt, prompt | {"redirect_uri": f"{EVIL}/cb"}):
                await visit.go(gate.address(client_id=client_id, **changes))
                on_a_page(visit)
                assert EVIL not in visit.answer.text.replace(quote(EVIL, safe=""), "")


@pytest.mark.security("AZ-03")
@pytest.mark.security("RU-03")
@EVERY_GATE
async def test_no_parameter_stands_there_twice(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    for name in (*gate.fields, "state", "unknown"):
        for other in (gate.fields.get(name, "x"), "another", "", f"{EVIL}/cb"):
            for query in (f"{gate.query()}&unknown=x&{name}={quote(other)}", f"{name}={quote(other)}&{gate.query()}&unknown=x"):
                await visit.go(f"{gate.path}?{query}")
                if name in {"client_id", "redirect_uri"}:
                    on_a_page(visit)
                else:
                    assert told(visit.answer)["error"] == "invalid_request", query
                    assert not location_of(visit.answer).startswith(EVIL)


@pytest.mark.security("AZ-04")
@pytest.mark.security("AZ-05")
@pytest.mark.security("AZ-06")
@EVERY_GATE
async def test_only_the_response_type_of_the_door_is_served(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    for absent in (None, ""):
        assert (await refused(visit, gate.address(response_type=absent), "invalid_request", gate))["state"] == "s"
    other = "code" if gate.in_fragment else "token"
    for bogus in (
        other,
        "bogus",
        "CODE",
        "Token",
        "code bogus",
        *(FRONT_CHANNEL if gate is not STANDARD else ()),
        "none",
        "code\0",
        "code ",
        " ",
        "code,token",
    ):
        await refused(visit, gate.address(response_type=bogus), "unsupported_response_type", gate)


@pytest.mark.security("AZ-06")
@pytest.mark.security("VN-01")
@pytest.mark.parametrize("profile", ["oauth21", "oidc", "legacy"])
async def test_nobody_gets_tokens_by_the_browser_who_has_not_registered_for_it(visit: Visit, person: str, profile: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.world.declare(
        f'[[clients]]\nclient_id = "back-{profile}"\nclient_secret = "s"\nprofile = "{profile}"\nscope = "openid"\n'
        'redirect_uris = ["http://127.0.0.1:9401/cb"]\n'
    )
    for response_type in FRONT_CHANNEL:
        for mode in (None, "fragment", "form_post"):
            changes = {"client_id": f"back-{profile}", "scope": "openid", "nonce": "n", "response_mode": mode}
            await visit.go(STANDARD.address(response_type=response_type, **changes))
            assert complaints(visit.answer) == []
            if mode == "form_post":
                fields = {one.attributes["name"]: one.attributes["value"] for one in visit.page.all("input")}
            else:
                fields = dict(told(visit.answer))
            assert fields.keys() == {"error", "error_description", "state", "iss"}
            assert (fields["error"], fields["state"]) == ("unauthorized_client", "s")


@pytest.mark.security("AZ-06")
@pytest.mark.security("VN-01")
async def test_a_response_type_that_the_client_is_not_registered_for_is_refused(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    machine = await visit.world.send("GET", "/authorize?" + STANDARD.query(client_id="demo-service"))
    assert machine.status_code == 400, "no redirect URI is registered"
    await visit.world.declare(
        "".join(
            f'[[clients]]\nclient_id = "one-way-{grant}"\nclient_secret = "s"\ndialect = "open_platform"\ngrant_types = ["{grant}"]\n'
            'redirect_uris = ["http://127.0.0.1:9401/cb"]\n'
            for grant in ("authorization_code", "implicit", "password")
        )
    )
    for grant, gate in (
        ("implicit", GATES["platform"]),
        ("password", GATES["platform"]),
        ("authorization_code", IMPLICIT),
        ("password", IMPLICIT),
    ):
        await refused(visit, gate.address(client_id=f"one-way-{grant}", scope=None), "unauthorized_client", gate)


@pytest.mark.security("VN-01")
@EVERY_GATE
async def test_a_client_of_another_door_is_told_on_a_page(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    strangers = {other.fields["client_id"] for other in GATES.values() if other.path != gate.path} | {"hex-demo", "demo-spa", "fantem-demo"}
    mine = {other.fields["client_id"] for other in GATES.values() if other.path == gate.path}
    for client_id in strangers - mine - {"demo-spa" if gate is STANDARD else "", "fantem-demo" if gate.path == "/oauth/authorize" else ""}:
        if client_id != gate.fields["client_id"]:
            await visit.go(gate.address(client_id=client_id))
            on_a_page(visit)
            assert "unauthorized_client" in visit.answer.text


@pytest.mark.security("AZ-02")
async def test_a_client_that_is_disabled_is_known_no_more(visit: Visit, person: str) -> None:
    await visit.world.declare('[[clients]]\nclient_id = "going"\nclient_secret = "s"\nredirect_uris = ["http://127.0.0.1:9401/cb"]')
    await visit.go(STANDARD.address(client_id="going", scope=None))
    await visit.log_in(person, PASSWORD)
    assert visit.path.startswith("/consent")
    await disable_client(visit.world.operator, "going")
    await visit.send({"decision": "approve"})
    on_a_page(visit)
    await visit.go(STANDARD.address(client_id="going", scope=None))
    on_a_page(visit)


# -- what the person is asked ----------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-08")
@pytest.mark.security("AZ-09")
async def test_prompt_none_shows_no_page(visit: Visit, person: str) -> None:
    silent = STANDARD.address(prompt="none")
    assert (await refused(visit, silent, "login_required"))["state"] == "s"
    await visit.go(STANDARD.address(prompt="none", redirect_uri=f"{EVIL}/cb"))
    on_a_page(visit)
    await visit.log_in(person, PASSWORD)
    await refused(visit, silent, "consent_required")
    for prompts in ("none login", "login none", "none none consent", "none select_account"):
        await refused(visit, STANDARD.address(prompt=prompts), "invalid_request")
    await allowed(visit, STANDARD.address(), person)
    await visit.go(silent)
    assert "code" in told(visit.answer)
    visit.world.clock.move(seconds=1)
    await refused(visit, STANDARD.address(prompt="none", max_age="0"), "login_required")
    await refused(visit, STANDARD.address(prompt="none", scope="orders items"), "consent_required")


@pytest.mark.security("AZ-14")
async def test_a_login_that_is_too_old_is_done_again(visit: Visit, person: str) -> None:
    await allowed(visit, STANDARD.address(), person)
    session = visit.session
    for again in ({"max_age": "1"}, {"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}):
        visit.world.clock.move(seconds=3)
        await visit.go(STANDARD.address(**again))
        assert visit.path.startswith("/login?request="), again
        waiting = visit.path
        await visit.go("/login")
        visit.world.clock.move(seconds=3)
        await visit.go(waiting)
        assert visit.title == "Sign in", "a login before the request is none"
        await visit.log_in(person, PASSWORD)
        assert "code" in told(visit.answer)
        assert visit.session != session
    await visit.go(STANDARD.address(max_age="3600"))
    assert "code" in told(visit.answer)


@pytest.mark.security("AZ-14")
async def test_a_login_of_another_request_does_not_meet_this_one(visit: Visit, person: str) -> None:
    """A token of a request that waited must not make an old login a fresh one."""
    await visit.go(STANDARD.address(prompt="login"))
    first = visit.path.removeprefix("/login?request=")
    await visit.log_in(person, PASSWORD)
    assert visit.path.startswith("/consent")
    visit.world.clock.move(minutes=2)
    await visit.go(STANDARD.address(prompt="login"))
    assert visit.title == "Sign in"
    await visit.go(f"/authorize?continue={first}")
    assert visit.path == f"/consent?request={first}", "the first request was met by the first login, and is still asked about"
    visit.world.clock.move(minutes=28)
    await visit.go(f"/authorize?continue={first}")
    on_a_page(visit)


@pytest.mark.security("AZ-17")
async def test_the_consent_says_what_it_is_about_and_is_asked_again_for_more(visit: Visit, person: str) -> None:
    await visit.go(STANDARD.address())
    await visit.log_in(person, PASSWORD)
    text = visit.page.one("main").text
    for words in ("demo-web", person, "See your orders", "127.0.0.1", "365 days, or until you revoke it", "told only that you refused"):
        assert words in text, words
    assert "See your items" not in text
    await visit.send({"decision": "approve"})
    await visit.go(STANDARD.address())
    assert "code" in told(visit.answer), "once is enough"
    await visit.go(STANDARD.address(scope="orders items"))
    assert visit.path.startswith("/consent")
    (new, known) = [" ".join(part.text.split()) for part in visit.page.all("ul") if part.attributes.get("class") == "scopes"]
    assert (new, known) == ("See your items", "See your orders")
    await visit.send({"decision": "refuse"})
    assert told(visit.answer)["error"] == "access_denied"
    await visit.go(STANDARD.address(scope="orders items"))
    assert visit.path.startswith("/consent"), "a refusal is not remembered as a consent"
    await visit.go(STANDARD.address(prompt="consent"))
    assert visit.path.startswith("/consent")


@pytest.mark.security("AZ-17")
async def test_who_anybody_can_pretend_to_be_is_asked_about_each_time(visit: Visit, person: str) -> None:
    public = STANDARD.address(client_id="demo-spa", scope=None)
    for _ in range(2):
        assert "code" in await allowed(visit, public, person)
        await visit.go(public)
        assert visit.path.startswith("/consent")
    for _ in range(2):
        assert "access_token" in await allowed(visit, IMPLICIT.address(), person)
        await visit.go(IMPLICIT.address())
        assert visit.path.startswith("/consent")


@pytest.mark.security("AZ-17")
async def test_what_one_person_allowed_is_not_allowed_by_another(visits: OpenVisit, person: str, world: World) -> None:
    other, visit, strange = await somebody(world), await visits(), await visits()
    assert "code" in await allowed(visit, STANDARD.address(), person)
    await strange.go(STANDARD.address())
    await strange.log_in(other, PASSWORD)
    assert strange.path.startswith("/consent")
    await visit.go(STANDARD.address(client_id="demo-web-other", scope=None))
    assert visit.path.startswith("/consent"), "nor is it allowed to another app"


# -- what nobody can change ------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-18")
@pytest.mark.security("AZ-06")
@EVERY_GATE
async def test_nothing_beside_the_signed_request_counts(visit: Visit, person: str, gate: Gate) -> None:
    """Neither in the address of a step nor in its form can a parameter of the request be said anew."""
    await visit.go(gate.address())
    token = visit.path.removeprefix("/login?request=")
    evil = {"redirect_uri": f"{EVIL}/cb", "scope": "orders items", "client_id": "demo-web-other", "response_type": "token", "state": "evil"}
    extra = "&".join(f"{name}={quote(value, safe='')}" for name, value in evil.items())
    await visit.go(f"/login?request={token}&{extra}")
    await visit.send({"username": person, "password": PASSWORD, **evil})
    assert visit.path == f"/consent?request={token}"
    await visit.go(f"{gate.path}?continue={token}&{extra}")
    assert visit.path == f"/consent?request={token}"
    await visit.go(f"/consent?request={token}&{extra}")
    assert "items" not in visit.page.one("main").text
    await visit.send({"decision": "approve", **evil})
    members = told(visit.answer)
    assert members["state"] == "s"
    assert {"code", "access_token"} & members.keys() == ({"access_token"} if gate.in_fragment else {"code"})
    value = members.get("code") or members["access_token"]
    needs = Needs(code_hash=digest(value)) if "code" in members else Needs(token_hash=digest(value))
    facts = await visit.world.storage.load(needs)
    held = facts.code or facts.token
    assert held is not None
    assert (held.grant.client_id, held.grant.scope) == (gate.fields["client_id"], gate.fields.get("scope", ""))


@pytest.mark.security("AZ-18")
@EVERY_GATE
async def test_a_signed_request_opens_at_its_own_door_alone(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go(gate.address())
    token = visit.path.removeprefix("/consent?request=")
    for other in GATES.values():
        if other.path != gate.path:
            await visit.go(f"{other.path}?continue={token}")
            on_a_page(visit)
    answer = await Rogue(visit.world, cookies_of(visit)).post(gate.path, f"continue={token}")
    assert answer.status == (400 if gate is STANDARD else 405), "a form is no way to go on"


@pytest.mark.security("AZ-18")
@pytest.mark.security("LG-05")
async def test_a_consent_counts_for_what_it_showed_alone(visits: OpenVisit, visit: Visit, person: str) -> None:
    await visit.go(STANDARD.address())
    await visit.log_in(person, PASSWORD)
    narrow, shown = field_of(visit, "csrf"), visit.path
    pages = {
        "more scopes": STANDARD.address(scope="orders items"),
        "another app": STANDARD.address(client_id="demo-web-other", scope=None),
        "another address": STANDARD.address(redirect_uri="https://web.example.com/cb"),
        "another door": GATES["platform"].address(),
        "a token": IMPLICIT.address(),
    }
    for what, address in pages.items():
        await visit.go(address)
        assert visit.path.startswith("/consent"), what
        await visit.send({"decision": "approve", "csrf": narrow})
        assert (visit.answer.status_code, "open for too long" in visit.problem) == (400, True), what
        assert complaints(visit.answer) == []
    for decision in ("", "yes", "APPROVE", "approve "):
        await visit.go(shown)
        await visit.send({"decision": decision})
        assert visit.answer.status_code == 400
    thief = await visits()
    steal(thief, visit)
    other = await somebody(visit.world)
    await thief.go("/login?switch=yes")
    await thief.send({"username": other, "password": PASSWORD})
    await thief.go(shown)
    await thief.send({"decision": "approve", "csrf": narrow})
    assert thief.answer.status_code == 400, "the page was another person's"


@pytest.mark.security("AZ-18")
@pytest.mark.security("RU-07")
@pytest.mark.security("LG-06")
async def test_no_redirect_repeats_a_form(visit: Visit, person: str) -> None:
    """RFC 9700 §4.12: a 307 would send the password on to the client."""
    rogue = Rogue(visit.world)
    for gate in GATES.values():
        assert (await rogue.get(gate.path, gate.query())).status == 302
    posted = await rogue.post("/authorize", STANDARD.query())
    assert posted.status == 303
    await visit.go(STANDARD.address())
    path, query = split(visit.path)
    rogue.cookies = cookies_of(visit)
    entered = await rogue.post(path, {"csrf": field_of(visit, "csrf"), "username": person, "password": PASSWORD}, query=query)
    assert (entered.status, location_of(entered)) == (303, f"/authorize?continue={query.removeprefix('request=')}")
    await visit.log_in(person, PASSWORD)
    path, query = split(visit.path)
    rogue.cookies = cookies_of(visit)
    for decision in ("approve", "refuse"):
        decided = await rogue.post(path, {"csrf": field_of(visit, "csrf"), "decision": decision}, query=query)
        assert (decided.status, decided.body) == (303, b"")
        assert location_of(decided).startswith(CALLBACK)


# -- what is never done ----------------------------------------------------------------------------------------------------------------


@pytest.mark.security("AZ-10")
@pytest.mark.security("AZ-11")
@EVERY_GATE
async def test_no_request_object_is_read_or_fetched(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    forged = "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS9jYiIsInNjb3BlIjoib3JkZXJzIGl0ZW1zIn0."
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.setblocking(False)  # noqa: FBT003 (the standard library's signature)
        port = canary.getsockname()[1]
        for address in (
            f"http://127.0.0.1:{port}/x",
            f"http://localhost:{port}",
            f"http://[::1]:{port}",
            "file:///etc/passwd",
            "urn:ietf:params:oauth:request_uri:x",
        ):
            await refused(visit, gate.address(request_uri=address), "request_uri_not_supported", gate)
        for value in (forged, "x", "a.b.c", "{}"):
            assert (await refused(visit, gate.address(request=value), "request_not_supported", gate))["state"] == "s"
        await visit.go(gate.address(request=forged, redirect_uri=f"{EVIL}/cb"))
        on_a_page(visit)
        await asyncio.sleep(0.02)
        with pytest.raises(BlockingIOError):
            canary.accept()


@pytest.mark.security("AZ-16")
@pytest.mark.security("VN-02")
@EVERY_GATE
async def test_an_answer_travels_in_the_one_way_that_the_door_has(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    mode = "fragment" if gate.in_fragment else "query"
    others = set() if gate is STANDARD else {"query", "fragment", "form_post"} - {mode}
    for other in others | {"web_message", "query.jwt", "QUERY", "bogus"}:
        await refused(visit, gate.address(response_mode=other), "invalid_request", gate)
    await visit.go(gate.address(response_mode=mode))
    assert visit.path.startswith("/consent")


@pytest.mark.security("AZ-16")
async def test_an_app_that_no_form_can_reach_is_told_on_a_page(visit: Visit) -> None:
    await visit.world.declare(
        '[[clients]]\nclient_id = "native"\ntoken_endpoint_auth_method = "none"\nredirect_uris = ["com.example.app:/cb", "http://127.0.0.1:9401/cb"]'
    )
    for uri in ("com.example.app:/cb", "javascript:alert(1)", "data:text/html,x"):
        await visit.go(STANDARD.address(client_id="native", scope=None, redirect_uri=uri, response_mode="form_post"))
        on_a_page(visit)


@pytest.mark.security("VN-02")
async def test_the_implicit_answer_is_a_short_token_in_the_fragment_and_nothing_more(visit: Visit, person: str) -> None:
    members = await allowed(visit, IMPLICIT.address(), person)
    assert list(members) == ["access_token", "token_type", "expires_in", "scope", "state"]
    assert (members["token_type"], members["scope"], members["state"]) == ("Bearer", "orders", "s")
    assert int(members["expires_in"]) <= 3600
    assert "?" not in location_of(visit.answer)
    assert (visit.answer.headers["cache-control"], visit.answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert (await visit.world.introspect(members["access_token"], "platform-demo"))["active"]
    assert (await visit.world.introspect(members["access_token"], "platform-other")) == {"active": False}


@pytest.mark.security("AZ-13")
@pytest.mark.security("TK-03")
async def test_the_standard_endpoint_takes_a_form_and_no_mixture(visit: Visit) -> None:
    rogue = Rogue(visit.world)
    assert location_of(await rogue.post("/authorize", STANDARD.query())).startswith("/login?request=")
    for query, body in (
        (STANDARD.query(), ""),
        (STANDARD.query(), STANDARD.query()),
        ("state=x", STANDARD.query()),
        ("x", STANDARD.query(redirect_uri=None)),
    ):
        answer = await rogue.post("/authorize", body, query=query)
        assert (answer.status, location_of(answer), complaints(answer)) == (400, "", [])
    mixed = await rogue.post("/authorize", STANDARD.query(scope=None), query="scope=items")
    assert mixed.status == 400
    for kind in ("application/json", "multipart/form-data; boundary=B", "text/plain", ""):
        answer = await rogue.post("/authorize", STANDARD.query(), ("content-type", kind))
        assert (answer.status, location_of(answer), complaints(answer)) == (415, "", [])
    got = await rogue.get("/authorize", "", ("content-type", "application/x-www-form-urlencoded"))
    assert got.status == 400
    for gate in GATES.values():
        if gate is not STANDARD:
            answer = await rogue.post(gate.path, gate.query())
            assert (answer.status, answer.header("allow"), complaints(answer)) == (405, "GET", [])


@pytest.mark.security("IN-10")
@EVERY_GATE
async def test_what_is_encoded_twice_is_decoded_once(visit: Visit, gate: Gate) -> None:
    query = gate.query(redirect_uri=None) + "&%2572edirect_uri=" + quote(f"{EVIL}/cb", safe="")
    await visit.go(f"{gate.path}?{query}")
    assert visit.answer.status_code == 400 or visit.path.startswith("/login?"), "a name that nobody knows"
    await visit.go(gate.address(redirect_uri=quote(CALLBACK, safe="")))
    on_a_page(visit)
    await visit.go(gate.address(client_id=quote(gate.fields["client_id"].replace("-", "%2d"))))
    if "-" in gate.fields["client_id"]:
        on_a_page(visit)


ODD: Final = (
    b"%00",
    b"%ff%fe",
    b"%ed%a0%80",
    b"%C0%AF",
    b"%f4%90%80%80",
    b"%80",
    b"\xff",
    b"%0a",
    b"%c2%80",
    b"%7f",
    b"%ef%bf%bf",
    b"%F0%9F%98%80",
)
KNOWN: Final = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "prompt", "max_age"),
    *("login_hint", "ui_locales", "display", "response_mode", "request", "nonce"),
)


@pytest.mark.security("IN-01")
@EVERY_GATE
async def test_no_odd_byte_in_any_parameter_is_a_fault_of_ours(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    rogue = Rogue(visit.world, cookies_of(visit))
    for name in KNOWN:
        rest = gate.query(**{name: None}).encode()
        for number, odd in enumerate(ODD):
            value = odd if number % 2 else gate.fields.get(name, "x").encode() + odd
            answer = await rogue.get(gate.path, rest + b"&" + name.encode() + b"=" + value)
            assert complaints(answer) == [], (name, value)
            assert "code=" not in location_of(answer)
            if name in {"client_id", "redirect_uri"}:
                assert (answer.status, location_of(answer)) == (400, ""), (name, value)


# -- PKCE ------------------------------------------------------------------------------------------------------------------------------

BAD_METHODS: Final = ("", "plain", "S512", "s256", "S256 ", "S256\n", "none")
BAD_VALUES: Final = ("", "x", CHALLENGE[:-1], "a" * 129, CHALLENGE[:-1] + "!", CHALLENGE + "\n", CHALLENGE + "=", CHALLENGE + " ")
Changes = dict[str, str | None]
NO_CHALLENGE: Final[Changes] = {"code_challenge": None, "code_challenge_method": None}
NO_VALUES: Final[Changes] = {"code_challenge": "", "code_challenge_method": ""}
BAD_CHALLENGES: list[Changes] = [{"code_challenge": None}, {"code_challenge_method": None}]
BAD_CHALLENGES += [{"code_challenge_method": method} for method in BAD_METHODS]
BAD_CHALLENGES += [{"code_challenge": value} for value in BAD_VALUES]


@pytest.mark.security("PK-02")
@pytest.mark.security("PK-03")
@pytest.mark.security("PK-04")
@pytest.mark.security("PK-07")
@pytest.mark.rfc("7636", "4.4.1")
@pytest.mark.parametrize("client_id", ["demo-web", "demo-spa"])
async def test_no_standard_client_gets_a_code_without_pkce(visit: Visit, person: str, client_id: str) -> None:
    await visit.log_in(person, PASSWORD)
    for changes in [NO_CHALLENGE, NO_VALUES, *BAD_CHALLENGES]:
        assert "code" not in await refused(visit, STANDARD.address(client_id=client_id, scope=None, **changes), "invalid_request")
    assert "code" in await allowed(visit, STANDARD.address(client_id=client_id, scope=None), person)


@pytest.mark.security("PK-04")
@pytest.mark.security("PK-02")
async def test_a_legacy_client_may_leave_pkce_out_and_not_do_it_badly(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    for changes in BAD_CHALLENGES:
        await refused(visit, STANDARD.address(client_id="demo-legacy", scope=None, **changes), "invalid_request")
    plain = STANDARD.address(client_id="demo-legacy", scope=None, **NO_CHALLENGE)
    code = (await allowed(visit, plain, person))["code"]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    downgraded = await visit.world.post("/token", {**fields, "code_verifier": VERIFIER}, basic="demo-legacy")
    assert (downgraded.status_code, downgraded.json()["error"]) in {(400, "invalid_grant"), (400, "invalid_request")}


@pytest.mark.security("PK-05")
@pytest.mark.security("PK-06")
@pytest.mark.security("CD-03")
@pytest.mark.security("CD-04")
async def test_a_code_of_the_page_is_bound_to_all_that_the_request_said(visit: Visit, person: str) -> None:
    code = (await allowed(visit, STANDARD.address(), person))["code"]
    right = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    wrong: list[tuple[dict[str, str], str]] = [
        ({"code_verifier": value}, "demo-web") for value in ("", CHALLENGE, VERIFIER[:-1], VERIFIER + "a", "a" * 129, VERIFIER.lower())
    ]
    wrong += [({"redirect_uri": value}, "demo-web") for value in ("", "https://web.example.com/cb", CALLBACK + "/", CALLBACK.upper())]
    wrong += [({}, "demo-web-other"), ({"code": code + "x"}, "demo-web"), ({"code": code[:-1]}, "demo-web")]
    for changes, client_id in wrong:
        answer = await visit.world.post("/token", {**right, **changes}, basic=client_id)
        assert (answer.status_code, answer.json()["error"]) in {(400, "invalid_grant"), (400, "invalid_request")}, changes
    first = await visit.world.post("/token", right, basic="demo-web")
    assert first.status_code == 200, "no stranger's attempt burns a code"
    again = await visit.world.post("/token", right, basic="demo-web")
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not await visit.world.is_alive(first.json()["access_token"])
