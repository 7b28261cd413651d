"""``tokenry serve`` and ``sandbox`` as processes of their own, over real sockets."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Command
from tests.fixtures.server import NO_TLS, ROOT, Server, free_port

ENVIRONMENT = {**{name: value for name, value in os.environ.items() if not name.startswith(("TOKENRY_", "PG"))}, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Server]:
    with Server(None, command="sandbox") as server:
        yield server


def facts(server: Server) -> dict[str, str]:
    """Return what a sandbox has said of itself."""
    deadline = time.monotonic() + 10
    while "curl.standard.refresh=" not in server.output and time.monotonic() < deadline:
        time.sleep(0.01)
    return dict(line.split("=", 1) for line in server.output.splitlines() if re.match(r"[\w.]+=", line))


def shell(command: str) -> str:
    ended = subprocess.run(["bash", "-c", command], cwd="/", env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def status(host: str, port: int, path: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.may_skip
def test_every_line_of_the_banner_works_as_it_is_pasted(sandbox: Server) -> None:
    """In the order of the banner: a placeholder stands for what an earlier line of the same dialect brought."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    tokens: dict[str, str] = {}
    dialect = ""
    told = {name: command for name, command in facts(sandbox).items() if name.startswith("curl.")}
    assert len(told) > 15
    for name, line in told.items():
        if name.split(".")[1] != dialect:
            dialect, tokens = name.split(".")[1], {}
        command = line
        for word, member in (("ACCESS_TOKEN", "access_token"), ("REFRESH_TOKEN", "refresh_token")):
            command = command.replace(word, tokens.get(member, ""))
        answer = shell(command)
        assert "error" not in answer, f"{name}: {command}\n{answer}"
        assert '"code":"invalid' not in answer, f"{name}: {command}\n{answer}"
        found = json.loads(answer)
        found = found.get("payload", found)
        tokens |= {member: found[member] for member in ("access_token", "refresh_token") if member in found}


@pytest.mark.security("DP-04")
def test_a_sandbox_listens_on_both_loopback_addresses_and_on_no_other(sandbox: Server) -> None:
    assert status("127.0.0.1", sandbox.port, "/livez") == 200
    if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
        assert status("::1", sandbox.port, "/livez") == 200
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)} - {"127.0.0.1", "::1", "127.0.1.1"}
    for address in addresses:
        with pytest.raises(OSError, match=r"refused|unreachable|timed out|assign"):
            status(str(address), sandbox.port, "/livez")


@pytest.mark.security("AT-08")
def test_a_sandboxs_data_is_this_users_alone_and_goes_away_with_it() -> None:
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)):
        with Server(None, command="sandbox") as server:
            folder = Path(facts(server)["database"].removeprefix("sqlite:///")).parent
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
            os.kill(server.pid, number)
            assert server.wait() == code
            assert "Traceback" not in server.errors
            assert not folder.exists(), number


