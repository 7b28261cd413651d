"""The pages of real servers: behind a proxy and without one, over sockets, with a database that breaks, and what the log says of people."""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from app.admin import create_user
from app.core.mistakes import Mistake
from app.models import Session
from app.settings import load_settings
from tests.fixtures.server import NO_TLS
from tests.fixtures.world import ISSUER, START
from tests.security.doors import FORM, Answer
from tests.security.live import Live, database, open_live
from tests.security.people import PASSWORD, STANDARD, location_of
from tests.security.wire import request, send

PROXY, OUTSIDE = "127.0.0.1", "127.0.0.9"
LIMIT: Final = 10
PAGES: Final = ("/login", "/consent", "/reset", "/logout", "/account", "/authorize", "/open/implicit", "/login/second-factor", "/nowhere")


def answer_of(port: int, method: str, target: str, *headers: tuple[str, str], body: bytes = b"", address: str = OUTSIDE) -> Answer:
    (answer,) = send(port, request(method, target, headers, body), address=address).answers
    return answer


@pytest.mark.security("IN-01")
@pytest.mark.security("HI-01")
@pytest.mark.security("LO-05")
def test_bytes_that_no_client_library_sends_are_no_fault_of_ours(live: Live) -> None:
    for page in PAGES:
        for raw in ("\xff\xfe", "%ff%fe", "%00", "%ed%a0%80", "a" * 60_000, "&" * 60_000, "<script>", "%"):
            for target in (f"{page}?{raw}", f"{page}?request={raw}", f"{page}?client_id=demo-web&state={raw}"):
                exchange = send(live.port, request("GET", target, [("Accept", "text/html")]))
                assert exchange.status in {200, 302, 400, 404, 414}, (target[:200], exchange.raw[:300])
                assert b"<script>" not in exchange.raw.partition(b"\r\n\r\n")[2]
    cookies = ("\xff\xfe", "=", ";" * 10_000, "tokenry_session=" + "a" * 50_000, 'tokenry_session="\\015\\012X: y"', "a=b; " * 10_000)
    for cookie in cookies:
        for method, body in (("GET", b""), ("POST", b"x=y")):
            answer = answer_of(live.port, method, "/login", ("Cookie", cookie), ("Content-Type", FORM), body=body)
            assert answer.status == (200 if method == "GET" else 400)
            assert answer.header("x") is None
    odd = {"Origin": ("http://[", "\xff"), "Accept-Language": ("zh;q=1," * 8_000, "\xff"), "User-Agent": ("\xff" * 5_000,)}
    for name, values in odd.items():
        for value in values:
            answer = answer_of(live.port, "POST", "/login", (name, value), ("Content-Type", FORM), body=b"username=a&password=b")
            assert answer.status == 400


# -- behind a proxy ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that believes one proxy, under an address that only that proxy has."""
    environment = {"TOKENRY_TRUSTED_PROXIES": f"{PROXY},10.0.0.0/8", "TOKENRY_ISSUER": ISSUER}
    with database(request.param, request, tmp_path_factory.mktemp("proxied")) as url, open_live(url, environment=environment) as running:
        yield running


def logged(live: Live) -> list[dict[str, Any]]:
    """Return what the log says of the exchanges so far, once its last lines are written."""
    time.sleep(0.2)
    return [json.loads(line) for line in live.server.output.splitlines() if '"event":"exchange"' in line]


async def guess(live: Live, address: str, person: str, *headers: tuple[str, str], password: str = "wrong") -> Answer:
    """Try to log in over a socket of an address."""
    shown = answer_of(live.port, "GET", "/login", *headers, address=address)
    cookie = re.findall(
        rb"((?:__Host-)?tokenry_browser=[^;]+)", b" ".join(value for name, value in shown.headers if name == b"set-cookie")
    )[0]
    csrf = re.findall(rb'name="csrf" value="([^"]+)"', shown.body)[0].decode()
    body = f"csrf={csrf}&username={person}&password={password}".encode()
    return answer_of(live.port, "POST", "/login", ("Cookie", cookie.decode()), ("Content-Type", FORM), *headers, body=body, address=address)


@pytest.mark.security("DP-02")
def test_every_answer_of_an_https_issuer_is_remembered_for_a_year(proxied: Live) -> None:
    """Pages and redirects, the doors of machines, what is static, and what nobody serves, reads or allows."""
    asked = [
        ("GET", target) for target in (*PAGES, "/livez", "/.well-known/openid-configuration", "/userinfo", "/token", "/static/nothing")
    ]
    asked += [("POST", target) for target in ("/token", "/introspect", "/oauth2/password", "/nowhere")] + [("DELETE", "/token")]
    answers = {(method, target): answer_of(proxied.port, method, target) for method, target in asked}
    assert {answer.status for answer in answers.values()} >= {200, 302, 400, 401, 404, 405}
    assert [one for one, answer in answers.items() if answer.header("strict-transport-security") != "max-age=31536000"] == []


@pytest.mark.security("DP-02")
def test_an_http_issuer_asks_for_no_https(live: Live) -> None:
    for target in ("/login", "/livez", "/token"):
        assert answer_of(live.port, "GET", target).header("strict-transport-security") is None


