"""Logging in and out: sessions, forms that came from elsewhere, and who may do what in whose name."""

import itertools
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any, Final

import pytest

from app.admin import create_user, disable_user, end_sessions, grant_user_shop, reset_password, set_password
from app.core.secrets import digest
from app.models import Session
from app.storage import Catalog
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, ISSUER, VERIFIER, World
from tests.people.test_second_factor import set_up
from tests.security.people import (
    BROWSER,
    DATABASES,
    DEVICES,
    EVIL,
    GATES,
    PASSWORD,
    SESSION,
    STANDARD,
    OpenVisit,
    Rogue,
    allowed,
    complaints,
    cookies_of,
    field_of,
    location_of,
    somebody,
    split,
    told,
    user_of,
)
from tests.security.work import Hashing

pytestmark = DATABASES

NEW: Final = "another-password-of-theirs"
PAGES: Final = ("/account", "/account/password", "/account/second-factor", "/account/passkeys", "/logout")


async def sessions_of(world: World, person: str) -> list[Session]:
    user = await user_of(world, person)
    return await world.storage.look(lambda catalog: catalog.sessions_of(user.id))


async def holdings(world: World, person: str) -> tuple[Any, ...]:
    """Return all that somebody has and has given, as it stands in the database."""
    user = await user_of(world, person)

    def look(catalog: Catalog) -> tuple[Any, ...]:
        sessions = [replace(session, last_seen_at=user.created_at) for session in catalog.sessions_of(user.id)]
        return (
            astuple(user),
            sorted(map(astuple, sessions)),
            [astuple(consent) for consent in catalog.consents_of(user.id)],
            [(app.client_id, app.scopes, app.granted_at) for app in catalog.apps_of(user.id)],
            [astuple(passkey) for passkey in catalog.passkeys_of(user.id)],
            catalog.totp(user.id),
            [code.code_hash for code in catalog.recovery_codes_of(user.id)],
        )

    return await world.storage.look(look)


# -- every page ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-01")
@pytest.mark.security("LG-02")
@pytest.mark.security("LG-03")
@pytest.mark.security("LG-04")
@pytest.mark.security("SU-04")
async def test_every_page_and_every_redirect_is_kept_and_framed_by_nobody(
    visits: OpenVisit, visit: Visit, person: str, world: World
) -> None:
    """From the login to the last page of the account: complaints look at the headers, the cookies and the markup of each."""
    titles = set()

    class Inspected(Visit):
        async def _show(self, answer: Any) -> Any:
            assert complaints(answer) == [], answer.url
            return await super()._show(answer)

    async with Inspected(world) as seen:

        async def look(address: str | None = None, **fields: str) -> None:
            await (seen.go(address) if address is not None else seen.send(fields))
            if not seen.answer.is_redirect:
                assert complaints(seen.answer) == []
                titles.add(seen.title)

        await look(STANDARD.address())
        await look(username=person, password="wrong")
        await look(username=person, password=PASSWORD)
        await look(decision="refuse")
        for path in PAGES:
            await look(path)
        await look("/account/password")
        await look(current_password="wrong", new_password=NEW, repeated_password=NEW)
        await look(current_password=PASSWORD, new_password=NEW, repeated_password=NEW)
        await look("/account/passkeys")
        device = Authenticator(ISSUER)
        (area,) = [element for element in seen.page.all("div") if "data-passkey" in element.attributes]
        await look(credential=device.create(area.attributes["data-options"]), name="x")
        await set_password(world.operator, person, PASSWORD)
        phone = await set_up(seen, person)
        titles.add(seen.title)
        await look("/account/second-factor")
        await look("/logout")
        await look(where="everywhere")
        await look("/login")
        await look(username=person, password=PASSWORD)
        await look(code="000000")
        await look(code=phone.code())
        for path in (
            "/consent",
            "/consent?request=x",
            "/login?request=x",
            "/login/cancel",
            "/reset",
            "/authorize",
            "/no-such-page",
            "/login?late=1",
        ):
            seen.client.headers["accept"] = "text/html"
            await look(path)
        await look(STANDARD.address(redirect_uri=EVIL))
        await look((await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER))
        await look(new_password=NEW, repeated_password=NEW)
        for _ in range(11):
            await look("/login")
            await look(username=person, password="wrong")
        assert seen.answer.status_code == 429
    assert len(titles) >= 18, sorted(titles)


