"""The README tells the truth: its commands run as they are written, and its picture shows the rooms that exist."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
COMMANDS = [line[2:] for language, text in BLOCKS if language == "console" for line in text.splitlines() if line.startswith("$ ")]
FILES = [text for language, text in BLOCKS if language == "toml"]
RUN_BY_CI = {"make test", "make lint"}
"""These run this test, and what stands beside it; .ci/run runs them."""
ENDLESS = ("make run", " serve")
STARTS_WITHIN = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that looks like the checkout, for commands that leave files behind."""
    for entry in ROOT.iterdir():
        if entry.name not in {".git", ".env", "tokenry.db"}:
            (tmp_path / entry.name).symlink_to(entry)
    for text in FILES:
        name = text.splitlines()[0].removeprefix("# ")
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def environment() -> dict[str, str]:
    """As a newcomer's: neither settings of ours nor what a make above us was told."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("TOKENRY_", "MAKE", "MFLAGS")) and name != "ARGS"
    }
    return {**inherited, "TOKENRY_PORT": str(free_port())}


@contextlib.contextmanager
def running(command: str, checkout: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run an endless command until the body is done; the body begins when the service answers."""
    log = (checkout / "server.log").open("wb")
    shell = ["bash", "-c", f"exec {command}"]
    process = subprocess.Popen(shell, cwd=checkout, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{environment['TOKENRY_PORT']}/livez", timeout=2):
                    break
            except OSError:
                said = (checkout / "server.log").read_text()
                assert process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
        log.close()


def run(command: str, checkout: Path, environment: dict[str, str]) -> str:
    command = command.replace("localhost:6749", f"localhost:{environment['TOKENRY_PORT']}")
    done = subprocess.run(["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_that_this_suite_cannot_run_are_run_by_ci() -> None:
    ci = (ROOT / ".ci/run").read_text()
    assert {command for command in COMMANDS if command in RUN_BY_CI} == RUN_BY_CI
    assert all(command in ci for command in RUN_BY_CI)


def test_the_first_commands_bring_tokens(checkout: Path, environment: dict[str, str]) -> None:
    curls = [command for command in COMMANDS if command.startswith("curl") and "mine" not in command]
    assert curls
    with running("make run", checkout, environment):
        for command in curls:
            assert '"access_token":"' in run(command, checkout, environment), command


def test_the_commands_of_the_sandbox_make_break_and_explain(checkout: Path, environment: dict[str, str]) -> None:
    curls = [command for command in COMMANDS if command.startswith("curl") and "mine" in command]
    with running("make run", checkout, environment):
        made, moved, broken, refused, explained, seen = [run(command, checkout, environment) for command in curls]
    assert f'"issuer":"http://localhost:{environment["TOKENRY_PORT"]}/n/mine"' in made
    assert '"moved":true' in moved
    assert '"cause":"unavailable"' in broken
    assert '"error":"temporarily_unavailable"' in refused
    assert '"status":"updated"' in seen
    assert all(words in explained for words in ('"result":"failed"', '"rule":"RFC', '"fix":"'))


def test_every_other_command_does_what_it_says(checkout: Path, environment: dict[str, str]) -> None:
    rest = [command for command in COMMANDS if command not in RUN_BY_CI and not command.startswith(("curl", "make run"))]
    assert len(rest) > 5
    for command in rest:
        if command.endswith(ENDLESS) or any(word in command for word in ENDLESS):
            with running(command, checkout, environment):
                pass
        else:
            run(command, checkout, environment)


def test_the_dialect_of_the_readme_is_served(checkout: Path, environment: dict[str, str]) -> None:
    environment |= {"TOKENRY_DIALECTS": "dialects"}
    apply = """[[shops]]
dialect = "acme"
code = "DE000001"
[[clients]]
client_id = "acme-app"
client_secret = "a-secret-that-has-more-than-32-characters"
dialect = "acme"
shops = ["DE000001"]
"""
    (checkout / "acme-partners.toml").write_text(apply)
    body = '{"grant_type":"tenant_token","app_key":"acme-app","app_secret":"a-secret-that-has-more-than-32-characters","tenant":"DE000001"}'
    with running(".venv/bin/python -m app serve --config acme-partners.toml", checkout, environment):
        answer = run(f"curl -s http://localhost:6749/acme/v2/token -H 'Content-Type: application/json' -d '{body}'", checkout, environment)
        refused = run("curl -s http://localhost:6749/acme/v2/token -H 'Content-Type: application/json' -d '{}'", checkout, environment)
    assert re.fullmatch(r'\{"errcode":0,"data":\{"token":"[0-9a-f]{32}","refresh":"[\w-]{43}","expires_at":\d{13}\}\}', answer)
    assert refused == '{"errcode":40000,"errmsg":"The parameter grant_type is missing."}'


def test_the_picture_of_the_house_shows_every_room() -> None:
    picture = README.split("## The house", 1)[1].split("```", 2)[1]
    rooms = {path.stem for path in (ROOT / "app").iterdir() if not path.name.startswith("_") and path.suffix in {"", ".py"}}
    drawn = set(re.findall(r"[a-z0-9]+", picture))
    assert rooms - drawn == set()
