"""Pages in front of what no browser sends: bytes that are no text, values without end, methods and names of hosts that are not ours."""

import itertools
import json
from typing import Final
from urllib.parse import quote

import pytest

from app.admin import create_user, grant_user_shop, reset_password
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.visits import Visit
from tests.fixtures.work import bearable
from tests.fixtures.world import CALLBACK, ISSUER, World
from tests.security.doors import LARGEST_ANSWER, Answer
from tests.security.people import (
    BROWSER,
    DATABASES,
    DEVICES,
    EVERY_GATE,
    EVIL,
    GATES,
    PASSWORD,
    SESSION,
    STANDARD,
    Gate,
    OpenVisit,
    Rogue,
    complaints,
    cookies_of,
    encoded,
    field_of,
    location_of,
    split,
    told,
)

pytestmark = DATABASES

ACCOUNT: Final = ("/account", "/account/password", "/account/second-factor", "/account/passkeys", "/logout")
PAGES: Final = ("/login", "/login/second-factor", "/login/cancel", "/consent", "/reset", *ACCOUNT)
ENDPOINTS: Final = ("/authorize", "/oauth/authorize", "/open/authorize/index", "/open/implicit")


def rogue_of(visit: Visit) -> Rogue:
    """Return a program that has a browser's cookies."""
    return Rogue(visit.world, cookies_of(visit))


# -- bytes ---------------------------------------------------------------------------------------------------------------------------

RAW: Final = {
    "a byte that is no text": b"\xff\xfe",
    "half a character": b"\xe4\xb8",
    "characters as they are": "登录".encode(),
    "half a pair": b"\xed\xa0\x80",
    "too long a spelling": b"\xc0\xaf",
}


@pytest.mark.security("IN-01")
@pytest.mark.parametrize("raw", RAW.values(), ids=RAW)
async def test_a_query_that_is_no_text_is_answered_like_any_other(visit: Visit, person: str, raw: bytes) -> None:
    await visit.log_in(person, PASSWORD)
    for rogue in (Rogue(visit.world), rogue_of(visit)):
        for path in (*PAGES, *ENDPOINTS, "/no-such-page"):
            for query in (raw, b"request=" + raw, b"ui_locales=" + raw, b"client_id=demo-web&state=" + raw, b"continue=" + raw):
                answer = await rogue.get(path, query, ("accept", "text/html"))
                assert complaints(answer) == [], (path, query)
                assert answer.status < 500


@pytest.mark.security("LG-05")
@pytest.mark.parametrize(
    "origin", ["http://[", "https://[::1", "", "//", ":", "https://id.example.com:x", "\xff\xfe", "x" * 9000, "https://"]
)
async def test_an_origin_that_is_none_is_a_strangers(visit: Visit, person: str, origin: str) -> None:
    await visit.go("/login")
    fields = {"csrf": field_of(visit, "csrf"), "username": person, "password": PASSWORD}
    for host in ("id.example.com", ""):
        answer = await rogue_of(visit).post("/login", fields, ("origin", origin), ("host", host))
        assert (answer.status, complaints(answer)) == (400, [])
        assert SESSION.encode() not in str(answer.headers).encode()


# -- cookies -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("HI-01")
@pytest.mark.security("LG-04")
@pytest.mark.parametrize(
    "value", ['"x\\015\\012X-Injected: yes"', '"x\\073 Domain=example.com"', '"x\\012"', "x y", "x\ty", '"', "x,y", "x\\"]
)
async def test_nothing_of_a_cookie_comes_back_that_we_did_not_put_there(visit: Visit, person: str, value: str) -> None:
    await visit.go("/login")
    fields = {"csrf": field_of(visit, "csrf"), "username": person, "password": PASSWORD}
    rogue = rogue_of(visit)
    rogue.cookies[DEVICES] = value
    answer = await rogue.post("/login", fields)
    assert (answer.status, location_of(answer), complaints(answer)) == (303, "/account", [])
    given = [text.decode() for name, text in answer.headers if name == b"set-cookie"]
    (devices,) = [text for text in given if text.startswith(DEVICES)]
    assert len(devices.partition(";")[0].removeprefix(f"{DEVICES}=")) == 45, "one browser, and nothing else"