@pytest.mark.security("LG-02")
async def test_a_form_may_end_at_the_app_and_nowhere_else(visit: Visit, person: str) -> None:
    await visit.go(STANDARD.address(redirect_uri="https://web.example.com/cb"))
    assert "form-action 'self' https:;" in visit.answer.headers["content-security-policy"]
    await visit.log_in(person, PASSWORD)
    assert "form-action 'self' https:;" in visit.answer.headers["content-security-policy"]
    for path in ("/login", *PAGES, "/authorize", "/authorize?client_id=demo-web&redirect_uri=http:x"):
        await visit.go(path)
        assert "form-action 'self';" in visit.answer.headers["content-security-policy"], path


# -- forms that came from elsewhere ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sent:
    """A form as a browser would send it now: nothing is wrong with it."""

    name: str
    address: str
    fields: Mapping[str, str]


async def _login(visit: Visit, person: str) -> Sent:
    visit.world.clock.move(seconds=1)
    await visit.go(STANDARD.address(prompt="login"))
    return Sent("login", visit.path, {"csrf": field_of(visit, "csrf"), "username": person, "password": PASSWORD})


async def _consent(visit: Visit, _person: str) -> Sent:
    await visit.go(STANDARD.address(client_id="demo-web-other", scope=None))
    return Sent("consent", visit.path, {"csrf": field_of(visit, "csrf"), "decision": "approve"})


async def _token(visit: Visit, _person: str) -> Sent:
    await visit.go(GATES["implicit"].address())
    return Sent("token", visit.path, {"csrf": field_of(visit, "csrf"), "decision": "approve"})


async def _shop(visit: Visit, person: str) -> Sent:
    await grant_user_shop(visit.world.operator, person, "youzan", "88888")
    await visit.go(GATES["youzan"].address())
    return Sent("shop", visit.path, {"csrf": field_of(visit, "csrf"), "decision": "approve", "shop": "88888"})


async def _account(visit: Visit, _person: str) -> Sent:
    await visit.go("/account")
    return Sent("account", "/account", {"csrf": field_of(visit, "csrf"), "revoke_all": "yes"})


