"""What is noted of people: who logged in or could not, from where and when, what they let in, and what they changed."""

import pytest

from app.admin import reset_password
from tests.fixtures.visits import Visit
from tests.fixtures.world import ISSUER
from tests.people.test_second_factor import set_up
from tests.security.people import DATABASES, PASSWORD, STANDARD, OpenVisit, Rogue, cookies_of, field_of, user_of

pytestmark = DATABASES

NEW = "another-password-of-theirs"


@pytest.mark.security("LO-04")
async def test_every_step_of_a_person_is_noted_with_who_and_where_and_when(visits: OpenVisit, visit: Visit, person: str) -> None:
    world = visit.world
    user = await user_of(world, person)

    def last() -> tuple[str | None, ...]:
        event = next(event for event in reversed(world.notes.events) if event.grant is not None or event.cause is not None)
        assert (event.address, event.at, bool(event.request_id)) == (world.address, world.clock.now(), True)
        return event.method, event.path, str(event.status), event.grant, event.client_id, event.user_id, event.cause

    def noted() -> list[tuple[object, ...]]:
        return [(event.method, event.path, event.status, event.grant, event.user_id) for event in world.notes.events]

    await visit.go("/login")
    await visit.send({"username": person, "password": "wrong"})
    assert last() == ("POST", "/login", "401", "login", None, user.id, "login_wrong")
    await visit.send({"username": "nobody", "password": "wrong"})
    assert last() == ("POST", "/login", "401", "login", None, None, "login_wrong")
    await visit.send({"username": person, "password": PASSWORD, "csrf": "x"})
    assert last() == ("POST", "/login", "400", "login", None, None, "login_expired")
    await visit.log_in(person, PASSWORD)
    assert ("POST", "/login", 303, "login", user.id) in [
        (event.method, event.path, event.status, event.grant, event.user_id) for event in world.notes.events
    ]
    await visit.go(STANDARD.address())
    await visit.send({"decision": "refuse"})
    assert last() == ("POST", "/consent", "303", "authorization_code", "demo-web", user.id, "access_denied")
    await visit.go(STANDARD.address())
    await visit.send({"decision": "approve"})
    assert last() == ("POST", "/consent", "303", "authorization_code", "demo-web", user.id, None)
    await visit.go(STANDARD.address(redirect_uri="https://evil.example"))
    assert last() == ("GET", "/authorize", "400", "authorization_code", "demo-web", None, "unregistered_redirect_uri")
    await visit.go("/account")
    await visit.send({"revoke": "demo-web"})
    assert ("POST", "/account", 303, "account_revoke", user.id) in noted()
    await visit.go("/account/password")
    await visit.send({"current_password": "wrong", "new_password": NEW, "repeated_password": NEW})
    assert last() == ("POST", "/account/password", "401", "password_change", None, user.id, "password_wrong")
    await visit.send({"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW})
    assert last() == ("POST", "/account/password", "200", "password_change", None, user.id, None)
    await visit.go((await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER))
    await visit.send({"new_password": PASSWORD, "repeated_password": PASSWORD})
    assert last() == ("POST", "/reset", "200", "password_reset", None, user.id, None)
    await visit.log_in(person, PASSWORD)
    await visit.go("/logout")
    await visit.send({"where": "everywhere"})
    assert ("POST", "/logout", "logout", user.id) in [
        (event.method, event.path, event.grant, event.user_id) for event in world.notes.events
    ]
    fresh = await visits()
    await fresh.go("/login")
    for _ in range(11):
        await fresh.send({"username": person, "password": "wrong"})
    assert last() == ("POST", "/login", "429", "login", None, user.id, "login_blocked")


@pytest.mark.security("LO-04")
async def test_a_second_step_that_fails_is_noted_with_who(visits: OpenVisit, visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    user = await user_of(visit.world, person)
    fresh = await visits()
    await fresh.log_in(person, PASSWORD)
    assert visit.world.notes.events[-2].user_id == user.id, "whose password was right"
    await fresh.send({"code": "000000"})
    event = visit.world.notes.events[-1]
    assert (event.path, event.status, event.grant, event.user_id, event.cause) == (
        "/login/second-factor",
        401,
        "login",
        user.id,
        "login_wrong",
    )
    await fresh.send({"code": phone.codes[0]})
    event = next(event for event in reversed(visit.world.notes.events) if event.method == "POST")
    assert (event.status, event.user_id, event.detail) == (303, user.id, "pwd otp mfa")
    assert not any(value in str(event) for event in visit.world.notes.events for value in (PASSWORD, phone.secret, *phone.codes))


ODD = ("x\r\n2026-11-22 forged", "x\x1b[2J", "x\u2028forged\u0085", "x\u202eforged", 'x","forged":"1', "x" * 9_000)


@pytest.mark.security("LO-03")
@pytest.mark.security("LO-02")
async def test_nothing_that_is_typed_at_a_page_comes_into_the_log(visit: Visit, person: str) -> None:
    await visit.go("/login")
    rogue, csrf = Rogue(visit.world, cookies_of(visit)), field_of(visit, "csrf")
    for odd in ODD:
        await rogue.post("/login", {"csrf": csrf, "username": odd, "password": odd})
        await rogue.get("/authorize", STANDARD.query(state=odd, login_hint=odd, scope="orders"))
        await rogue.get("/reset", f"token={person}-{len(odd)}-secret")
    text = str(visit.world.notes.events)
    assert "forged" not in text
    assert "secret" not in text
    assert "x" * 200 not in text
    await rogue.get("/authorize", STANDARD.query(client_id="x" * 190))
    assert visit.world.notes.events[-1].cause == "unknown_client"
