"""Two server processes over one database tell apps that somebody has left, whoever ended it: at once, and each app once."""

import asyncio
import json
import subprocess
import sys
import tomllib
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from app.admin import apply, create_user, parse_document
from app.core.secrets import new_id
from tests.fixtures.dialects import built_in
from tests.fixtures.listening import Listening, Told, listen
from tests.fixtures.server import ROOT
from tests.journeys.conftest import Sandbox
from tests.journeys.person import Person, PlainBrowser
from tests.journeys.planting import CALLBACK, CHALLENGE, operator_of

_CLIENT: Final = """
[[clients]]
client_id = "{name}"
client_secret = "a-long-secret-0123456789-0123456789"
grant_types = ["authorization_code"]
redirect_uris = ["{callback}"]
scope = "openid"
backchannel_logout_uri = "{uri}"
"""


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    async with listen() as started:
        yield started


async def declared(url: str, uri: str) -> tuple[str, Person]:
    """Register an app that hears of logouts, and somebody to use it."""
    name, person = f"app-{new_id()}", Person(f"person-{new_id()}")
    text = _CLIENT.format(name=name, callback=CALLBACK, uri=uri)
    async with operator_of(url) as operator:
        await apply(operator, parse_document(tomllib.loads(text), "apps", built_in()))
        await create_user(operator, {"username": person.username, "password": person.password})
    return name, person


async def enter(sandbox: Sandbox, browser: PlainBrowser, client_id: str, person: Person) -> None:
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "scope": "openid"}
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    led = await browser.answer(f"{sandbox.url}/authorize?{httpx.QueryParams({**asked, **challenge})}", person)
    assert "code=" in led


def sid_of(told: Told) -> str:
    segment = told.logout_token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return str(claims["sid"])


@pytest.mark.security("LG-18")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.5")
async def test_every_session_is_told_of_once_by_whichever_process(sandboxes: list[Sandbox], listening: Listening) -> None:
    client_id, person = await declared(sandboxes[0].database_url, f"{listening.origin}/out")
    for turn in range(6):
        sandbox = sandboxes[turn % 2]
        async with PlainBrowser(sandbox.url) as browser:
            await enter(sandbox, browser, client_id, person)
            if turn == 5:
                await browser.go("/logout")
                await browser.send(where="everywhere")
    await listening.hears(6)
    await asyncio.sleep(6)  # longer than the processes' pause between two looks
    assert len({sid_of(told) for told in listening.told}) == len(listening.told) == 6


@pytest.mark.security("LG-18")
async def test_what_an_operator_ends_is_told_too_and_again_until_the_app_answers(sandboxes: list[Sandbox], listening: Listening) -> None:
    """The command is a process of its own, and gone before anybody is told."""
    url = sandboxes[0].database_url
    client_id, person = await declared(url, f"{listening.origin}/out")
    async with PlainBrowser(sandboxes[0].url) as browser:
        await enter(sandboxes[0], browser, client_id, person)
        listening.answers.append(503)
        command = [sys.executable, "-m", "app", "users", "end-sessions", person.username, "--database", url]
        ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert await browser.go("/account") is None
        assert 'name="password"' in browser.page.text
    first, again = await listening.hears(2)
    assert sid_of(first) == sid_of(again)
    assert first.logout_token != again.logout_token
    lines = "".join(sandbox.server.errors for sandbox in sandboxes)
    assert f"client {client_id} was not told that a session has ended, try 1: it answered 503" in lines
    assert not any(told.logout_token in lines for told in listening.told)