async def _password(visit: Visit, _person: str) -> Sent:
    await visit.go("/account/password")
    fields = {"csrf": field_of(visit, "csrf"), "current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW}
    return Sent("password", "/account/password", fields)


async def _passkey(visit: Visit, _person: str) -> Sent:
    await visit.go("/account/passkeys")
    (area,) = [element for element in visit.page.all("div") if "data-passkey" in element.attributes]
    credential = Authenticator(ISSUER).create(area.attributes["data-options"])
    return Sent("passkey", "/account/passkeys", {"csrf": field_of(visit, "csrf"), "credential": credential, "name": "x"})


async def _reset(visit: Visit, person: str) -> Sent:
    link = (await reset_password(visit.world.operator, person, ISSUER)).link.removeprefix(ISSUER)
    await visit.go(link)
    return Sent("reset", link, {"csrf": field_of(visit, "csrf"), "new_password": NEW, "repeated_password": NEW})


async def _logout(visit: Visit, _person: str) -> Sent:
    await visit.go("/logout")
    return Sent("logout", "/logout", {"csrf": field_of(visit, "csrf"), "where": "everywhere"})


FORMS: Final = (_login, _consent, _token, _shop, _account, _password, _passkey, _reset, _logout)
FOREIGN: Final = [
    ("origin", EVIL),
    ("origin", "https://id.example.com.evil.example"),
    ("origin", "https://id.example.com:444"),
    ("origin", "http://id.example.com:80"),
    ("origin", "https://ID.EXAMPLE.COM"),
    ("origin", f"{ISSUER} {EVIL}"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
]


@pytest.mark.security("LG-05")
@pytest.mark.security("AZ-18")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__.strip("_"))
async def test_a_form_counts_from_its_own_page_browser_session_and_person_alone(
    visits: OpenVisit, visit: Visit, person: str, form: Callable[[Visit, str], Awaitable[Sent]]
) -> None:
    world, other, stranger = visit.world, await visits(), await visits()
    await allowed(visit, GATES["platform"].address(), person)
    sent = await form(visit, person)
    path, query = split(sent.address)
    thief = await somebody(world)
    await other.log_in(thief, PASSWORD)
    theirs = (await form(other, thief)).fields["csrf"] if sent.name != "reset" else field_of(await other.go("/account"), "csrf")
    before_login = field_of(await stranger.go("/login"), "csrf")
    mine, foreign = cookies_of(visit), cookies_of(other)
    elsewhere = [field_of(await visit.go(page), "csrf") for page in ("/account", "/account/password", "/logout")]
    await visit.go(sent.address)
    world.clock.move(seconds=1)
    before = await holdings(world, person)

    async def refused(cookies: Mapping[str, str], fields: Mapping[str, str], *headers: tuple[str, str]) -> None:
        answer = await Rogue(world, dict(cookies)).post(path, dict(fields), *headers, query=query)
        assert complaints(answer) == []
        assert not {"code", "access_token"} & told(answer).keys() if location_of(answer).startswith(CALLBACK) else True
        given = [text for name, text in answer.headers if name == b"set-cookie" and text.startswith(SESSION.encode())]
        assert all(b"Max-Age=0" in text for text in given)
        assert await holdings(world, person) == before

    without = {name: value for name, value in sent.fields.items() if name != "csrf"}
    for token in (
        "",
        "x",
        theirs,
        before_login,
        *elsewhere,
        sent.fields["csrf"][:-1],
        sent.fields["csrf"] + "A",
        sent.fields["csrf"].swapcase(),
    ):
        if token != sent.fields["csrf"]:
            await refused(mine, {**without, "csrf": token})
    await refused(mine, without)
    for header in FOREIGN:
        await refused(mine, sent.fields, header)
    for cookies in (
        {},
        {name: value for name, value in mine.items() if name != BROWSER},
        {**mine, BROWSER: foreign[BROWSER]},
        {**mine, BROWSER: ""},
        {**mine, SESSION: foreign[SESSION]},
        {name: value for name, value in mine.items() if name != SESSION},
        foreign,
    ):
        await refused(cookies, sent.fields)
    for method in ("GET", "PUT", "HEAD"):
        await Rogue(world, mine).get(path, f"{query}&{'&'.join(f'{name}={value}' for name, value in sent.fields.items())}", method=method)
        assert await holdings(world, person) == before
    json_like = await Rogue(world, mine).post(path, dict(sent.fields), ("content-type", "text/plain"), query=query)
    assert (json_like.status, await holdings(world, person)) == (415, before)
    done = await Rogue(world, mine).post(path, dict(sent.fields), ("origin", ISSUER), ("sec-fetch-site", "same-origin"), query=query)
    assert done.status in {200, 303}, "the form itself is sound"
    assert await holdings(world, person) != before


@pytest.mark.security("LG-05")
async def test_nobody_is_logged_in_as_somebody_else_without_knowing(visits: OpenVisit, visit: Visit, person: str) -> None:
    """An attacker who logs a victim in as themselves learns what the victim does then."""
    await visit.go("/login")
    attacker = await (await visits()).go("/login")
    fields = {"csrf": field_of(attacker, "csrf"), "username": person, "password": PASSWORD}
    answer = await Rogue(visit.world, cookies_of(visit)).post("/login", fields, ("origin", "null"))
    assert answer.status == 400
    assert SESSION.encode() not in b"".join(value for _, value in answer.headers)
    await attacker.go(STANDARD.address())
    request = attacker.path
    for path in (
        request,
        request.replace("/login?", "/consent?"),
        f"/authorize?continue={request.partition('=')[2]}",
        f"/login/cancel?{request.partition('?')[2]}",
    ):
        await visit.go(path)
        assert (visit.answer.status_code, location_of(visit.answer)) == (400, ""), "a request belongs to the browser that brought it"


# -- sessions --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-09")
@pytest.mark.security("LG-10")
async def test_a_session_has_an_id_that_nobody_can_choose_guess_or_read(visits: OpenVisit, visit: Visit, person: str) -> None:
    for planted in ("a" * 43, "attacker", "0"):
        fixed = await visits()
        fixed.client.cookies.set(SESSION, planted, domain="id.example.com", path="/")
        await fixed.log_in(person, PASSWORD)
        assert fixed.session != planted
        assert location_of(await Rogue(visit.world, {SESSION: planted}).get("/account")) == "/login"
    values = set()
    for _ in range(3):
        await visit.go("/login")
        await visit.log_in(person, PASSWORD)
        values.add(visit.session or "")
    assert len(values) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in values)
    assert len({value[:4] for value in values}) == 3
    last = visit.session or ""
    for old in values - {last}:
        assert location_of(await Rogue(visit.world, {SESSION: old}).get("/account")) == "/login", "each login ends the one before it"
    (stored,) = [session for session in await sessions_of(visit.world, person) if session.id_hash == digest(last)]
    assert last not in str(astuple(stored))
    hashed = stored.id_hash.hex()
    for bent in (last[:-1], last + "A", last.swapcase(), hashed, last[:42] + ("A" if last[42] != "A" else "B"), stored.user_id):
        assert location_of(await Rogue(visit.world, {SESSION: bent}).get("/account")) == "/login"


