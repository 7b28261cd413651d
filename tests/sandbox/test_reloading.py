"""The file of ``--config``, read again while the sandbox runs."""

import json
import sqlite3
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from app.admin import Change, Document
from app.sandbox.reloading import Reloader
from app.sandbox.worlds import World
from tests.conftest import Prepared
from tests.fixtures.dialects import built_in
from tests.fixtures.server import NO_TLS, Server, free_port

FILE = """
[[clients]]
client_id = "app"
client_secret = "app-secret"
grant_types = ["client_credentials"]
scope = "orders"
"""
MORE = """
[[clients]]
client_id = "other"
grant_types = ["client_credentials"]
"""


def said(server: Server, after: int = 0) -> list[str]:
    """Return what the terminal was told of the file so far."""
    lines = [json.loads(line) for line in server.errors[after:].splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line["logger"] == "tokenry.sandbox"]


def wait_for(server: Server, number: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(said(server)) < number and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(said(server)) == number
    return said(server)


def status(server: Server, client_id: str, secret: str) -> int:
    return httpx.post(f"{server.url}/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret), verify=NO_TLS).status_code


@pytest.fixture(params=["temporary", "sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> str | None:
    if request.param == "temporary":
        return None
    found: str = prepared.sqlite(tmp_path / "kept.db") if request.param == "sqlite" else request.getfixturevalue("ready_postgres_url")
    return found


def test_a_file_that_changes_is_applied_and_a_bad_one_changes_nothing(tmp_path: Path, url: str | None) -> None:
    file = tmp_path / "partners.toml"
    file.write_text(FILE)
    with Server(url, command="sandbox", arguments=("--config", str(file))) as server:
        assert status(server, "app", "app-secret") == 200
        file.write_text(FILE.replace("app-secret", "new-secret") + MORE)
        (line,) = wait_for(server, 1)
        assert line == f"config {file}: 1 updated, 1 created (client app, client other)"
        assert (status(server, "app", "new-secret"), status(server, "app", "app-secret")) == (200, 401)
        made = next(line for line in server.output.splitlines() if line.startswith("secret.other="))
        assert status(server, "other", made.removeprefix("secret.other=")) == 200

        file.write_text(FILE.replace("app-secret", "third") + '[[clients]]\nclient_id = "bad"\ndialect = "klingon"\n')
        refused = wait_for(server, 2)[-1]
        assert refused.startswith(f"config {file}: [[clients]] 2 (bad): dialect: there is no dialect klingon")
        assert refused.endswith("; what was there stays")
        assert status(server, "app", "new-secret") == 200
        file.write_text("[[clients")
        assert wait_for(server, 3)[-1].startswith(f"config {file}: Expected")
        file.unlink()
        assert wait_for(server, 4)[-1] == f"config {file}: No such file or directory; what was there stays"
        file.write_text(FILE.replace("app-secret", "new-secret") + MORE)
        assert wait_for(server, 5)[-1] == f"config {file}: nothing in it is new"
        if url is None:
            httpx.post(f"{server.url}/sandbox/api/reset", json={}, verify=NO_TLS).raise_for_status()
            assert status(server, "app", "new-secret") == 200, "what is declared outlives a reset"
            assert status(server, "other", made.removeprefix("secret.other=")) == 200
        server.stop()
        assert "Traceback" not in server.errors


async def test_each_content_is_told_of_once_however_often_somebody_looks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Here instead of at a process, which looks each second."""
    file = tmp_path / "partners.toml"
    declared: list[Document] = []

    async def declare(document: Document) -> list[Change]:
        declared.append(document)
        return []

    world = cast("World", SimpleNamespace(operator=SimpleNamespace(dialects=built_in()), declare=declare))
    caplog.set_level("INFO", "tokenry.sandbox")
    file.write_text(FILE)
    reloader = Reloader(file, lambda _: None)
    for content, told, applied in (
        (FILE, [], 0),
        (FILE + MORE, ["nothing in it is new"], 1),
        (FILE + '[[clients]]\nclient_id = "bad"\ndialect = "klingon"\n', ["klingon"], 0),
        ("[[clients", ["Expected"], 0),
        (None, ["No such file or directory"], 0),
        (FILE, ["nothing in it is new"], 1),
    ):
        if content is None:
            file.unlink()
        elif not file.exists() or content != file.read_text():
            file.write_text(content)
        for _ in range(3):
            await reloader.look(world)
        assert [word in line for word, line in zip(told, caplog.messages, strict=True)] == [True] * len(told), content
        assert len(declared) == applied
        caplog.clear()
        declared.clear()


def test_a_service_does_not_follow_its_file(tmp_path: Path) -> None:
    file = tmp_path / "partners.toml"
    content = FILE.replace("app-secret", "a-secret-of-more-than-thirty-two-characters")
    file.write_text(content)
    with Server(f"sqlite:///{tmp_path}/x.db", arguments=("--config", str(file)), port=free_port()) as server:
        file.write_text(content.replace("a-secret", "b-secret"))
        time.sleep(2)
        assert status(server, "app", "a-secret-of-more-than-thirty-two-characters") == 200


def test_a_database_that_is_held_is_asked_again(tmp_path: Path, prepared: Prepared) -> None:
    file = tmp_path / "partners.toml"
    file.write_text(FILE)
    with Server(prepared.sqlite(tmp_path / "kept.db"), command="sandbox", arguments=("--config", str(file))) as server:
        other = sqlite3.connect(tmp_path / "kept.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        file.write_text(FILE + MORE)
        deadline = time.monotonic() + 30
        while not said(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        other.execute("ROLLBACK")
        other.close()
        while "created" not in said(server)[-1] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert said(server)[0].endswith("; it is tried again")
        assert said(server)[-1] == f"config {file}: 1 created (client other)"