@pytest.mark.security("LG-04")
@pytest.mark.security("LG-09")
async def test_a_name_that_only_looks_like_a_cookie_of_ours_is_none(visit: Visit, person: str) -> None:
    """Browsers keep the names with a prefix for us; a sibling of our host may set one that a careless reader takes for it."""
    await visit.log_in(person, PASSWORD)
    value = visit.session
    rogue = Rogue(visit.world)
    assert (await rogue.get("/account", "", ("cookie", f"{SESSION}={value}"))).status == 200
    for name in (f"\xa0{SESSION}", f"\x85{SESSION}", f"{SESSION}\xa0", f"\x1c{SESSION}", SESSION.lower(), SESSION.upper(), f"\\{SESSION}"):
        for cookie in (f"{name}={value}", f"{name}={value}; a=b", f"a=b; {name}={value}", f"{name} ={value}"):
            answer = await rogue.get("/account", "", ("cookie", cookie))
            assert location_of(answer) == "/login", cookie
    for cookie in (
        f"={SESSION}={value}",
        f"{SESSION}",
        f'{SESSION}="{value}"',
        f"{SESSION}={value}x",
        f"a={SESSION}={value}",
        f"a={SESSION};{value}",
    ):
        assert location_of(await rogue.get("/account", "", ("cookie", cookie))) == "/login", cookie
    for cookie in (f"a=b;{SESSION}={value}", f"a=b; \t{SESSION}={value} ", f";; ;{SESSION}={value};"):
        assert (await rogue.get("/account", "", ("cookie", cookie))).status == 200, cookie


@pytest.mark.security("LG-04")
async def test_of_two_cookies_of_one_name_none_is_taken(visits: OpenVisit, visit: Visit, person: str) -> None:
    """Which of the two is ours nobody can say: the other may be an attacker's own session."""
    other = await visits()
    await visit.log_in(person, PASSWORD)
    await other.log_in("alice")
    rogue = Rogue(visit.world)
    values = (visit.session or "", other.session or "")
    for pair in itertools.permutations(values):
        for headers in (
            [("cookie", "; ".join(f"{SESSION}={value}" for value in pair))],
            [("cookie", f"{SESSION}={value}") for value in pair],
        ):
            assert location_of(await rogue.get("/account", "", *headers)) == "/login"
    same = [("cookie", f"{SESSION}={values[0]}; {SESSION}={values[0]}")]
    assert (await rogue.get("/account", "", *same)).status == 200
    fresh = await (await visits()).go("/login")
    fields = {"csrf": field_of(fresh, "csrf"), "username": person, "password": PASSWORD}
    for twice in (
        f"{BROWSER}=attacker; {BROWSER}={cookies_of(fresh)[BROWSER]}",
        f"{BROWSER}={cookies_of(fresh)[BROWSER]}; {BROWSER}=attacker",
    ):
        assert (await rogue.post("/login", fields, ("cookie", twice))).status == 400


# -- values --------------------------------------------------------------------------------------------------------------------------

