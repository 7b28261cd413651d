"""Pages in front of what no browser sends: bytes that are no text, values without end, methods and names of hosts that are not ours."""

import itertools
from typing import Final

import pytest

from tests.fixtures.visits import Visit
from tests.security.people import (
    BROWSER,
    DATABASES,
    DEVICES,
    PASSWORD,
    SESSION,
    OpenVisit,
    Rogue,
    complaints,
    cookies_of,
    field_of,
    location_of,
)

pytestmark = DATABASES

ACCOUNT: Final = ("/account", "/account/password", "/account/second-factor", "/account/passkeys", "/logout")
PAGES: Final = ("/login", "/login/second-factor", "/login/cancel", "/consent", "/reset", *ACCOUNT)
GATES: Final = ("/authorize", "/oauth/authorize", "/open/authorize/index", "/open/implicit")
SECONDS: Final = 3


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
        for path in (*PAGES, *GATES, "/no-such-page"):
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
