"""What a log may hold: who asked for what and what became of it, in one line, and never a secret, whatever is switched on."""

import base64
import contextlib
import io
import json
import logging
import sqlite3
import sys
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.telemetry import Event, HumanJournal, JsonJournal
from tests.fixtures.server import NO_TLS, ROOT, Server
from tests.fixtures.world import CALLBACK, World, basic_header
from tests.security.doors import FORM, JSON, encoded, knock
from tests.security.exercise import Robbed, seen, walk
from tests.security.live import Live, database, long_secret, open_live, settle

LOUD = """
import logging, sys, warnings
import app.main
import app.telemetry.logs as logs
import asyncpg, authlib.oauth2.rfc6749, authlib.oauth2.rfc7009, authlib.oauth2.rfc7662, python_multipart, sqlalchemy.engine, uvicorn
warnings.simplefilter("always")
quiet = logs.set_up_logging
def loud(*arguments, **options):
    quiet(*arguments, **options)
    logging.getLogger().setLevel(1)
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(1)
app.main.set_up_logging = loud
sys.argv[0] = "tokenry"
from app.cli import main
main()
"""
"""The command line with every logger of every library told to say all that it has to say."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with database(request.param, request, tmp_path) as url:
        yield url


@pytest.mark.security("LO-01")
def test_a_secret_is_found_in_every_likely_spelling() -> None:
    secret = long_secret("x")
    inside = [base64.b64encode(before.encode() + secret.encode() + b":z").decode() for before in ("", "a", "ab", "abc", "client:")]
    for shown in (secret, secret.encode().hex(), urllib.parse.quote(secret, safe=""), *inside):
        assert seen(f"before {shown} after".encode(), [secret, "another secret"]) == [secret]
    assert seen(b"nothing of it", [secret]) == []


@pytest.mark.security("LO-01")
@pytest.mark.security("LO-02")
def test_no_secret_is_logged_at_the_level_of_debugging(robbed: Robbed) -> None:
    assert robbed.logged.count('"event":"exchange"') + robbed.logged.count('"event":"replay"') >= robbed.walked.answered
    assert '"level": "debug"' in robbed.logged or robbed.logged.count('"event"') > 100
    assert seen(robbed.logged.encode(), robbed.walked.secrets) == []


@pytest.mark.security("LO-01")
async def test_no_secret_is_logged_where_every_library_says_all_it_can(tmp_path: Path) -> None:
    script, url = tmp_path / "loud.py", f"sqlite:///{tmp_path / 'tokenry.db'}"
    script.write_text(LOUD)
    await settle(url)
    environment = {"TOKENRY_LOG_LEVEL": "debug", "PYTHONASYNCIODEBUG": "1", "PYTHONPATH": str(ROOT)}
    with Server(url, environment=environment, program=[sys.executable, "-X", "dev", str(script)]) as server:
        walked = await walk(Live(url, [server]))
        server.stop()
        logged = server.output + server.errors
    assert seen(logged.encode(), walked.secrets) == []


@pytest.mark.security("LO-01")
async def test_no_secret_is_logged_where_only_the_root_logger_is_set(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fields = {"grant_type": "authorization_code", "code": await world.code("platform-demo"), "redirect_uri": CALLBACK}
    first = await world.post("/oauth2/authorize", {**fields, **world.credentials("platform-demo")})
    refresh = {"grant_type": "refresh_token", "refresh_token": first.json()["refresh_token"], **world.credentials("platform-demo")}
    second = await world.post("/oauth2/refresh-token", refresh)
    person = {"grant_type": "password", "username": "alice", "password": "wonderland-9-wonderland", **world.credentials("platform-demo")}
    third = await world.post("/oauth2/password", person)
    tokens = [answer.json()[name] for answer in (first, second, third) for name in ("access_token", "refresh_token")]
    assert seen(caplog.text.encode(), [*tokens, fields["code"], "wonderland-9-wonderland", "platform-demo-secret"]) == []


ODD = {
    "a second line": "x\r\n2026-11-22 forged",
    "an escape": "x\x1b[2J\x1b]0;forged\x07",
    "a separator of lines": "x\u2028forged\u0085forged",
    "the other direction": "x\u202eforged",
    "quotes": 'x","forged":"1',
    "a NUL": "x\x00forged",
    "long": "x" * 9_000,
    "half a pair": "x\ud800forged",
}


@pytest.mark.security("LO-03")
def test_whatever_a_client_calls_itself_is_one_line_of_json(tmp_path: Path) -> None:
    with (
        open_live(f"sqlite:///{tmp_path / 'tokenry.db'}") as lone,
        httpx.Client(base_url=lone.server.url, verify=NO_TLS, trust_env=False) as client,
    ):
        for text in ODD.values():
            raw = text.encode("utf-8", "surrogatepass")
            names = dict.fromkeys(["client_id", "username", "scope", "store_id", "client_name"], text)
            fields = {"grant_type": "password", **names, "client_secret": "s", "password": "p"}
            for path, media_type in (("/token", FORM), ("/oauth2/password", JSON), ("/third_party/oauth2/token", JSON)):
                answer = client.post(path, content=encoded(fields, media_type), headers={"Content-Type": media_type})
                assert answer.status_code in {400, 401}
            basic = {"Authorization": "Basic " + base64.b64encode(raw + b":s").decode(), "Content-Type": FORM}
            assert client.post("/token", content="grant_type=client_credentials", headers=basic).status_code == 401
            quoted = "".join(f"%{byte:02x}" for byte in raw[:2000])
            assert client.post(f"/token/{quoted}?{quoted}").status_code == 404
        lone.server.stop()
        logged = lone.server.output + lone.server.errors
    assert logged.count('"event":"exchange"') == 4 * len(ODD)
    assert logged.isascii()
    assert all(character == "\n" or character.isprintable() for character in logged)
    for line in logged.splitlines():
        assert "forged" not in json.loads(line)
        assert len(line) < 3000


@pytest.mark.security("LO-03")
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
@pytest.mark.parametrize("kind", [HumanJournal, JsonJournal])
def test_a_line_is_written_and_is_one_line_whatever_the_terminal_can_show(
    kind: type[HumanJournal | JsonJournal], encoding: str, text: str
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    journal = kind(stream=stream)
    event = Event(at=datetime.now(UTC), request_id="1", method="POST", path="/token", status=400, seconds=0.1, address="::1")
    event.client_id = event.shop = event.client_name = f"有赞{text}"
    event.detail = text
    journal.record(event)
    if isinstance(journal, JsonJournal):
        journal.flush()
    stream.flush()
    written = raw.getvalue()
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    assert not any(byte < 0x20 or byte == 0x7F for byte in written[:-1])
    assert b"\xe2\x80\xa8" not in written
    assert b"\xe2\x80\xae" not in written


@pytest.mark.security("LO-04")
async def test_every_outcome_is_noted_with_who_and_where_and_why(world: World) -> None:
    service = basic_header("demo-service", world.secrets["demo-service"])
    await knock(world.app, "/token", [("content-type", FORM), ("authorization", service)], b"grant_type=client_credentials")
    wrong = basic_header("demo-service", "wrong")
    await knock(
        world.app, "/token", [("content-type", FORM), ("authorization", wrong)], b"grant_type=client_credentials", address="203.0.113.5"
    )
    code = {"grant_type": "authorization_code", "code": await world.code("platform-demo"), "redirect_uri": CALLBACK}
    for _ in range(2):
        await world.post("/oauth2/authorize", {**code, **world.credentials("platform-demo")})
    fine, refused, _, replayed = world.notes.events
    assert (fine.status, fine.client_id, fine.grant, fine.cause) == (200, "demo-service", "client_credentials", None)
    assert (refused.status, refused.client_id, refused.cause, refused.detail) == (401, "demo-service", "invalid_client", "wrong secret")
    assert refused.address == "203.0.113.5"
    assert (replayed.replayed, replayed.cause) == (True, "bad_code")
    assert replayed.level == logging.WARNING
    assert len({event.request_id for event in world.notes.events}) == 4
    assert all(event.at == world.clock.now() for event in world.notes.events)


@pytest.mark.security("LO-04")
async def test_a_note_names_the_shop_that_was_acted_for_and_not_the_one_that_was_said(world: World) -> None:
    tokens = (await world.send("POST", "/third_party/oauth2/token", json={**world.credentials("hex-demo"), "store_id": "S001"})).json()[
        "payload"
    ]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    body = {"refresh_token": tokens["refresh_token"], "store_id": "S002"}
    answer = await world.send("POST", "/third_party/oauth2/token/refresh", json=body, headers=headers)
    assert world.notes.events[0].shop == "S001"
    if answer.status_code == 200:
        assert world.notes.events[1].shop in {"S001", None}


async def drop_tokens(url: str) -> None:
    """Break the database under a running server."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.execute("DROP TABLE token")
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE token")
    finally:
        await connection.close()


