"""What we sign and a browser carries: not a byte of it can be changed, and nobody else, and no later time, can use it."""

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from app.admin import disable_user, reset_second_factor, set_password
from app.main import create_app
from app.settings import Settings
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.visits import Visit
from tests.fixtures.world import ISSUER, World
from tests.people.test_passkeys import add, options
from tests.people.test_second_factor import set_up
from tests.security.people import (
    BROWSER,
    DATABASES,
    DEVICES,
    PASSWORD,
    SESSION,
    STANDARD,
    OpenVisit,
    Rogue,
    complaints,
    cookies_of,
    field_of,
    location_of,
    somebody,
    split,
    steal,
)

pytestmark = DATABASES

NEW = "another-password-of-theirs"


def bent(token: str, every: int = 1) -> Iterator[str]:
    """Yield a token with one character changed, of every so many, and cut, padded and written in other ways."""
    for at in range(0, len(token), every):
        yield token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    body, _, signature = token.partition(".")
    yield from (
        token[:-1],
        token + "A",
        token + "=",
        token + ".",
        "." + token,
        token.swapcase(),
        token + "%00",
        "%20" + token,
        token + "%0a",
    )
    yield from (body, f"{body}.", f".{signature}", f"{signature}.{body}", f"{body}..{signature}", f"{body}.{signature}.{signature}")
    yield from (
        token.replace("-", "+").replace("_", "/") + "+",
        f"{body}=.{signature}",
        f"{body}.{signature}==",
        "",
        ".",
        "null",
        "a" * 60_000,
    )


def forged(token: str, **changes: object) -> str:
    """Return a token whose content was changed, under the signature that it had."""
    body, _, signature = token.partition(".")
    values = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | changes
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).rstrip(b"=").decode() + f".{signature}"


@pytest.mark.security("AZ-18")
@pytest.mark.security("LG-14")
@pytest.mark.security("AT-06")
async def test_no_byte_of_a_waiting_request_can_be_changed(visit: Visit, person: str) -> None:
    await visit.go(STANDARD.address())
    token = visit.path.removeprefix("/login?request=")
    await visit.log_in(person, PASSWORD)
    rogue = Rogue(visit.world, cookies_of(visit))
    query = base64.urlsafe_b64encode(STANDARD.query(redirect_uri="https://evil.example").encode()).decode().rstrip("=")
    made_up = [
        forged(token, q=query),
        forged(token, p="/open/implicit"),
        forged(token, t="1"),
        forged(token, t=9e99),
        base64.urlsafe_b64encode(b"{}").decode(),
    ]
    for other in (*bent(token, every=3), *made_up):
        for answer in (await rogue.get("/authorize", f"continue={other}"), await rogue.get("/consent", f"request={other}")):
            assert (answer.status, location_of(answer), complaints(answer)) == (400, "", []), other[:300]
    for path, name in (("/authorize", "continue"), ("/consent", "request")):
        assert (await rogue.get(path, f"{name}={token}")).status in {200, 302}, "the token itself is sound"
    for query in (f"x=1&continue={token}", f"Continue={token}", f"%63ontinue={token}"):
        assert (await rogue.get("/authorize", query)).status == 400


@pytest.mark.security("AZ-18")
async def test_a_waiting_request_is_for_its_browser_and_for_half_an_hour(visits: OpenVisit, visit: Visit, person: str) -> None:
    world = visit.world
    await visit.go(STANDARD.address())
    token = visit.path.removeprefix("/login?request=")
    await visit.log_in(person, PASSWORD)
    mine, other = cookies_of(visit), cookies_of(await (await visits()).log_in(person, PASSWORD))
    for cookies in (
        {},
        other,
        {**mine, BROWSER: other[BROWSER]},
        {**mine, BROWSER: ""},
        {SESSION: mine[SESSION]},
        {**mine, BROWSER: mine[BROWSER][:-1]},
    ):
        for path, name in (("/login", "request"), ("/login/cancel", "request"), ("/consent", "request"), ("/authorize", "continue")):
            answer = await Rogue(world, cookies).get(path, f"{name}={token}")
            assert (answer.status, location_of(answer), complaints(answer)) == (400, "", [])
    world.clock.move(minutes=29, seconds=59)
    assert (await Rogue(world, mine).get("/consent", f"request={token}")).status == 200
    world.clock.move(seconds=1)
    assert (await Rogue(world, mine).get("/consent", f"request={token}")).status == 400
    world.clock.move(hours=-2)
    assert (await Rogue(world, mine).get("/consent", f"request={token}")).status == 400, "nor before it was made"


