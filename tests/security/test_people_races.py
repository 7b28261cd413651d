"""What happens when somebody, or somebody else, does two things at once at the pages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from app.admin import disable_user, end_sessions, set_password
from app.core.secrets import digest
from app.ledger import Needs
from app.models import Grant
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, VERIFIER, World
from tests.security.doors import Answer
from tests.security.people import (
    DATABASES,
    GATES,
    PASSWORD,
    SESSION,
    STANDARD,
    Gate,
    OpenVisit,
    Rogue,
    allowed,
    complaints,
    cookies_of,
    field_of,
    location_of,
    split,
    told,
    user_of,
)
from tests.security.test_races import Held

pytestmark = DATABASES

NEW = "another-password-of-theirs"
AT_ONCE = 8
LASTING = f"""
[[clients]]
client_id = "lasting"
token_endpoint_auth_method = "none"
redirect_uris = ["{CALLBACK}"]
scope = "openid"
"""


@pytest.fixture
async def held(world: World) -> AsyncIterator[Held]:
    real = world.storage._real
    held = Held(real)
    world.storage._real = held
    yield held
    held.release.set()
    world.storage._real = real


async def consent(visit: Visit, gate: Gate, person: str) -> Callable[..., Awaitable[Answer]]:
    """Come to the consent page, and return what sends its form."""
    await visit.go(gate.address())
    if visit.path.startswith("/login"):
        await visit.log_in(person, PASSWORD)
    rogue, (path, query), csrf = Rogue(visit.world, cookies_of(visit)), split(visit.path), field_of(visit, "csrf")

    async def send(decision: str = "approve") -> Answer:
        return await rogue.post(path, {"csrf": csrf, "decision": decision}, query=query)

    return send


@pytest.mark.security("AZ-18")
@pytest.mark.security("LG-15")
@pytest.mark.parametrize("gate", [STANDARD, GATES["implicit"], GATES["youzan"]], ids=lambda gate: gate.name)
async def test_a_consent_that_is_sent_many_times_at_once_gives_what_was_asked_and_no_more(visit: Visit, person: str, gate: Gate) -> None:
    send = await consent(visit, gate, person)
    answers = await asyncio.gather(*(send("refuse" if number % 4 == 3 else "approve") for number in range(AT_ONCE)))
    assert [complaints(answer) for answer in answers] == [[]] * AT_ONCE
    members = [told(answer) for answer in answers]
    assert [member.get("error") for member in members] == ([None] * 3 + ["access_denied"]) * 2
    user = await user_of(visit.world, person)
    values = {member.get("code") or member.get("access_token") or "" for member in members if "error" not in member}
    assert len(values) == 6
    for value in values:
        needs = Needs(token_hash=digest(value)) if gate.in_fragment else Needs(code_hash=digest(value))
        facts = await visit.world.storage.load(needs)
        found = facts.code or facts.token
        assert found is not None
        assert (found.grant.user_id, found.grant.client_id, found.grant.scope) == (user.id, gate.fields["client_id"], "orders")
    consents = await visit.world.storage.look(lambda catalog: catalog.consents_of(user.id))
    assert [(one.client_id, one.scope) for one in consents] == ([] if gate.in_fragment else [(gate.fields["client_id"], "orders")])


@pytest.mark.security("LG-09")
async def test_many_logins_of_one_browser_at_once_are_as_many_sessions(visit: Visit, person: str) -> None:
    await visit.go("/login")
    rogue, csrf = Rogue(visit.world, cookies_of(visit)), field_of(visit, "csrf")
    fields = {"csrf": csrf, "username": person, "password": PASSWORD}
    answers = await asyncio.gather(*(rogue.post("/login", fields) for _ in range(AT_ONCE)))
    assert {(answer.status, location_of(answer)) for answer in answers} == {(303, "/account")}
    given = {text for answer in answers for name, text in answer.headers if name == b"set-cookie" and text.startswith(SESSION.encode())}
    assert len(given) == AT_ONCE
    user = await user_of(visit.world, person)
    assert len(await visit.world.storage.look(lambda catalog: catalog.sessions_of(user.id))) == AT_ONCE


@pytest.mark.security("LG-13")
async def test_of_two_new_passwords_at_once_one_is_set(visits: OpenVisit, visit: Visit, person: str) -> None:
    browsers = [visit, *[await visits() for _ in range(3)]]
    forms = []
    for number, browser in enumerate(browsers):
        await browser.log_in(person, PASSWORD)
        await browser.go("/account/password")
        fields = {"csrf": field_of(browser, "csrf"), "current_password": PASSWORD, "new_password": f"{NEW}-{number}"}
        forms.append((Rogue(visit.world, cookies_of(browser)), {**fields, "repeated_password": fields["new_password"]}))
    answers = await asyncio.gather(*(rogue.post("/account/password", fields) for rogue, fields in forms))
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 302, 303, 400, 401}
    user = await user_of(visit.world, person)
    assert len(await visit.world.storage.look(lambda catalog: catalog.sessions_of(user.id))) == 1, "of the one who set it"
    fresh = await visits()
    await fresh.log_in(person, f"{NEW}-{statuses.index(200)}")
    assert fresh.path == "/account"


@pytest.mark.security("RF-11")
@pytest.mark.security("CD-10")
@pytest.mark.security("LG-13")
@pytest.mark.parametrize("gate", [STANDARD, GATES["implicit"]], ids=lambda gate: gate.name)
@pytest.mark.parametrize("way", ["password", "disabled"])
async def test_what_is_issued_while_the_person_is_locked_out_is_of_no_use(
    visit: Visit, person: str, held: Held, gate: Gate, way: str
) -> None:
    world = visit.world
    send = await consent(visit, gate, person)
    held.holds = True
    task = asyncio.ensure_future(send())
    await asyncio.wait_for(held.arrived.wait(), 5)
    if way == "password":
        await set_password(world.operator, person, NEW)
    else:
        await disable_user(world.operator, person)
    held.release.set()
    members = told(await task)
    if gate.in_fragment:
        assert not await world.is_alive(members["access_token"])
        return
    fields = {"grant_type": "authorization_code", "code": members["code"], "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await world.post("/token", fields, basic="demo-web")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.security("RF-11")
async def test_nothing_is_granted_in_a_session_that_ends_meanwhile(visits: OpenVisit, visit: Visit, person: str, held: Held) -> None:
    """The session ends after it was looked at, and before what is granted in it is written: too late to end that as well."""
    world = visit.world
    await world.declare_once(LASTING)
    request = {**STANDARD.fields, "client_id": "lasting", "scope": "openid"}
    send = await consent(visit, replace(STANDARD, fields=request), person)
    held.holds = True
    task = asyncio.ensure_future(send())
    await asyncio.wait_for(held.arrived.wait(), 5)
    await end_sessions(world.operator, person)
    held.release.set()
    answer = await task
    assert location_of(answer).startswith("/login"), "nobody is signed in any more"
    user = await user_of(world, person)
    grants = await world.storage.transact(lambda catalog: catalog._rows.find(Grant, user_id=user.id))
    assert len(grants) == 1
    assert grants[0].sid is not None
    assert grants[0].revoked_at is not None


@pytest.mark.security("LG-11")
async def test_whatever_one_browser_does_at_once_is_no_fault_of_ours(visit: Visit, person: str) -> None:
    send = await consent(visit, STANDARD, person)
    rogue = Rogue(visit.world, cookies_of(visit))
    csrf = {path: field_of(await visit.go(path), "csrf") for path in ("/account", "/account/password", "/logout", "/login?switch=yes")}
    new = {"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW}

    def storm() -> list[Awaitable[Answer]]:
        return [
            send(),
            send("refuse"),
            rogue.get("/authorize", STANDARD.query()),
            rogue.get("/authorize", STANDARD.query(prompt="none")),
            rogue.post("/account", {"csrf": csrf["/account"], "revoke_all": "yes"}),
            rogue.post("/account", {"csrf": csrf["/account"], "end_other_sessions": "yes"}),
            rogue.post("/login", {"csrf": csrf["/login?switch=yes"], "username": person, "password": PASSWORD}),
            rogue.post("/account/password", {"csrf": csrf["/account/password"], **new}),
            rogue.get("/account"),
            rogue.get("/account/second-factor"),
            rogue.post("/logout", {"csrf": csrf["/logout"], "where": "everywhere"}),
            rogue.get("/account/passkeys"),
        ]

    for _ in range(2):
        for answer in await asyncio.gather(*storm()):
            assert complaints(answer) == []
            assert answer.status < 500
    assert location_of(await rogue.get("/account")) == "/login", "the logout counts, whatever came at the same time"


@pytest.mark.security("AZ-19")
@pytest.mark.security("RF-11")
async def test_an_app_that_is_revoked_has_nothing_left(visits: OpenVisit, visit: Visit, person: str) -> None:
    """Not its tokens, not a code that it has not used, not the consent."""
    world = visit.world
    used, unused = [(await allowed(visit, STANDARD.address(), person))["code"] for _ in range(2)]
    implicit = (await allowed(visit, GATES["implicit"].address(), person))["access_token"]
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    tokens = (await world.post("/token", {**fields, "code": used}, basic="demo-web")).json()
    thief = await visits()
    await thief.log_in("alice")
    await thief.go("/account")
    for app in ("demo-web", "platform-demo"):
        await Rogue(world, cookies_of(thief)).post("/account", {"csrf": field_of(thief, "csrf"), "revoke": app})
    assert await world.is_alive(tokens["access_token"]), "nobody revokes what another one granted"
    await visit.go("/account")
    await visit.send({"revoke": "demo-web"})
    assert "demo-web" not in visit.page.one("main").text
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert not await world.is_alive(token)
    assert await world.is_alive(implicit)
    late = await world.post("/token", {**fields, "code": unused}, basic="demo-web")
    again = await world.post("/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, basic="demo-web")
    assert [(answer.status_code, answer.json()["error"]) for answer in (late, again)] == [(400, "invalid_grant")] * 2
    await visit.go(STANDARD.address(prompt="none"))
    assert told(visit.answer)["error"] == "consent_required"


@pytest.mark.security("RF-11")
@pytest.mark.security("LG-11")
@pytest.mark.parametrize("where", ["everywhere", "here"])
async def test_who_signs_out_everywhere_takes_along_what_apps_hold(visits: OpenVisit, visit: Visit, person: str, where: str) -> None:
    world, other = visit.world, await visits()
    used, unused = [(await allowed(visit, STANDARD.address(), person))["code"] for _ in range(2)]
    implicit = (await allowed(visit, GATES["implicit"].address(), person))["access_token"]
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    tokens = (await world.post("/token", {**fields, "code": used}, basic="demo-web")).json()
    await other.log_in(person, PASSWORD)
    await other.go("/logout")
    await other.send({"where": where})
    lives = where == "here"
    held = [await world.is_alive(token) for token in (tokens["access_token"], tokens["refresh_token"], implicit)]
    assert held == [lives] * 3
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = [await world.post("/token", one, basic="demo-web") for one in ({**fields, "code": unused}, refresh)]
    assert [answer.status_code for answer in answers] == [200 if lives else 400] * 2
    assert (await visit.go("/account")).path == ("/account" if lives else "/login")