NAMES: Final = ("request", "to", "switch", "late", "half", "recovery", "token", "done", "out", "ui_locales", "continue", "unknown")
VALUES: Final[dict[str, bytes]] = {
    "60 kB": b"a" * 60_000,
    "60 kB of brackets": b"<" * 60_000,
    "accents without end": b"e" + "\u0301\u0316".encode() * 10_000,
    "10,000 words": b"+".join(b"s%d" % number for number in range(10_000)),
    "10,000 pairs": b"&".join(b"p%d=1" % number for number in range(5_000)),
    "NUL": b"a%00b",
    "line breaks": b"a%0d%0aSet-Cookie:%20x=y%0d%0a%0d%0a<script>",
    "an escape": b"%1b[2J%07",
    "no text": b"%ff%fe",
    "half a pair": b"%ed%a0%80",
    "too long a spelling": b"%c0%af%c0%ae",
    "half an escape": b"%e",
    "encoded twice": b"%2500%252e%250d%250a",
    "a script": b"%22%27%3E%3Cscript%3Ealert(1)%3C/script%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    "a template": b"{{293*363}}${293*363}%25(x)s%25n<%25=293*363%25>",
    "a query": b"'%20OR%201=1;--",
    "deep JSON": b"[" * 30_000,
    "a dot": b".",
    "dots": b"...",
    "numbers": b"9" * 5_000,
    "nothing": b"",
    "other directions": "\u202e\u2066\ufeff\U000e0041\U0010ffff".encode(),
}


