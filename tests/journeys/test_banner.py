"""What the sandbox says: every line that it prints runs as it is pasted, and every request leaves one line that tells why."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.server import Server
from tests.journeys.conftest import Sandbox
from tests.journeys.wire import ask, form

DIALECTS = ["hex", "youzan", "open_platform", "fantem", "standard"]


def printed_lines(sandbox: Sandbox, dialect: str) -> dict[str, str]:
    """Return the curl lines of a dialect by their names."""
    wait_for(lambda: "curl.standard.revoke=" in sandbox.server.output)
    found = re.findall(rf"^curl\.{dialect}\.(\w+)=(.*)$", sandbox.server.output, re.MULTILINE)
    return dict(found)


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.01)


def paste(command: str) -> tuple[int, Any]:
    """Run a line in a shell and return the status and the JSON of its answer, if it has one."""
    line = command.replace("curl -s ", "curl -s --max-time 10 -w '\\n%{http_code}' ", 1)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body) if body else None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_printed_line_succeeds_as_it_is_pasted(sandbox: Sandbox, dialect: str) -> None:
    lines = printed_lines(sandbox, dialect)
    assert lines
    words: dict[str, str] = {}
    for name, command in lines.items():
        if name == "introspect":  # asked and revoked by the service, so of its own token
            _, words = paste(lines["client"])
        for word in ("access_token", "refresh_token"):
            command = command.replace(word.upper(), words.get(word, word.upper()))  # noqa: PLW2901 (filled in)
        status, answer = paste(command)
        assert status == 200, (name, command, answer)
        assert name != "introspect" or answer["active"] is True
        told = answer.get("payload", answer) if answer else {}
        words = {**words, **{word: value for word, value in told.items() if word in {"access_token", "refresh_token"}}}


def test_a_line_is_printed_for_every_door(sandbox: Sandbox) -> None:
    commands = [command for dialect in DIALECTS for command in printed_lines(sandbox, dialect).values()]
    doors = {match.group(1) for command in commands if (match := re.search(r"http://localhost:\d+(/\S+)", command))}
    assert doors == {
        "/third_party/oauth2/token",
        "/third_party/oauth2/token/refresh",
        "/oauth/token",
        "/oauth2/authorize",
        "/oauth2/password",
        "/oauth2/client-credentials",
        "/oauth2/refresh-token",
        "/token",
        "/introspect",
        "/revoke",
        "/userinfo",
    }


class Terminal:
    """A terminal that somebody looks at: all that is printed on it is kept."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65536):
                self._seen += data
        except OSError:  # how Linux says that nobody has the other end open any more
            return

    @property
    def text(self) -> str:
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def close(self) -> None:
        os.close(self.theirs)
        self._reader.join(5)
        os.close(self._ours)


@pytest.fixture(scope="module")
def watched() -> Iterator[tuple[Server, Terminal]]:
    """A sandbox in a terminal, over the temporary database that it makes itself."""
    terminal = Terminal()
    with Server(None, command="sandbox", screen=terminal.theirs) as server:
        wait_for(lambda: "Requests appear below." in terminal.text)
        yield server, terminal
    terminal.close()


def test_people_are_told_where_it_is_and_how_to_use_every_door(watched: tuple[Server, Terminal]) -> None:
    server, terminal = watched
    text = terminal.text
    for word in ("SANDBOX", f"http://localhost:{server.port}", "demo / demo-password", "Ctrl-C", "temporary", *DIALECTS):
        assert word in text
    assert text.count("curl -s ") >= 18


REFUSALS = [
    (form("/token", {"grant_type": "client_credentials"}, basic=("demo-service", "wrong")), 401, "wrong secret"),
    (form("/token", {"grant_type": "client_credentials"}, basic=("nobody", "wrong")), 401, "unknown client"),
    (form("/token", {"grant_type": "magic"}), 400, "unsupported_grant_type"),
    (form("/oauth/token", {"grant_type": "authorization_code", "client_id": "fantem-demo", "code": "ffff"}), 400, "unknown code"),
    (b"GET /token HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, "method_not_allowed"),
]


@pytest.mark.security("LO-03")
@pytest.mark.parametrize(("request_", "status", "reason"), REFUSALS, ids=[reason.replace(" ", "_") for _, _, reason in REFUSALS])
def test_a_refused_request_leaves_one_line_with_its_reason(
    watched: tuple[Server, Terminal], request_: bytes, status: int, reason: str
) -> None:
    server, terminal = watched
    answer = ask(server.port, request_)
    assert answer.status == status
    mark = f"#{answer.headers['x-request-id']}"
    wait_for(lambda: mark in terminal.text)
    (line,) = [line for line in terminal.text.splitlines() if mark in line]
    assert f" {status} " in line
    assert reason in line


def test_a_served_request_leaves_one_line_with_its_client(watched: tuple[Server, Terminal]) -> None:
    server, terminal = watched
    answer = ask(server.port, form("/token", {"grant_type": "client_credentials"}, basic=("demo-service", "demo-service-secret")))
    mark = f"#{answer.headers['x-request-id']}"
    wait_for(lambda: mark in terminal.text)
    (line,) = [line for line in terminal.text.splitlines() if mark in line]
    assert "demo-service client_credentials" in line
    assert answer.json()["access_token"] not in terminal.text


def test_the_temporary_database_is_gone_after_the_end() -> None:
    terminal = Terminal()
    with Server(None, command="sandbox", screen=terminal.theirs) as server:
        wait_for(lambda: "Requests appear below." in terminal.text)
        found = re.search(r"Data +sqlite:///(\S+)", terminal.text)
        assert found is not None
        folder = Path(found.group(1)).parent
        assert folder.is_dir()
        os.kill(server.pid, signal.SIGINT)
        server.wait()
        assert not folder.exists()
    terminal.close()