@pytest.mark.security("LO-05")
@pytest.mark.security("TK-09")
async def test_a_broken_database_is_told_by_an_id_and_nothing_else(url: str) -> None:
    with open_live(url, environment={"TOKENRY_LOG_LEVEL": "debug"}) as live:
        await drop_tokens(url)
        answers = []
        async with httpx.AsyncClient(base_url=live.server.url, verify=NO_TLS, trust_env=False) as client:
            form = {"Content-Type": FORM, "Authorization": live.basic("demo-service")}
            answers.append(await client.post("/token", content="grant_type=client_credentials", headers=form))
            answers.append(await client.post("/introspect", content="token=a-token-that-is-a-secret", headers=form))
            store = {**live.credentials("hex-demo"), "store_id": "S001"}
            answers.append(await client.post("/third_party/oauth2/token", json=store))
            person = {
                "grant_type": "password",
                "username": "alice",
                "password": "wonderland-9-wonderland",
                **live.credentials("platform-demo"),
            }
            answers.append(await client.post("/oauth2/password", data=person))
            assert (await client.get("/livez")).status_code == 200
        live.server.stop()
        logged = live.server.output + live.server.errors
    for answer in answers:
        assert answer.status_code in {500, 503}
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) > 5
        assert answer.headers["x-request-id"] in logged
        assert not any(
            word in answer.text.lower() for word in ("traceback", "sqlite", "asyncpg", "select", "insert", "table", ".py", "token_hash")
        )
        assert list(answer.json()) in (["error", "error_description"], ["status_code", "code", "description", "payload"])
    secrets = ["a-token-that-is-a-secret", "wonderland-9-wonderland", long_secret("demo-service"), long_secret("hex-demo")]
    assert seen(logged.encode(), secrets) == []