@pytest.mark.security("LG-04")
async def test_a_cookie_tells_nothing_and_goes_nowhere_else(visit: Visit, person: str) -> None:
    await visit.go("/login")
    rogue = Rogue(visit.world, cookies_of(visit))
    answer = await rogue.post("/login", {"csrf": field_of(visit, "csrf"), "username": person, "password": PASSWORD})
    given = [value.decode() for name, value in answer.headers if name == b"set-cookie"]
    assert [text.partition("=")[0] for text in given] == [SESSION, DEVICES]
    user = await user_of(visit.world, person)
    for text in given:
        assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(text.split("; "))
        assert "Domain" not in text
        assert person not in text
        assert user.id not in text
    assert "Max-Age" not in given[0], "it ends with the browser's session"


async def _here(seen: Visit, _other: Visit, _person: str) -> None:
    await seen.go("/logout")
    await seen.send({"where": "here"})


async def _everywhere(_seen: Visit, other: Visit, person: str) -> None:
    await other.log_in(person, PASSWORD)
    await other.go("/logout")
    await other.send({"where": "everywhere"})


async def _by_the_list(_seen: Visit, other: Visit, person: str) -> None:
    await other.log_in(person, PASSWORD)
    await other.send({"end_other_sessions": "yes"})


async def _by_the_operator(seen: Visit, _other: Visit, person: str) -> None:
    await end_sessions(seen.world.operator, person)


async def _by_a_new_password_of_the_operator(seen: Visit, _other: Visit, person: str) -> None:
    await set_password(seen.world.operator, person, NEW)


async def _by_another_login(seen: Visit, _other: Visit, _person: str) -> None:
    await seen.go("/login")
    await seen.log_in("alice")


async def _by_a_link(_seen: Visit, other: Visit, person: str) -> None:
    await other.go((await reset_password(other.world.operator, person, ISSUER)).link.removeprefix(ISSUER))
    await other.send({"new_password": NEW, "repeated_password": NEW})


async def _by_being_disabled(seen: Visit, _other: Visit, person: str) -> None:
    await disable_user(seen.world.operator, person)


ENDS: Final = (
    *(_here, _everywhere, _by_the_list, _by_the_operator, _by_a_new_password_of_the_operator),
    *(_by_another_login, _by_a_link, _by_being_disabled),
)


