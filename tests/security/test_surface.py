"""What a server shows and refuses before anybody authenticates: its start, its other pages, its headers."""

import ast
import contextlib
import json
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest
import typer

from app.cli import made
from app.core.clock import SystemClock
from app.core.mistakes import Mistake
from app.sandbox import check_loopback
from app.settings import load_settings
from app.storage import open_storage
from tests.fixtures.server import NO_TLS, ROOT, SECRET_KEY, Server
from tests.fixtures.world import ISSUER, World
from tests.security.doors import FORM, PATHS, knock
from tests.security.live import Live, long_secret
from tests.security.wire import request, send


def attempt(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command where it must end by itself."""
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TOKENRY_SECRET_KEY": SECRET_KEY, **environment}
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=30, check=False)


def refused(done: subprocess.CompletedProcess[str], *, secrets: tuple[str, ...] = ()) -> str:
    """Hold a start that was refused to its one plain line, and return it."""
    said = done.stdout + done.stderr
    assert done.returncode not in {0, -9, -15}
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    for secret in secrets:
        assert secret not in said
    return lines[0]


PORT = ("--port", "0")
HIDDEN = "hunter2hunter2hunter2hunter2hunter2"


@pytest.mark.security("DP-01")
def test_a_service_does_not_start_with_an_issuer_that_cannot_be_trusted(tmp_path: Path) -> None:
    line = refused(attempt(tmp_path, "serve", *PORT, "--issuer", "http://id.example.com"))
    assert "ISSUER" in line
    assert not list(tmp_path.glob("*.db*"))


@pytest.mark.security("DP-01")
@pytest.mark.parametrize(
    "issuer",
    [
        *("http://127.0.0.1.example.com", "http://localhost@example.com", "http://example.com:6749", "http://0.0.0.0:6749"),
        *(
            "ftp://localhost",
            "//id.example.com",
            "https://id.example.com/?x",
            "https://id.example.com#x",
            "https://user:pass@id.example.com",
        ),
        *("http://192.168.1.1", "https://", "https://id.example.com/", "", "https://id.example.com/\r\nX: y", "https://id example.com"),
    ],
)
def test_no_setting_takes_an_issuer_that_cannot_be_trusted(issuer: str) -> None:
    with pytest.raises(Mistake, match="ISSUER"):
        load_settings(issuer=issuer)


@pytest.mark.security("DP-01")
@pytest.mark.security("AD-02")
@pytest.mark.parametrize("secret", ["platform-demo-secret", "x" * 31])
def test_a_service_does_not_start_with_a_secret_that_is_known_or_short(tmp_path: Path, secret: str) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(f'[[clients]]\nclient_id = "c"\nclient_secret = "{secret}"\ndialect = "hex"\n')
    line = refused(attempt(tmp_path, "serve", *PORT, "--config", str(file)), secrets=(secret,))
    assert "client_secret" in line


@pytest.mark.security("DP-01")
@pytest.mark.security("AD-02")
def test_a_service_does_not_start_with_the_published_person(tmp_path: Path) -> None:
    file = tmp_path / "people.toml"
    file.write_text('[[users]]\nusername = "someone"\npassword = "demo-password"\n')
    assert "password" in refused(attempt(tmp_path, "serve", *PORT, "--config", str(file)), secrets=("demo-password",))


@pytest.mark.security("DP-01")
def test_a_service_does_not_start_on_a_sandbox_and_a_sandbox_not_on_a_service(tmp_path: Path) -> None:
    sandboxed, served = (f"sqlite:///{tmp_path / name}.db" for name in ("sandboxed", "served"))
    with Server(sandboxed, command="sandbox"):
        pass
    assert "sandbox" in refused(attempt(tmp_path, "serve", *PORT, "--database", sandboxed))
    file = tmp_path / "clients.toml"
    file.write_text(f'[[clients]]\nclient_id = "c"\nclient_secret = "{long_secret("c")}"\ndialect = "hex"\n')
    with Server(served, arguments=["--config", str(file)]):
        pass
    assert "sandbox" in refused(attempt(tmp_path, "sandbox", *PORT, "--database", served))


@pytest.mark.security("DP-08")
@pytest.mark.security("LO-01")
@pytest.mark.parametrize("url", [f"postgresql://u:{HIDDEN}@127.0.0.1:1/x", f"postgresql://u:{HIDDEN}/x@127.0.0.1/x"])
def test_a_service_that_finds_no_database_does_not_repeat_its_password(tmp_path: Path, url: str) -> None:
    refused(attempt(tmp_path, "serve", *PORT, TOKENRY_DATABASE_URL=url), secrets=(HIDDEN,))


@pytest.mark.security("DP-08")
@pytest.mark.security("LO-01")
@pytest.mark.parametrize(
    "url",
    [
        *(f"postgresql://u:{HIDDEN}@@127.0.0.1/x", f"postgresql://u:{HIDDEN}#@127.0.0.1/x", f"postgresql://u:{HIDDEN}?x@127.0.0.1/x"),
        *(f"mysql://u:{HIDDEN}@127.0.0.1/x", f"oracle+{HIDDEN}://u@127.0.0.1/x", HIDDEN, f"sqlite:///x.db?{HIDDEN}"),
    ],
)
async def test_no_word_of_a_database_url_is_repeated(url: str) -> None:
    with pytest.raises(Exception, match=r"^(?!.*hunter2)") as raised:
        await open_storage(url, clock=SystemClock())
    assert HIDDEN not in repr(raised.value) + repr(raised.value.__cause__)
    assert HIDDEN not in repr(load_settings(database_url=url))


@pytest.mark.security("DP-08")
def test_a_short_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    assert "SECRET_KEY" in refused(attempt(tmp_path, "serve", *PORT, TOKENRY_SECRET_KEY="hunter2hunter2"), secrets=("hunter2",))
    file = tmp_path / "key"
    file.write_text("hunter2hunter2\n")
    variables = {"TOKENRY_SECRET_KEY_FILE": str(file)}
    assert "SECRET_KEY" in refused(attempt(tmp_path, "serve", *PORT, TOKENRY_SECRET_KEY="x" * 40, **variables))


@pytest.mark.security("DP-08")
def test_no_secret_stands_in_the_arguments_of_a_process(tmp_path: Path) -> None:
    url, key = f"sqlite:///{tmp_path / 'a-secret-place.db'}", tmp_path / "url"
    key.write_text(url)
    with Server(None, workers=2, environment={"TOKENRY_DATABASE_URL_FILE": str(key)}) as server:
        shown = [" ".join(process.cmdline()) for process in server.processes()]
        assert len(shown) >= 3
        assert not any("a-secret-place" in line or SECRET_KEY in line for line in shown)


@pytest.mark.security("DP-08")
def test_no_command_takes_a_secret_as_an_argument() -> None:
    def options(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        for option in command.params:
            yield name, option
        for word, inner in getattr(command, "commands", {}).items():
            yield from options(inner, f"{name} {word}")

    found = list(options(typer.main.get_command(made())))
    assert len(found) > 50
    for name, option in found:
        if any(word in option.name for word in ("secret", "password", "token", "key")) and "method" not in option.name:
            assert option.is_flag or option.metavar == "FILE", f"{name} {option.opts}"


@pytest.mark.security("DP-04")
@pytest.mark.parametrize("arguments", [("--host", "0.0.0.0"), ("--issuer", "https://id.example.com")], ids=lambda pair: pair[1])  # noqa: S104
def test_a_sandbox_does_not_start_where_others_could_reach_it(tmp_path: Path, arguments: tuple[str, str]) -> None:
    refused(attempt(tmp_path, "sandbox", *PORT, *arguments))


@pytest.mark.security("DP-04")
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", "127.0.0.1.example.com", "", "0", "127.1"])  # noqa: S104
def test_a_sandbox_stays_on_this_machine(host: str) -> None:
    with pytest.raises(Mistake):
        check_loopback(host, "http://localhost:6749")
    with pytest.raises(Mistake):
        check_loopback("127.0.0.1", f"https://{host}")


@pytest.mark.security("DP-04")
def test_a_sandbox_listens_on_loopback_alone_and_says_what_it_is(tmp_path: Path) -> None:
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", command="sandbox") as server:
        listening = [
            connection.laddr.ip
            for process in server.processes()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert set(listening) <= {"127.0.0.1", "::1"}
        assert "sandbox" in server.output.lower()


@pytest.mark.security("DP-06")
@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/redoc", "/openapi.json", "/metrics", "/admin", "/admin/", "/debug", "/.env", "/.git/config", "/server-status"),
        *("/favicon.ico", "/static/", "/docs/oauth2-redirect", "/", "/version", "/health"),
    ],
)
def test_a_service_shows_no_page_that_was_not_meant(lone: Live, path: str) -> None:
    exchange = send(lone.port, request("GET", path))
    assert exchange.status == 404
    assert len(exchange.answers[0].body) < 200


@pytest.mark.security("DP-05")
def test_health_is_told_without_details(live: Live) -> None:
    for path, members in (("/livez", {"status": "ok"}), ("/readyz", {"status": "ok", "database": "ok"})):
        answer = httpx.get(f"{live.server.url}{path}", verify=NO_TLS)
        assert (answer.status_code, answer.json()) == (200, members)
        assert answer.headers["cache-control"] == "no-store"


@contextlib.asynccontextmanager
async def away(url: str) -> AsyncIterator[None]:
    """Let nobody connect to a PostgreSQL database for a while."""
    name = urlsplit(url).path.removeprefix("/")
    admin = await asyncpg.connect(url.replace(name, "postgres"))
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        yield
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()


@pytest.mark.security("DP-05")
@pytest.mark.security("RV-09")
async def test_a_database_that_is_away_is_told_as_that_and_no_more(live: Live) -> None:
    if live.database_url.startswith("sqlite"):
        return
    form = {"Content-Type": FORM, "Authorization": live.basic("demo-service")}
    async with httpx.AsyncClient(base_url=live.server.url, verify=NO_TLS, trust_env=False) as http:
        token = (await http.post("/token", content="grant_type=client_credentials", headers=form)).json()["access_token"]
        async with away(live.database_url):
            ready = await http.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"status": "unavailable", "database": "unavailable"})
            assert (await http.get("/livez")).status_code == 200
            assert (await http.get("/.well-known/oauth-authorization-server")).status_code == 200
            for path, body in (
                ("/token", "grant_type=client_credentials"),
                ("/revoke", f"token={token}"),
                ("/introspect", f"token={token}"),
            ):
                answer = await http.post(path, content=body, headers=form)
                assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
                assert int(answer.headers["retry-after"]) > 0
                assert not any(word in answer.text.lower() for word in ("postgres", "asyncpg", "connect", "database", "127.0.0.1"))
            store = {**live.credentials("hex-demo"), "store_id": "S001"}
            envelope = await http.post("/third_party/oauth2/token", json=store)
            assert (envelope.status_code, envelope.json()["status_code"], envelope.json()["code"]) == (503, 14, "unavailable")
        assert (await http.get("/readyz")).status_code == 200
        alive = await http.post("/introspect", content=f"token={token}", headers=form)
        assert alive.json()["active"]


@pytest.mark.security("MD-03")
@pytest.mark.security("HI-01")
async def test_metadata_are_what_was_set_whoever_asks_under_whatever_name(any_world: World) -> None:
    path = "/.well-known/oauth-authorization-server"
    plain = await knock(any_world.app, path, method="GET")
    forged = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
    ]
    asked = await knock(any_world.app, path, forged, method="GET")
    assert (asked.status, asked.body) == (plain.status, plain.body)
    members = plain.json()
    assert members["issuer"] == ISSUER
    assert all(value.startswith(ISSUER) for name, value in members.items() if name.endswith("_endpoint"))
    assert "evil" not in json.dumps(members)
    assert "none" not in members.get("introspection_endpoint_auth_methods_supported", [])
    assert members["code_challenge_methods_supported"] == ["S256"]
    assert not {"password", "authorize_platform", "silent", "implicit"} & set(members["grant_types_supported"])


@pytest.mark.security("DP-07")
@pytest.mark.parametrize("target", [*PATHS, "/livez", "/readyz", "/.well-known/oauth-authorization-server", "/nothing-here"])
def test_no_answer_names_what_it_was_made_with(lone: Live, target: str) -> None:
    for method in ("GET", "POST"):
        answer = send(lone.port, request(method, target, [("Content-Type", FORM)], b"x=y" if method == "POST" else b"")).answers[0]
        names = {name.decode() for name, _ in answer.headers}
        assert not names & {"server", "x-powered-by", "via", "x-runtime", "x-aspnet-version"}
        shown = b" ".join(value for _, value in answer.headers).lower() + answer.body.lower()
        assert not any(word in shown for word in (b"uvicorn", b"fastapi", b"starlette", b"python", b"authlib", b"sqlalchemy"))


@pytest.mark.security("CO-01")
@pytest.mark.parametrize("target", [*PATHS, "/livez"])
def test_no_other_origin_is_let_in(lone: Live, target: str) -> None:
    origin = [
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization"),
    ]
    for method in ("OPTIONS", "POST", "GET"):
        answer = send(lone.port, request(method, target, [*origin, ("Content-Type", FORM)])).answers[0]
        assert not [name for name, _ in answer.headers if name.startswith(b"access-control")]
        assert b"evil" not in b" ".join(value for _, value in answer.headers)


@pytest.mark.security("LG-03")
@pytest.mark.parametrize("target", [*PATHS, "/livez", "/.well-known/oauth-authorization-server", "/nothing-here"])
def test_no_answer_may_be_taken_for_another_type(lone: Live, target: str) -> None:
    answer = send(lone.port, request("GET", target)).answers[0]
    assert answer.header("x-content-type-options") == "nosniff"


@pytest.mark.security("TK-10")
@pytest.mark.parametrize("target", [*PATHS, "/nothing-here", "/token/"])
def test_no_refusal_may_be_stored(lone: Live, target: str) -> None:
    answer = send(lone.port, request("GET", target)).answers[0]
    assert answer.status in {404, 405}
    assert answer.header("cache-control") == "no-store"


@pytest.mark.security("SU-03")
def test_there_is_one_library_for_signed_tokens() -> None:
    for file in (ROOT / "app").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [
            name for name in names if name.split(".")[0] in {"jose", "jwt", "jwcrypto", "python_jose"} or name.startswith("authlib.jose")
        ], file
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8").lower()
    assert any(one.startswith("joserfc") for one in project["dependencies"])
    assert not any(f"\n{name}==" in f"\n{locked}" for name in ("python-jose", "pyjwt", "jwcrypto", "authlib-jose"))


@pytest.mark.security("SU-03")
def test_a_running_service_has_loaded_no_other_library_for_signed_tokens() -> None:
    script = (
        "import sys; from app.main import create_app; from app.settings import Settings; create_app(Settings());"
        "print(*[name for name in sys.modules if name.split('.')[0] in {'jose', 'jwt', 'jwcrypto'} or name.startswith('authlib.jose')])"
    )
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=variables, cwd="/", check=True, timeout=30)
    assert done.stdout.strip() == ""