def check(answer: Answer, what: object) -> None:
    """Hold an answer against what every answer must be."""
    assert complaints(answer) == [], what
    assert answer.status < 500, what
    assert b"<script>" not in answer.body
    assert b"106357" not in answer.body, "a template was evaluated"


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-02")
@pytest.mark.security("AZ-12")
async def test_no_page_stumbles_over_a_parameter(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    rogue = rogue_of(visit)
    for what, value in VALUES.items():
        for path in PAGES:
            for query in (b"&".join(name.encode() + b"=" + value for name in NAMES)[:60_000], value):
                with bearable():
                    answer = await rogue.get(path, query)
                check(answer, (path, what))
        for name in ("request", "half", "ui_locales"):
            with bearable():
                answer = await rogue.get("/login/second-factor", name.encode() + b"=" + value)
            check(answer, (name, what))


async def forms(visit: Visit, person: str) -> list[tuple[str, dict[str, str]]]:
    """Log somebody in, and return every form of ours that they may be shown: its address, and what it carries and asks for."""
    world = visit.world
    link = (await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER)
    found = []

    async def shown(address: str, *fields: str) -> None:
        await visit.go(address)
        assert visit.answer.status_code == 200, (address, visit.path)
        hidden = {
            element.attributes["name"]: element.attributes.get("value", "")
            for element in visit.page.all("input", "button")
            if "name" in element.attributes
        }
        assert set(fields) <= hidden.keys() | {"revoke", "end_session"}, (visit.path, hidden)
        found.append((visit.path, {"csrf": field_of(visit, "csrf"), "setup": hidden.get("setup", "")} | dict.fromkeys(fields, "")))

    await visit.log_in(person, PASSWORD)
    await shown("/login?switch=yes", "username", "password", "credential")
    await shown(STANDARD.address(), "decision")
    await shown(GATES["youzan"].address(), "decision")
    await shown("/account", "revoke", "end_session")
    await shown("/account/password", "current_password", "new_password", "repeated_password")
    await shown("/account/second-factor", "code")
    await shown("/account/passkeys", "credential", "name")
    await shown(link, "new_password", "repeated_password")
    await shown("/logout", "where")
    return found


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-02")
@pytest.mark.security("AZ-12")
async def test_no_form_stumbles_over_a_field(visit: Visit, person: str) -> None:
    asked = await forms(visit, person)
    rogue = rogue_of(visit)
    for what, value in VALUES.items():
        for address, fields in asked:
            path, query = split(address)
            signed = encoded({"csrf": fields["csrf"]}).encode()
            wanted = [name.encode() for name in fields if name not in {"csrf", "where"}]
            all_at_once = b"&".join(name + b"=" + value for name in [*wanted, b"shop", b"remove", b"revoke_all", b"unknown"])
            bodies = [signed + b"&" + all_at_once, b"csrf=" + value, value, *(signed + b"&" + name + b"=" + value for name in wanted[:3])]
            for body in bodies:
                with bearable():
                    answer = await rogue.post(path, body, query=query)
                check(answer, (path, what, body[:200]))


@pytest.mark.security("IN-02")
@pytest.mark.security("IN-03")
@EVERY_GATE
async def test_a_request_without_end_gets_a_short_answer_at_once(world: World, gate: Gate) -> None:
    rogue = Rogue(world)
    values = (
        "s" * 50_000,
        " ".join(f"s{number}" for number in range(10_000)),
        " ".join(f"s{number}" for number in range(2_500)),
        "<" * 60_000,
    )
    for name in (*gate.fields, "unknown"):
        for value in values:
            query = gate.query(**{name: value})
            for body in (None, query) if "POST" in gate.methods else (None,):
                with bearable():
                    answer = await (rogue.get(gate.path, query) if body is None else rogue.post(gate.path, body))
                check(answer, name)
                is_error = answer.status in {302, 303} and "error=" in location_of(answer)
                assert (
                    is_error
                    or answer.status in {400, 413, 414}
                    or (name in {"state", "unknown"} and "/login?request=" in location_of(answer))
                )
                assert len(answer.body) < LARGEST_ANSWER
                assert name == "state" or "/login" in location_of(answer) or len(location_of(answer)) < 1_000


# -- methods, and names that are not ours ----------------------------------------------------------------------------------------------


@pytest.mark.security("HD-01")
async def test_a_method_that_no_page_knows_is_told_so(visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    rogue = rogue_of(visit)
    for path in (*PAGES, *ENDPOINTS):
        for method in ("HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "get", "GET ", "X" * 500):
            answer = await rogue.get(path, STANDARD.query(), ("origin", EVIL), ("access-control-request-method", "POST"), method=method)
            assert answer.status == 405, (method, path)
            assert set((answer.header("allow") or "").split(", ")) <= {"GET", "POST"}
            assert (answer.header("cache-control"), answer.header("x-content-type-options")) == ("no-store", "nosniff")
            assert not [name for name, _ in answer.headers if name.startswith(b"access-control") or name == b"location"]
            assert b"evil.example" not in answer.body
            assert b"TRACE" not in answer.body
    assert (await visit.go("/account")).path == "/account"


FORGED: Final = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-port", "666"),
    ("x-forwarded-prefix", "/evil.example"),
    ("forwarded", "for=198.51.100.66;host=evil.example;proto=http"),
    ("x-original-url", "/evil.example"),
    ("x-rewrite-url", "/evil.example"),
    ("x-http-method-override", "POST"),
    ("base-url", EVIL),
    ("x-host", "evil.example"),
]


@pytest.mark.security("MD-03")
@pytest.mark.security("AZ-07")
@pytest.mark.security("DP-03")
async def test_no_address_of_ours_follows_the_name_that_somebody_asks_for(visit: Visit, person: str) -> None:
    rogue = Rogue(visit.world)
    for gate in GATES.values():
        answer = await rogue.get(gate.path, gate.query(), *FORGED)
        assert location_of(answer).startswith("/login?request=")
        assert b"evil" not in b" ".join(value for _, value in answer.headers)
        denied = await rogue.get(gate.path, gate.query(response_type="bogus"), *FORGED)
        assert told(denied).get("iss") == (ISSUER if gate.names_issuer else None)
    link = (await reset_password(visit.world.operator, person, ISSUER)).link
    await visit.log_in(person, PASSWORD)
    rogue = rogue_of(visit)
    for path in (*PAGES, link.removeprefix(ISSUER), "/no-such-page", "/authorize"):
        answer = await rogue.get(*split(path), *FORGED, ("accept", "text/html"))
        assert complaints(answer) == []
        assert b"evil" not in answer.body + b" ".join(value for _, value in answer.headers), path
        assert location_of(answer)[:2] in {"", "/l", "/a"}, path


@pytest.mark.security("LG-14")
async def test_no_path_leads_elsewhere(world: World) -> None:
    rogue = Rogue(world)
    for path in (
        "//evil.example",
        "//evil.example/..",
        "/\\evil.example",
        "/%2f%2fevil.example",
        "///evil.example//",
        "/login/",
        "/login//",
        "//login",
    ):
        for method in ("GET", "POST"):
            answer = await rogue.get(path, b"", ("accept", "text/html"), method=method)
            assert (answer.status, answer.header("location")) == (404, None), path
            assert b"evil" not in answer.body


# -- what is stored and shown ----------------------------------------------------------------------------------------------------------

SCRIPT: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 }}"