@pytest.mark.security("LG-09")
@pytest.mark.security("AT-06")
async def test_no_byte_of_half_a_login_can_be_changed(visits: OpenVisit, visit: Visit, person: str) -> None:
    phone = await set_up(visit, person)
    victim, half = await somebody(visit.world), await visits()
    user = await visit.world.storage.look(lambda catalog: catalog.user_by_login(victim))
    assert user is not None
    await half.log_in(person, PASSWORD)
    path, query = split(half.path)
    token, rogue, csrf = query.removeprefix("half="), Rogue(visit.world, cookies_of(half)), field_of(half, "csrf")
    await visit.go(STANDARD.address())
    waiting = visit.path.partition("=")[2]
    for other in (*bent(token, every=2), forged(token, u=user.id), forged(token, t="1"), waiting):
        answer = await rogue.post(path, {"csrf": csrf, "code": phone.codes[0]}, query=f"half={other}")
        assert (answer.status, location_of(answer), complaints(answer)) == (303, "/login?late=yes", []), other[:200]
    assert (await rogue.get("/authorize", f"continue={token}")).status == 400
    assert (await rogue.post(path, {"csrf": csrf, "code": phone.codes[0]}, query=f"half={token}")).status == 303


@pytest.mark.security("LG-09")
@pytest.mark.security("LG-13")
@pytest.mark.parametrize("change", ["password", "disabled", "second factor", "browser", "logout"])
async def test_half_a_login_is_worth_nothing_once_something_has_changed(visits: OpenVisit, visit: Visit, person: str, change: str) -> None:
    world, half, thief = visit.world, await visits(), await visits()
    phone = await set_up(visit, person)
    await half.log_in(person, PASSWORD)
    path, query = split(half.path)
    csrf, cookies = field_of(half, "csrf"), cookies_of(half)
    world.clock.move(seconds=1)
    if change == "password":
        await set_password(world.operator, person, NEW)
    elif change == "disabled":
        await disable_user(world.operator, person)
    elif change == "second factor":
        await reset_second_factor(world.operator, person)
    elif change == "browser":
        await thief.go("/login")
        cookies = cookies_of(thief)
    else:
        await visit.go("/logout")
        await visit.send({"where": "everywhere"})
    answer = await Rogue(world, cookies).post(path, {"csrf": csrf, "code": phone.codes[0]}, query=query)
    assert complaints(answer) == []
    assert location_of(answer) == ("/account" if change == "logout" else "/login?late=yes"), (
        "a login under way is no session that could end"
    )


