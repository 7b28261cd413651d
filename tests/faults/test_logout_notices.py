"""A server that dies while it tells apps of a logout has told them all in the end, and so has one that they could not be reached from."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.faults.conftest import Report
from tests.fixtures.listening import Listening, listen
from tests.fixtures.server import Server
from tests.journeys.person import Person, PlainBrowser
from tests.journeys.planting import CALLBACK, CHALLENGE

APPS: Final = 12
PERSON: Final = Person("somebody")
_CONFIG: Final = f"""
[[users]]
username = "{PERSON.username}"
password = "{PERSON.password}"
"""
_CLIENT: Final = """
[[clients]]
client_id = "app-{number}"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code"]
redirect_uris = ["{callback}"]
scope = "openid"
backchannel_logout_uri = "{origin}/out/{number}"
"""


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    async with listen() as started:
        yield started


@pytest.mark.security("F-01")
@pytest.mark.timeout(300)
async def test_every_app_is_told_though_the_server_dies_while_it_tells_them(
    durable_url: str, tmp_path: Path, report: Report, listening: Listening
) -> None:
    config = tmp_path / "apps.toml"
    apps = (_CLIENT.format(number=number, callback=CALLBACK, origin=listening.origin) for number in range(APPS))
    config.write_text(_CONFIG + "".join(apps))
    allowed = {"TOKENRY_PRIVATE_ADDRESSES": "true"}
    with Server(durable_url, arguments=["--config", str(config)], environment=allowed) as server:
        listening.holding = asyncio.Event()
        async with PlainBrowser(server.url) as browser:
            for number in range(APPS):
                asked = {"response_type": "code", "client_id": f"app-{number}", "redirect_uri": CALLBACK, "scope": "openid"}
                challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
                await browser.answer(f"{server.url}/authorize?{httpx.QueryParams({**asked, **challenge})}", PERSON)
            await browser.go("/logout")
            await browser.send(where="here")
        await listening.hears(4)
        server.kill()
        died = time.monotonic()
        await asyncio.sleep(1)  # what it had sent by then is still on its way into this process
        before = len(listening.told)
        listening.holding.set()
        listening.holding = None
        await asyncio.to_thread(server.start)
        async with asyncio.timeout(120):
            while len({told.target for told in listening.told[before:]}) < APPS:
                await asyncio.sleep(0.2)
        again = time.monotonic() - died
        await asyncio.sleep(6)
    report(f"logout, {durable_url.partition(':')[0]}: killed with {before} of {APPS} under way, all told {again:.0f} s later")
    assert len(listening.told) == before + APPS, "what had not been answered was told once more, and nothing else"
