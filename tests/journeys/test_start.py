"""What a start costs: modules, memory, time."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.server import ROOT, Server
from tests.journeys.wire import at_once, form

MEGABYTE: Final = 1_000_000
MAXIMUM_MEMORY: Final = 90 * MEGABYTE
HEAVY: Final = {
    "pydantic.v1",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "cbor2",
    "greenlet",
    "h11",
    "httpx",
    "httpx2",
    "hypothesis",
    "jinja2",
    "joserfc",
    "mako",
    "markdown_it",
    "multiprocessing.spawn",
    "numpy",
    "OpenSSL",
    "psutil",
    "pyasn1",
    "pygments",
    "pyotp",
    "pytest",
    "requests",
    "rich",
    "segno",
    "sqlalchemy",
    "typer.rich_utils",
    "unittest",
    "webauthn",
    "websockets",
}
"""Nothing of this is needed until somebody asks for it, and each costs start and memory of every process."""


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """The modules that a sandbox over SQLite has imported when it answers."""
    with Server(None, command="sandbox", program=[sys.executable, "-X", "importtime", "-m", "app"]) as server:
        return set(re.findall(r"^import time: +\d+ \| +\d+ \| +(\S+)$", server.errors, re.MULTILINE))


def test_starting_imports_nothing_heavy(imported: set[str]) -> None:
    assert {"app.main", "fastapi", "authlib"} <= imported, "the list of imports was not read"
    found = {name for name in imported if any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)}
    assert found == set()


CLIENT: Final = """
[[clients]]
client_id = "service"
client_secret = "a-secret-of-a-service-that-is-long-enough"
grant_types = ["client_credentials"]
"""


def test_a_worker_over_either_database_stays_under_ninety_megabytes(database_url: str, tmp_path: Path) -> None:
    declared = tmp_path / "clients.toml"
    declared.write_text(CLIENT, encoding="utf-8")
    apply = [sys.executable, "-m", "app", "apply", str(declared), "--database", database_url]
    subprocess.run(apply, check=True, capture_output=True, cwd=ROOT, timeout=60)
    request = form("/token", {"grant_type": "client_credentials"}, basic=("service", "a-secret-of-a-service-that-is-long-enough"))
    with Server(database_url) as server:
        (process,) = server.processes()
        for _ in range(10):
            answers = asyncio.run(at_once([(server.port, request)] * 64))
            assert {answer.status for answer in answers} == {200}
        memory = process.memory_info().rss
    assert memory < MAXIMUM_MEMORY, f"{memory / MEGABYTE:.0f} MB"


def test_the_command_line_answers_without_the_server(tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "app", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not re.search(r"\| +(fastapi|uvicorn|sqlalchemy|authlib)$", done.stderr, re.MULTILINE)
