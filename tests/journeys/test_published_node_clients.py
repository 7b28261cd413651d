"""JavaScript clients as they are published go through the whole code flow, each a process of node that we only listen to."""

import asyncio
import json
import shutil
from dataclasses import asdict
from typing import Any

import pytest

from tests.conftest import missing
from tests.fixtures.server import ROOT
from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.doors import DOORS, Door
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

CLIENTS = ROOT / "tests" / "clients" / "node"
SECONDS = 60

pytestmark = [
    ONE_ENGINE,
    pytest.mark.parametrize("door", DOORS, ids=str),
    pytest.mark.parametrize("program", ["openid.mjs", "simple.mjs"], ids=["openid-client", "simple-oauth2"]),
]


@pytest.fixture(scope="module")
def node() -> str:
    """The path of a node that finds the clients."""
    found = shutil.which("node")
    if found is None or not (CLIENTS / "node_modules").is_dir():
        missing("node", "apt-get install --no-install-recommends nodejs npm, then make test")
    return found


async def led(node: str, program: str, site: Site, door: Door, decision: str) -> dict[str, Any]:
    """Run a client, let a person answer where it sends them, and return what it says in the end."""
    told = asdict(door) | {"origin": site.origin, "redirect_uri": CALLBACK, "client_secret": SECRETS[door.client_id]}
    process = await asyncio.create_subprocess_exec(
        node, program, json.dumps(told), cwd=CLIENTS, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SECONDS):
            said = json.loads(await process.stdout.readline())
            assert "address" in said, said
            person = await site.add_person(shops=[door.shop] if door.shop else [])
            async with PlainBrowser(site.origin) as browser:
                came = await browser.answer(said["address"], person, decision=decision, shop=door.shop)
            process.stdin.write(json.dumps({"callback": came}).encode() + b"\n")
            result: dict[str, Any] = json.loads(await process.stdout.readline())
            await process.wait()
            return result
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_client_gets_its_tokens(node: str, program: str, site: Site, door: Door) -> None:
    said = await led(node, program, site, door, "approve")
    assert said.keys() == {"first", "second"}, said
    assert said["first"]["access_token"] != said["second"]["access_token"]
    told = await site.introspect(said["second"]["access_token"], door.client_id)
    assert (told["active"], told["dialect"], told.get("shop")) == (True, door.dialect, door.shop)


async def test_a_client_hears_of_a_refusal(node: str, program: str, site: Site, door: Door) -> None:
    assert (await led(node, program, site, door, "refuse"))["error"] == "access_denied"