@pytest.mark.security("LG-11")
@pytest.mark.security("AD-08")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__.strip("_"))
async def test_whoever_is_logged_out_is_out(
    visits: OpenVisit, visit: Visit, person: str, end: Callable[[Visit, Visit, str], Awaitable[None]]
) -> None:
    """By any of the ways in which a session ends: its cookie opens nothing more, and no request that waits is answered by it."""
    await visit.go(GATES["implicit"].address())
    await visit.log_in(person, PASSWORD)
    thief, (path, query), csrf = Rogue(visit.world, cookies_of(visit)), split(visit.path), field_of(visit, "csrf")
    await end(visit, await visits(), person)
    for page in PAGES:
        answer = await thief.get(page)
        assert location_of(answer).startswith("/login") or (page == "/logout" and b"Signed out" in answer.body), page
    for answer in (
        await thief.get(path, query),
        await thief.post(path, {"csrf": csrf, "decision": "approve"}, query=query),
        await thief.get("/open/implicit", query.replace("request=", "continue=")),
    ):
        assert location_of(answer).startswith("/login?request=")
    silent = await thief.get("/authorize", STANDARD.query(prompt="none"))
    assert told(silent)["error"] == "login_required"


@pytest.mark.security("LG-12")
async def test_a_session_ends_when_its_time_is_up(visit: Visit, person: str) -> None:
    clock = visit.world.clock
    await visit.log_in(person, PASSWORD)
    kept = Rogue(visit.world, cookies_of(visit))
    for _ in range(12):
        clock.move(minutes=55)
        assert (await kept.get("/account")).status == 200
    clock.move(minutes=59)
    assert (await kept.get("/account")).status == 200
    clock.move(minutes=2)
    assert location_of(await kept.get("/account")) == "/login", "twelve hours"
    await visit.log_in(person, PASSWORD)
    kept = Rogue(visit.world, cookies_of(visit))
    clock.move(minutes=60)
    assert location_of(await kept.get("/account")) == "/login", "an hour without anybody"
    assert told(await kept.get("/authorize", STANDARD.query(prompt="none")))["error"] == "login_required"


