"""Published JavaScript clients, each a process of node that we only listen to: ``tests/clients/node/conversation.mjs`` is its side."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pytest

from tests.conftest import missing
from tests.fixtures.server import ROOT

CLIENTS: Final = ROOT / "tests" / "clients" / "node"
SECONDS: Final = 60
Arrived = Mapping[str, str]
"""How a person came back to a client by a form: ``callback`` is its address, ``body`` what it posts."""


@pytest.fixture(scope="module")
def node() -> str:
    """The path of a node that finds the clients."""
    found = shutil.which("node")
    if found is None or not (CLIENTS / "node_modules").is_dir():
        missing("node", "apt-get install --no-install-recommends nodejs npm, then make test")
    return found


async def said_by(node: str, program: str, told: Mapping[str, object]) -> dict[str, Any]:
    """Run a client that sends nobody anywhere, and return what it says."""
    process = await asyncio.create_subprocess_exec(node, program, json.dumps(told), cwd=CLIENTS, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(SECONDS):
        output, _ = await process.communicate()
    result: dict[str, Any] = json.loads(output)
    return result


async def led(node: str, program: str, told: Mapping[str, object], answer: Callable[[str], Awaitable[str | Arrived]]) -> dict[str, Any]:
    """Run a client, let a person answer where it sends them, and return what it says in the end."""
    process = await asyncio.create_subprocess_exec(
        node, program, json.dumps(told), cwd=CLIENTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            said = json.loads(await process.stdout.readline())
            assert "address" in said, said
            came = await answer(said["address"])
            arrived = {"callback": came} if isinstance(came, str) else came
            process.stdin.write(json.dumps(arrived).encode() + b"\n")
            result: dict[str, Any] = json.loads(await process.stdout.readline())
            await process.wait()
            return result
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
