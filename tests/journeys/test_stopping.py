"""A server that is told to stop finishes what it has begun, and nothing that it has promised is lost."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.server import ROOT, Server
from tests.journeys.conftest import fresh_database
from tests.journeys.planting import CALLBACK, VERIFIER, clients_file, codes
from tests.journeys.wire import NOTHING, Answer, at_once, form, receive

CONNECTIONS: Final = 16
BASIC: Final = ("demo-service", "demo-service-secret")


@dataclass
class Heard:
    """What the clients of a stopping server were told: all answers, and how many requests met a closed connection."""

    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0
    halves: int = 0
    chains: list[list[str]] = field(default_factory=list)
    """For each connection that rotates: its refresh tokens, the last of which nothing newer is known of."""


@dataclass(frozen=True)
class Stopped:
    """A server that was stopped under load."""

    server: Server
    heard: Heard
    exit_code: int


async def one_after_the_other(port: int, heard: Heard, chain: list[str] | None) -> None:
    """Send requests over one connection until the server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        while True:
            if chain is None:
                writer.write(form("/token", {"grant_type": "client_credentials"}, basic=BASIC))
            else:
                fields = {"grant_type": "refresh_token", "client_id": "public-web", "refresh_token": chain[-1]}
                writer.write(form("/token", fields))
            answer = await receive(reader)
            if answer == NOTHING:
                break
            heard.answers.append(answer)
            if chain is not None and answer.status == 200:
                chain.append(answer.json()["refresh_token"])
            if answer.headers.get("connection") == "close":
                writer.close()
                return
    heard.unanswered += 1
    writer.close()


async def load_until_stopped(server: Server, database_url: str) -> tuple[Heard, int]:
    """Ask from many connections, stop the server in the middle of it, and return what was heard and its exit code."""
    heard = Heard()
    fresh = await codes(database_url, "public-web", CONNECTIONS // 2)
    fields = {"grant_type": "authorization_code", "client_id": "public-web", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    firsts = await at_once([(server.port, form("/token", {**fields, "code": code})) for code in fresh])
    heard.chains = [[answer.json()["refresh_token"]] for answer in firsts]
    chains: list[list[str] | None] = [*heard.chains, *[None] * (CONNECTIONS // 2)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for chain in chains:
            group.create_task(one_after_the_other(server.port, heard, chain))
        await asyncio.sleep(0.7)
        server.terminate()
    return heard, await asyncio.to_thread(server.wait)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stopped]:
    """A server that was stopped under load, on each engine in turn, looked at by the tests of the module."""
    folder = tmp_path_factory.mktemp("stopped")
    config = ["--config", str(clients_file(folder))]
    with fresh_database(request, folder) as url, Server(url, command="sandbox", arguments=config) as server:
        yield Stopped(server, *await load_until_stopped(server, url))


@pytest.mark.security("F-12")
async def test_stopping_under_load_answers_what_was_begun_and_leaves_no_request_unanswered(stopped: Stopped) -> None:
    assert stopped.exit_code in {0, 128 + signal.SIGTERM, -signal.SIGTERM}
    assert len(stopped.heard.answers) > 100
    assert {answer.status for answer in stopped.heard.answers} == {200}
    assert stopped.heard.unanswered == 0


@pytest.mark.security("F-12")
async def test_stopping_under_load_loses_no_promise(stopped: Stopped) -> None:
    server, heard = stopped.server, stopped.heard
    server.launch()
    server.wait_until_live()
    tokens = [answer.json()["access_token"] for answer in heard.answers if "refresh_token" not in answer.json()]
    told = await at_once([(server.port, form("/introspect", {"token": token}, basic=BASIC)) for token in tokens[-200:]])
    assert all(answer.json()["active"] for answer in told)
    # A rotation that met a closed connection was not begun: the token that its client still holds is good.
    lasts = [
        form("/token", {"grant_type": "refresh_token", "client_id": "public-web", "refresh_token": chain[-1]}) for chain in heard.chains
    ]
    again = await at_once([(server.port, request) for request in lasts])
    assert [answer.status for answer in again] == [200] * len(lasts)


@pytest.mark.parametrize(("command", "workers"), [("serve", 1), ("serve", 2), ("sandbox", 1), ("sandbox", 2)])
async def test_what_was_answered_just_before_the_stop_is_in_the_journal(tmp_path: Path, command: str, workers: int) -> None:
    """Lines wait for each other so long here that none is written but by the stop."""
    (tmp_path / "sitecustomize.py").write_text("import app.telemetry.journal\napp.telemetry.journal._FLUSH_SECONDS = 60\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with Server(f"sqlite:///{tmp_path / 'tokenry.db'}", command=command, workers=workers, environment=environment) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(form("/token", {"grant_type": "client_credentials"}))
        answer = await receive(reader)
        server.terminate()
        await asyncio.to_thread(server.wait)
        writer.close()
        noted = [json.loads(line) for line in server.output.splitlines() if '"event":"exchange"' in line]
        assert [(line["path"], line["status"]) for line in noted] == [("/token", answer.status)]
