"""What a start costs: modules, memory, time."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest

from tests.fixtures.server import Server
from tests.journeys.conftest import Sandbox
from tests.journeys.wire import at_once, form

MEGABYTE: Final = 1024 * 1024
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
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.oracle",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
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


def test_a_worker_over_either_database_stays_under_ninety_megabytes(start_sandboxes: Callable[[int], list[Sandbox]]) -> None:
    (sandbox,) = start_sandboxes(1)
    (process,) = sandbox.server.processes()
    request = form("/token", {"grant_type": "client_credentials"}, basic=("demo-service", "demo-service-secret"))
    for _ in range(10):
        answers = asyncio.run(at_once([(sandbox.port, request)] * 64))
        assert {answer.status for answer in answers} == {200}
    memory = process.memory_info().rss
    assert memory < MAXIMUM_MEMORY, f"{memory / MEGABYTE:.0f} MB"


def test_the_command_line_answers_without_the_server(tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "app", "version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip()
    assert not re.search(r"\| +(fastapi|uvicorn|sqlalchemy|authlib)$", done.stderr, re.MULTILINE)