@pytest.mark.security("LG-05")
@pytest.mark.security("AT-06")
async def test_no_byte_of_a_forms_signature_can_be_changed(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    await visit.go("/logout")
    csrf, rogue = field_of(visit, "csrf"), Rogue(visit.world, cookies_of(visit))
    for other in (*bent(csrf), cookies_of(visit)[SESSION], cookies_of(visit)[BROWSER], cookies_of(visit)[DEVICES]):
        if other != csrf and len(other) < 60_000:
            answer = await rogue.post("/logout", f"csrf={other}&where=everywhere")
            assert (answer.status, complaints(answer)) == (400, []), other
    assert (await visit.go("/account")).path == "/account"
    assert (await rogue.post("/logout", f"csrf={csrf}&where=here")).status == 303


@pytest.mark.security("LG-13")
async def test_nobody_touches_what_is_somebody_elses(visits: OpenVisit, visit: Visit, person: str) -> None:
    """Sessions, passkeys, set-ups and recovery codes of another person, named by their real ids."""
    world, thief = visit.world, await visits()
    other = await somebody(world)
    await add(visit, person, Authenticator(ISSUER))
    await visit.go("/account/passkeys")
    (passkey,) = [element.attributes["value"] for element in visit.page.all("button") if element.attributes.get("name") == "remove"]
    user = await world.storage.look(lambda catalog: catalog.user_by_login(person))
    assert user is not None
    (session,) = await world.storage.look(lambda catalog: catalog.sessions_of(user.id))
    await thief.log_in(other, PASSWORD)
    rogue = Rogue(world, cookies_of(thief))
    for path, fields in (
        ("/account", {"end_session": session.id_hash.hex()}),
        ("/account", {"end_session": session.id_hash.hex().upper()}),
        ("/account", {"end_session": f" {session.id_hash.hex()} "}),
        ("/account", {"end_session": user.id}),
        ("/account", {"end_session": "%"}),
        ("/account/passkeys", {"remove": passkey}),
        ("/account/passkeys", {"remove": passkey.upper()}),
        ("/account", {"end_other_sessions": "yes", "user": user.id, "user_id": user.id}),
        ("/account", {"revoke_all": "yes", "username": person}),
    ):
        answer = await rogue.post(path, {"csrf": field_of(await thief.go(path), "csrf"), **fields})
        assert (answer.status, complaints(answer)) == (303, [])
        assert "done=passkey" not in location_of(answer)
        assert "done=session_ended" not in location_of(answer)
    await thief.go("/account/password")
    await thief.send({"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW, "username": person, "user_id": user.id})
    assert (await visit.go("/account")).path == "/account"
    assert len(await world.storage.look(lambda catalog: catalog.passkeys_of(user.id))) == 1
    await visit.go("/account/second-factor")
    mine = field_of(visit, "setup")
    await thief.go("/account/second-factor")
    await thief.send({"code": "000000", "setup": mine})
    assert "open for too long" in thief.problem
    await visit.go("/account/passkeys")
    asked = options(visit)
    await thief.go("/account/passkeys")
    await thief.send({"credential": Authenticator(ISSUER).create(asked), "name": "x"})
    assert thief.answer.status_code == 400
    assert len(await world.storage.look(lambda catalog: catalog.passkeys_of(user.id))) == 1


@pytest.fixture
async def rekeyed(world: World) -> AsyncIterator[World]:
    """The same database under another secret key, as if somebody had lost the first."""
    settings = Settings(issuer=ISSUER, secret_key="another-key-than-before-0123456789-0123456789")
    app = create_app(settings, clock=world.clock, journal=world.notes, dialects=world.dialects, storage=world.storage)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield replace(world, app=app)


@pytest.mark.security("LG-10")
@pytest.mark.security("AT-04")
async def test_nothing_that_was_signed_under_another_key_counts(visits: OpenVisit, visit: Visit, person: str, rekeyed: World) -> None:
    phone = await set_up(visit, person)
    await visit.go(STANDARD.address())
    token, csrf = visit.path.removeprefix("/consent?request="), field_of(visit, "csrf")
    half = await visits()
    await half.log_in(person, PASSWORD)
    rogue = Rogue(rekeyed, cookies_of(visit))
    for path, query in (("/authorize", f"continue={token}"), ("/consent", f"request={token}"), ("/login", f"request={token}")):
        answer = await rogue.get(path, query)
        assert (answer.status, complaints(answer)) == (400, [])
    assert (await rogue.post("/consent", {"csrf": csrf, "decision": "approve"}, query=f"request={token}")).status == 400
    late = await Rogue(rekeyed, cookies_of(half)).get(*split(half.path))
    assert location_of(late) == "/login?late=yes"
    async with Visit(rekeyed) as fresh:
        steal(fresh, visit, DEVICES)
        await fresh.log_in(person, PASSWORD)
        for code in (phone.code(), "000000"):
            await fresh.send({"code": code})
            assert (fresh.answer.status_code, complaints(fresh.answer)) == (401, []), "the secret of the app is sealed under the first key"
        await fresh.send({"code": phone.codes[0]})
        assert fresh.path == "/account", "what is kept as a digest needs no key"