def test_a_kept_sandbox_can_be_started_again_but_not_be_served(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    for _ in range(2):
        with Server(url, command="sandbox") as server:
            assert facts(server)["database"] == url
            server.stop()
    serve = [sys.executable, "-m", "app", "serve", "--database", url, "--port", str(free_port())]
    ended = subprocess.run(serve, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 78
    assert ended.stderr.splitlines()[-1].startswith("tokenry: this database is a sandbox's")


def test_a_taken_port_is_told_in_one_line(sandbox: Server, tmp_path: Path) -> None:
    for command in ("serve", "sandbox"):
        arguments = [sys.executable, "-m", "app", command, "--database", f"sqlite:///{tmp_path}/x.db", "--port", str(sandbox.port)]
        ended = subprocess.run(arguments, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
        assert ended.returncode == 3
        assert ended.stderr.startswith(f"tokenry: port {sandbox.port} on 127.0.0.1 is taken")
        assert ended.stderr.count("\n") == 1


def test_a_service_applies_its_file_before_it_answers(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123456789abcdef"
    file = tmp_path / "partners.toml"
    file.write_text(f'[[clients]]\nclient_id = "service"\ngrant_types = ["client_credentials"]\nclient_secret = "{secret}"\n')
    with Server(f"sqlite:///{tmp_path}/tokenry.db", arguments=["--config", str(file)]) as server:
        environment = {**ENVIRONMENT, "TOKENRY_PORT": str(server.port)}
        health = subprocess.run([sys.executable, "-m", "app", "healthcheck"], env=environment, capture_output=True, text=True, check=False)
        assert (health.returncode, health.stdout) == (0, "ready\n")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        body = f"grant_type=client_credentials&client_id=service&client_secret={secret}"
        connection.request("POST", "/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().status == 401, "registered for Basic"
        connection.close()
        assert secret not in server.output + server.errors
        assert server.stop() == 143


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    script = (
        "import sys, app.cli; print([m for m in ('fastapi', 'sqlalchemy', 'authlib', 'pydantic', 'rich', 'uvicorn') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_a_sandbox_of_several_processes_serves_its_doors_and_says_that_nothing_controls_it(tmp_path: Path) -> None:
    told = "A sandbox of several processes has no pages, no control API and no clock that moves: leave --workers out."
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", command="sandbox", workers=2) as server:
        assert facts(server)["control"] == f"none: {told}"
        assert '"access_token"' in shell(facts(server)["curl.standard.client"])
        with httpx.Client(base_url=server.url, verify=NO_TLS) as client:
            for method, path in (("GET", ""), ("POST", "/namespaces"), ("PATCH", "/clients/hex-demo"), ("GET", "/exchanges/live")):
                answer = client.request(method, f"/sandbox/api{path}")
                assert (answer.status_code, answer.json()["error_description"]) == (404, told)
            for path in ("/", "/sandbox/inspector", "/sandbox/playground/standard-code"):
                answer = client.get(path)
                assert (answer.status_code, answer.text) == (404, f"{told}\n")
            assert "多进程沙箱" in client.get("/", headers={"Accept-Language": "zh-CN"}).text
            assert client.get("/nothing").json()["error_description"] == "Not Found"


@pytest.mark.security("AT-04")
@pytest.mark.parametrize(("command", "workers"), [("serve", "1"), ("serve", "2"), ("sandbox", "1")])
def test_a_database_on_a_server_needs_a_secret_key_before_anything_is_answered(
    postgres_url: str, tmp_path: Path, command: str, workers: str
) -> None:
    environment = {**ENVIRONMENT, "TOKENRY_DATABASE_URL": postgres_url}
    started = [sys.executable, "-m", "app", command, "--port", "0", "--workers", workers]
    ended = subprocess.run(started, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 78, ended
    assert ended.stdout + ended.stderr == ended.stderr
    assert re.fullmatch(r"tokenry: TOKENRY_SECRET_KEY is not set: [^\n]+; make one with: openssl rand -hex 32\n", ended.stderr), ended


@pytest.mark.security("AT-04")
@pytest.mark.security("AT-08")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_secret_key_is_made_once_beside_the_database(tmp_path: Path, workers: int) -> None:
    key = tmp_path / "tokenry.db.key"
    program = ("env", "-u", "TOKENRY_SECRET_KEY", sys.executable, "-m", "app")
    kept = set()
    for _ in range(2):
        with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", workers=workers, program=program):
            kept.add(key.read_text())
    assert [len(text) for text in kept] == [65]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*.new")] == []


@pytest.mark.security("F-19")
@pytest.mark.security("AT-04")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_another_secret_key_than_the_signing_keys_were_sealed_under_is_told_before_anything_is_answered(
    tokenry: Command, sqlite: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    url = f"sqlite:///{sqlite}"
    monkeypatch.setenv("TOKENRY_SECRET_KEY", "o" * 32)
    assert tokenry("migrate").code == 0
    assert tokenry("keys", "rotate").code == 0
    monkeypatch.setenv("TOKENRY_SECRET_KEY", "n" * 32)
    serve = [sys.executable, "-m", "app", "serve", "--database", url, "--port", "0", "--workers", workers]
    environment = {**ENVIRONMENT, "TOKENRY_SECRET_KEY": "n" * 32}
    ended = subprocess.run(serve, env=environment, cwd=sqlite.parent, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78, ended
    said = r"tokenry: the signing key [\w-]{43} is sealed under another secret key: start with that one [^\n]+: tokenry keys rotate --now"
    assert re.fullmatch(said, ended.stderr.splitlines()[-1]), ended
    assert tokenry("keys", "rotate", "--now").code == 0
    with Server(url, workers=int(workers), environment={"TOKENRY_SECRET_KEY": "n" * 32}) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/.well-known/jwks.json")
        assert len(json.loads(connection.getresponse().read())["keys"]) == 6
        connection.close()


@pytest.mark.security("AT-04")
@pytest.mark.parametrize("in_dot_env", [False, True])
def test_a_secret_that_stands_in_a_file_stands_in_no_workers_environment(tmp_path: Path, in_dot_env: bool) -> None:  # noqa: FBT001
    secrets = {"TOKENRY_SECRET_KEY": "k" * 40, "TOKENRY_DATABASE_URL": f"sqlite:///{tmp_path / 'a-secret.db'}"}
    files = {name: tmp_path / name.lower() for name in secrets}
    for name, file in files.items():
        file.write_text(f"{secrets[name]}\n")
    program = ["env", "-u", "TOKENRY_SECRET_KEY", sys.executable, "-m", "app"]
    if in_dot_env:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in secrets.items()))
        program[1:1] = ["--chdir", str(tmp_path)]
    environment = {} if in_dot_env else {f"{name}_FILE": str(file) for name, file in files.items()}
    with Server(None, workers=2, program=program, environment={**environment, "TOKENRY_LOG_LEVEL": "warning"}) as server:
        environments = [Path(f"/proc/{process.pid}/environ").read_bytes().decode() for process in server.processes()]
        assert len(environments) >= 3
        assert sum("TOKENRY_PORT=" in each for each in environments) >= 2, "what a flag says is passed on"
        assert [each for each in environments for secret in secrets.values() if secret in each] == []
        assert httpx.get(f"{server.url}/readyz", verify=NO_TLS).status_code == 200
        assert (tmp_path / "a-secret.db").exists()


def test_a_flag_wins_over_a_file_in_every_worker(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("sqlite:////nowhere/tokenry.db")
    environment = {"TOKENRY_DATABASE_URL_FILE": str(tmp_path / "url")}
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", workers=2, environment=environment) as server:
        assert {httpx.get(f"{server.url}/readyz", verify=NO_TLS).status_code for _ in range(8)} == {200}


def test_a_sandbox_says_in_a_file_that_it_is_ready(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    with Server(None, command="sandbox", arguments=["--ready-file", str(file)]) as server:
        deadline = time.monotonic() + 10
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        told = json.loads(file.read_text())
        assert told == {"issuer": f"http://localhost:{server.port}", "address": f"http://localhost:{server.port}", "pid": server.pid}


AROUND_WORKERS = """
import dataclasses
import app.main
from app.cli import main
real = app.main._serve_by_several
app.main.ANSWER_SECONDS = {seconds}
app.main._serve_by_several = lambda settings, start, sockets: real(settings, dataclasses.replace(start, worker="{worker}"), sockets)
main()
"""
"""The command line, with another maker of what its worker processes serve."""


def test_a_sandbox_of_several_processes_is_ready_when_the_first_of_them_answers(tmp_path: Path) -> None:
    made, file = tmp_path / "made", tmp_path / "ready.json"
    slow = "import pathlib, time\nfrom app.cli.starts import sandbox_worker as real\n\n"
    slow += f"def make():\n    time.sleep(2)\n    pathlib.Path({str(made)!r}).open('a').close()\n    return real()\n"
    (tmp_path / "slow.py").write_text(slow)
    program = [sys.executable, "-c", AROUND_WORKERS.format(worker="slow:make", seconds=60)]
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    arguments = ["--ready-file", str(file)]
    with Server(None, command="sandbox", workers=2, arguments=arguments, program=program, environment=environment) as server:
        deadline = time.monotonic() + 30
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads(file.read_text())["pid"] == server.pid
        assert file.stat().st_mtime_ns > made.stat().st_mtime_ns, "before there was anybody who could answer"
        assert "curl.standard.refresh=" in server.output


@pytest.mark.parametrize(
    ("module", "seconds", "why"),
    [
        ("def make():\n    return None()\n", 60, "a server process could not start: it has told why"),
        ("def make():\n    raise ValueError('broken')\n", 3, "no server process has answered for 3 seconds"),
    ],
)
def test_where_no_worker_starts_nothing_is_announced_and_the_server_ends(tmp_path: Path, module: str, seconds: int, why: str) -> None:
    (tmp_path / "broken.py").write_text(module)
    file = tmp_path / "ready.json"
    program = [sys.executable, "-c", AROUND_WORKERS.format(worker="broken:make", seconds=seconds)]
    command = [*program, "sandbox", "--port", "0", "--workers", "2", "--ready-file", str(file)]
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.stderr.splitlines()[-1] == f"tokenry: {why}"
    assert (ended.returncode, ended.stdout, file.exists()) == (1, "", False)


def test_several_processes_end_in_one_line_where_their_ready_file_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "ready.json"
    command = [sys.executable, "-m", "app", "sandbox", "--port", "0", "--workers", "2", "--ready-file", str(file)]
    ended = subprocess.run(command, env=ENVIRONMENT, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    assert ended.stderr.splitlines()[-1].startswith(f"tokenry: --ready-file: cannot write {file}: ")


def test_a_sandbox_starts_from_what_another_one_was_kept_as(tokenry: Command, tmp_path: Path) -> None:
    """People keep the names by which apps know them, also those who are there before the file is read."""
    kept = tmp_path / "kept.toml"
    ids = []
    for number, arguments in enumerate(((), ("--config", str(kept)))):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        with Server(url, command="sandbox", arguments=arguments):
            ids.append(json.loads(tokenry("users", "show", "demo", "--database", url, "-o", "json").out)["id"])
            assert tokenry("export", str(kept if number == 0 else tmp_path / "again.toml"), "--database", url).code == 0
    assert ids[0] == ids[1]
    assert kept.read_text() == (tmp_path / "again.toml").read_text()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("level", "is_noted"), [("info", True), ("warning", False)])
def test_exchanges_are_noted_from_the_level_on_that_is_set(tmp_path: Path, workers: int, level: str, is_noted: bool) -> None:  # noqa: FBT001
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", workers=workers, environment={"TOKENRY_LOG_LEVEL": level}) as server:
        assert httpx.post(f"{server.url}/token", verify=NO_TLS).status_code == 400
        time.sleep(0.5)  # longer than a line waits for others
        assert ('"event":"exchange"' in server.output) == is_noted