@pytest.mark.security("LG-13")
@pytest.mark.security("LG-09")
@pytest.mark.security("RF-11")
async def test_a_new_password_ends_all_that_the_old_one_opened(visits: OpenVisit, visit: Visit, person: str) -> None:
    world, other = visit.world, await visits()
    await other.log_in(person, PASSWORD)
    code = (await allowed(visit, STANDARD.address(), person))["code"]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    tokens = (await world.post("/token", fields, basic="demo-web")).json()
    late = (await allowed(visit, STANDARD.address(), person))["code"]
    world.clock.move(seconds=1)
    kept, before = cookies_of(visit), await holdings(world, person)
    for current, new, repeated, status in (
        ("", NEW, NEW, 401),
        ("wrong", NEW, NEW, 401),
        (NEW, NEW, NEW, 401),
        (PASSWORD, NEW, PASSWORD, 400),
        (PASSWORD, PASSWORD, PASSWORD, 400),
        (PASSWORD, "short", "short", 400),
        (PASSWORD, person + "@example.com", person + "@example.com", 400),
    ):
        await visit.go("/account/password")
        await visit.send({"current_password": current, "new_password": new, "repeated_password": repeated})
        assert (visit.answer.status_code, await holdings(world, person)) == (status, before), (current, new)
    await visit.go("/account/password")
    await visit.send({"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW})
    assert (visit.answer.status_code, visit.title) == (200, "Password changed")
    assert visit.session != kept[SESSION]
    assert (await visit.go("/account")).path == "/account"
    assert (await other.go("/account")).path == "/login"
    assert location_of(await Rogue(world, kept).get("/account")) == "/login"
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert not await world.is_alive(token)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    answers = [
        await world.post("/token", {**fields, "code": late}, basic="demo-web"),
        await world.post("/token", refresh, basic="demo-web"),
    ]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(400, "invalid_grant")] * 2
    await other.log_in(person, PASSWORD)
    assert other.answer.status_code == 401
    await other.log_in(person, NEW)
    assert other.path == "/account"


@pytest.mark.security("LG-15")
async def test_two_tabs_with_two_apps_never_mix(visit: Visit, person: str) -> None:
    first = STANDARD.address(state="first")
    second = GATES["platform"].address(state="second", scope="orders items")
    await visit.go(first)
    first_tab = visit.path
    await visit.go(second)
    await visit.log_in(person, PASSWORD)
    second_tab, second_page = visit.path, visit.answer
    await visit.go(first_tab)
    assert visit.path.startswith("/consent")
    first_page = visit.answer
    visit.answer = second_page
    await visit.send({"decision": "refuse"})
    assert (told(visit.answer)["state"], told(visit.answer)["error"]) == ("second", "access_denied")
    visit.answer = first_page
    await visit.send({"decision": "approve"})
    members = told(visit.answer)
    assert (members["state"], "code" in members) == ("first", True)
    consents = await visit.world.storage.look(lambda catalog: catalog.consents_of(catalog.user_by_login(person).id))  # type: ignore[union-attr]
    assert [(consent.client_id, consent.scope) for consent in consents] == [("demo-web", "orders")]
    await visit.go(second_tab)
    assert visit.path == second_tab, "what was refused is asked again, and not remembered"


# -- passwords -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("LG-07")
@pytest.mark.security("VN-03")
async def test_the_exact_bytes_of_the_password_let_in_and_no_others(visits: OpenVisit, visit: Visit, world: World) -> None:
    long = "An e\u0301 and 登录😀 " + "x" * 80
    person = f"exact-{world.address}"
    await create_user(world.operator, {"username": person, "password": long})
    wrong = [
        long + " ",
        " " + long,
        long.strip() + "\t",
        long.swapcase(),
        long[:72],
        long[:-1],
        long + "x",
        long.replace("e\u0301", "é"),
        long.replace(" ", ""),
    ]
    wrong += [long[:80] + "y" * (len(long) - 80), "", " ", "x" * 1025]
    for password in wrong:
        fresh = await visits()
        world.clock.move(minutes=2)
        await fresh.go("/login")
        answer = await Rogue(world, cookies_of(fresh)).post(
            "/login", {"csrf": field_of(fresh, "csrf"), "username": person, "password": password}
        )
        assert answer.status in {400, 401}
        assert SESSION not in str(answer.headers)
    nul = await Rogue(world, cookies_of(visit)).post(
        "/login", {"csrf": field_of(await visit.go("/login"), "csrf"), "username": person, "password": long + "\0"}
    )
    assert (nul.status, complaints(nul)) == (400, [])
    await visit.log_in(person, long)
    assert visit.path == "/account"


@pytest.mark.security("LG-08")
@pytest.mark.security("BF-10")
async def test_whoever_comes_while_we_are_busy_is_told_when_to_come_again(visit: Visit, person: str) -> None:
    world = visit.world
    await visit.go("/login")
    for name, password in ((person, PASSWORD), (person, "wrong"), ("nobody", "wrong")):
        world.away("commit")
        await visit.send({"username": name, "password": password})
        assert (visit.answer.status_code, visit.answer.headers["retry-after"], complaints(visit.answer)) == (503, "1", [])
        assert visit.session is None
    await visit.send({"username": person, "password": PASSWORD})
    assert visit.path == "/account"


@pytest.mark.security("LG-17")
@pytest.mark.security("LG-07")
async def test_an_account_without_a_password_has_none_that_lets_in(visits: OpenVisit, world: World) -> None:
    person = f"bare-{world.address}"
    await create_user(world.operator, {"username": person})
    for password in ("", "None", "null", person, "no password has this hash", "x"):
        visit = await (await visits()).go("/login")
        for fields in ({"username": person, "password": password}, {"username": person}, {"username": "", "password": password}):
            answer = await Rogue(world, cookies_of(visit)).post("/login", {"csrf": field_of(visit, "csrf"), **fields})
            assert answer.status in {401, 429}
            assert SESSION not in str(answer.headers)
        world.clock.move(minutes=16)


@pytest.mark.security("LG-16")
async def test_a_new_password_is_long_enough_and_not_the_first_that_anybody_tries(visit: Visit, person: str) -> None:
    good = ["x" * 1024, "密码密码密码密码", "😀" * 8, "correct horse battery", "        spaces        ", "onlylowercase", "\"'<>&;--%00+"]
    bad = ["1234567", "password", "PASSWORD", "12345678", "x" * 1025, "", person if len(person) >= 8 else f"{person}@example.com"]
    current = PASSWORD
    await visit.log_in(person, current)
    for new in bad:
        await visit.go("/account/password")
        await visit.send({"current_password": current, "new_password": new, "repeated_password": new})
        assert visit.answer.status_code == 400, new[:20]
        assert visit.problem
    for new in good:
        await visit.go("/account/password")
        await visit.send({"current_password": current, "new_password": new, "repeated_password": new})
        assert visit.answer.status_code == 200, new[:20]
        assert ((await user_of(visit.world, person)).password_hash or "").startswith("$argon2id$")
        current = new
    await visit.go("/login?switch=yes")
    await visit.log_in(person, current)
    assert visit.path == "/account"


async def _kinds(world: World) -> Mapping[str, Iterator[str]]:
    """Return names of everybody who cannot log in, each of the same length and for ten tries."""
    marks = world.address.replace(".", "")
    kinds: dict[str, list[str]] = {"unknown": [], "wrong": [], "disabled": [], "bare": [], "second": []}
    for kind, names in kinds.items():
        for number in range(3):
            name = f"{kind[:4]}{number}-{marks}"
            names.append(name)
            if kind != "unknown":
                await create_user(world.operator, {"username": name, **({} if kind == "bare" else {"password": NEW})})
            if kind == "disabled":
                await disable_user(world.operator, name)
    return {kind: itertools.cycle(names) for kind, names in kinds.items()}


@pytest.mark.security("LG-08")
@pytest.mark.security("CA-02")
async def test_whoever_cannot_log_in_is_told_the_same(visits: OpenVisit, world: World) -> None:
    """Status, text, length, headers and cookies of the answer, for each kind of person."""
    kinds = await _kinds(world)
    answers: dict[str, set[tuple[int, str, tuple[str, ...]]]] = {kind: set() for kind in kinds}
    visit = await visits()
    await visit.go("/login")
    rogue, csrf = Rogue(world, cookies_of(visit)), field_of(visit, "csrf")
    lengths = set()

    async def tried(kind: str) -> None:
        name = next(kinds[kind])
        answer = await rogue.post("/login", {"csrf": csrf, "username": name, "password": "x" if kind != "disabled" else NEW})
        text = re.sub(r"data-options=\"[^\"]*\"", "", answer.body.decode()).replace(name, "NAME")
        answers[kind].add((answer.status, text, tuple(sorted(header.decode() for header, _ in answer.headers))))
        lengths.add(len(answer.body))

    for kind in kinds:
        for _ in range(32):
            await tried(kind)
    assert len(set(map(frozenset, answers.values()))) == 1
    assert {status for status, _, _ in answers["unknown"]} == {401, 429}
    assert len(lengths) == 2, "one for a wrong password, one for a blocked account"


@pytest.mark.security("LG-08")
async def test_whoever_cannot_log_in_costs_as_much(visits: OpenVisit, world: World, hashings: list[Hashing]) -> None:
    """One check of the same cost for each kind of person; how long answers take is compared by `make timing`, at real servers."""
    kinds = await _kinds(world)
    visit = await visits()
    await visit.go("/login")
    rogue, csrf = Rogue(world, cookies_of(visit)), field_of(visit, "csrf")
    costs: dict[str, list[Hashing]] = {}
    for kind, names in [("wrong", kinds["wrong"]), *kinds.items()]:  # Nobody yet had a hash whose cost could be taken for somebody unknown.
        hashings.clear()
        answer = await rogue.post("/login", {"csrf": csrf, "username": next(names), "password": "x"})
        assert answer.status == 401
        costs[kind] = hashings.copy()
    assert len(costs["wrong"]) == 1
    assert all(cost == costs["wrong"] for cost in costs.values()), costs