ODD: Final = (
    *("a", "", ",,,", "::1", "[2001:db8::1]:80", "1.2.3.4:5", "x" * 20_000),
    *("\xff\xfe", "127.0.0.1, " * 900, "unknown", "_hidden", "10.0.0.1"),
)


@pytest.mark.security("DP-03")
@pytest.mark.security("BF-07")
@pytest.mark.security("LG-04")
async def test_only_the_named_proxy_is_believed_when_it_says_whose_request_it_is(proxied: Live) -> None:
    person = "behind-a-proxy"
    async with proxied.operator() as operator:
        await create_user(operator, {"username": person, "password": PASSWORD})
    forwarded = [("X-Forwarded-For", "198.51.100.66, 10.1.2.3"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")]
    through = await guess(proxied, PROXY, person, *forwarded, password=PASSWORD)
    assert (through.status, location_of(through)) == (303, "/account"), "https at the proxy, http behind it"
    assert all(b"; Secure" in value for name, value in through.headers if name == b"set-cookie")
    assert through.header("strict-transport-security")
    past = await guess(proxied, OUTSIDE, person, *forwarded)
    assert past.status == 401
    for proto in ("gopher", "http", "", "\xff", "https,http"):
        assert (await guess(proxied, PROXY, person, ("X-Forwarded-For", "198.51.100.67"), ("X-Forwarded-Proto", proto))).status == 401
    events = logged(proxied)
    addresses = [event["address"] for event in events if event["method"] == "POST" and event["path"] == "/login"]
    assert addresses == ["198.51.100.66", OUTSIDE, *["198.51.100.67"] * 5]
    for value in ODD:
        for address in (PROXY, OUTSIDE):
            answer = answer_of(proxied.port, "GET", "/login", ("X-Forwarded-For", value), ("Forwarded", f"for={value}"), address=address)
            assert answer.status == 200, value
            wrong = answer_of(
                proxied.port,
                "POST",
                "/token",
                ("X-Forwarded-For", value),
                ("Content-Type", FORM),
                ("Authorization", proxied.basic("demo-service", "wrong")),
                body=b"grant_type=client_credentials",
                address=address,
            )
            assert wrong.status == 401, value


@pytest.mark.security("BF-07")
@pytest.mark.security("BF-01")
async def test_no_address_that_somebody_makes_up_resets_the_counter_of_an_account(proxied: Live) -> None:
    person = "guessed-through-a-proxy"
    async with proxied.operator() as operator:
        await create_user(operator, {"username": person, "password": PASSWORD})
    statuses = [
        (await guess(proxied, PROXY if number % 2 else OUTSIDE, person, ("X-Forwarded-For", f"198.51.100.{number}"))).status
        for number in range(LIMIT + 4)
    ]
    assert statuses == [401] * LIMIT + [429] * 4


# -- a database that breaks --------------------------------------------------------------------------------------------------------------


async def break_sessions(url: str) -> None:
    """Take a table away under a running server."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("DROP TABLE session")
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE session")
    finally:
        await connection.close()


@pytest.mark.security("LO-05")
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_a_fault_of_ours_is_told_to_a_person_by_an_id_and_nothing_else(
    request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    with database(engine, request, tmp_path) as url, open_live(url, environment={"TOKENRY_LOG_LEVEL": "debug"}) as live:
        async with httpx.AsyncClient(base_url=live.server.url, verify=NO_TLS, trust_env=False) as browser:
            page = await browser.get("/login")
            csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
            await break_sessions(url)
            browser.cookies.set("tokenry_session", "a" * 43)
            answers = [await browser.get(path) for path in ("/account", "/logout", f"/authorize?{STANDARD.query()}", "/account/passkeys")]
            browser.cookies.delete("tokenry_session")
            answers.append(await browser.post("/login", data={"csrf": csrf, "username": "alice", "password": "wonderland-9-wonderland"}))
            assert (await browser.get("/livez")).status_code == 200
            assert (await browser.get("/login")).status_code == 200
        live.server.stop()
        told = live.server.output + live.server.errors
    for answer in answers:
        assert answer.status_code in {500, 503}, answer.request.url
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        shown = answer.text.lower()
        assert not any(
            word in shown for word in ("traceback", "sqlite", "asyncpg", "select", "no such table", "undefined", ".py", "alice@")
        )
        assert answer.headers["x-request-id"] in told
        assert answer.headers["x-request-id"] in answer.text or "very busy" in answer.text
    assert "wonderland-9-wonderland" not in told
    assert csrf not in told


@pytest.mark.security("LG-12")
@pytest.mark.parametrize("pause", [1, 20, 59, 60])
def test_whoever_is_at_work_stays_logged_in_with_the_shortest_limit_too(pause: int) -> None:
    """Sessions are noted to the minute, so a limit of a minute would end those that are in use."""
    idle = 120
    with pytest.raises(Mistake):
        load_settings(session_idle=idle - 1)
    assert load_settings(session_idle=idle).session_idle == idle
    session = Session(id_hash=b"", user_id="", created_at=START, last_seen_at=START, expires_at=START + timedelta(days=1), amr=[])
    for seconds in range(pause, 600, pause):
        now = START + timedelta(seconds=seconds)
        assert session.is_alive(now, idle)
        if session.is_due(now):
            session.last_seen_at = now
    assert not session.is_alive(session.last_seen_at + timedelta(seconds=idle), idle)