@pytest.mark.security("AZ-12")
async def test_no_name_that_is_shown_is_more_than_a_name(visits: OpenVisit, world: World) -> None:
    """Names of apps, shops, scopes, people and browsers are their owners' to choose."""
    name, there = json.dumps(SCRIPT), 'redirect_uris = ["http://127.0.0.1:9401/cb"]\nshops = ["66", "67"]'
    declared = [
        f'[[scopes]]\nname = "odd"\ntitle = {{ en = {name}, zh = {name} }}',
        f'[[shops]]\ndialect = "youzan"\ncode = "66"\nname = {name}\n[[shops]]\ndialect = "youzan"\ncode = "67"\nname = {name}',
        f'[[clients]]\nclient_id = "odd-app"\nclient_name = {name}\nclient_secret = "odd"\ndialect = "youzan"\nscope = "odd"\n{there}',
    ]
    for part in declared:
        await world.declare(part)
    person = SCRIPT[:60]
    await create_user(world.operator, {"username": person, "password": PASSWORD, "name": SCRIPT, "email": "<script>alert(1)</script>@x"})
    for code in ("66", "67"):
        await grant_user_shop(world.operator, person, "youzan", code)
    visit, other = await visits(user_agent=SCRIPT), await visits(user_agent=SCRIPT + " Chrome/1 <b>Linux</b>")
    query = "response_type=code&client_id=odd-app&redirect_uri=" + quote(CALLBACK, safe="")
    shown = 0

    def look(seen: Visit, *, holds: str = SCRIPT) -> None:
        nonlocal shown
        assert complaints(seen.answer) == []
        texts = [element.text for element in seen.page.elements]
        values = [value for element in seen.page.elements for value in element.attributes.values()]
        assert any(holds in text for text in [*texts, *values]), seen.path
        assert not [element for element in seen.page.all("img", "script") if "alert" in str(element.attributes) + element.text]
        shown += 1

    await other.log_in(person, PASSWORD)
    look(await visit.go(f"/oauth/authorize?{query}"))
    await visit.send({"username": SCRIPT, "password": "wrong"})
    look(visit)
    await visit.send({"username": person, "password": PASSWORD})
    look(visit)
    look(await visit.go(f"{visit.path}&ui_locales=zh"))
    await visit.send({"decision": "approve", "shop": "66"})
    assert "code" in told(visit.answer)
    look(await visit.go("/account"))
    await visit.go(f"/oauth/authorize?{query}&redirect_uri=x")
    assert complaints(visit.answer) == []
    look(await visit.go("/oauth/authorize?client_id=odd-app&redirect_uri=x&response_type=code"))
    for path in ("/account/password", "/logout"):
        look(await visit.go(path), holds=person)
    assert complaints((await visit.go("/account/second-factor")).answer) == []
    device = Authenticator(ISSUER)
    await visit.go("/account/passkeys")
    (area,) = [element for element in visit.page.all("div") if "data-passkey" in element.attributes]
    assert json.loads(area.attributes["data-options"])["user"]["displayName"] == SCRIPT
    await visit.send({"credential": device.create(area.attributes["data-options"]), "name": SCRIPT})
    look(visit)
    link = (await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER)
    look(await visit.go(link), holds=person)
    await visit.go("/login", request=SCRIPT, ui_locales=SCRIPT, half=SCRIPT)
    assert complaints(visit.answer) == []
    assert shown == 10
