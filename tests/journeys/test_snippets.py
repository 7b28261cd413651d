"""What the sandbox's page tells to paste works as it is pasted: the programs run, and end with the person who logged in."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.browser.markup import Markup
from tests.journeys.conftest import Sandbox
from tests.journeys.nodes import CLIENTS
from tests.journeys.person import NO_TLS

_AUTHLIB: Final = """

import asyncio
import json
import httpx
from urllib.parse import urlsplit
from starlette.requests import Request

def asked(query, session):
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": [], "session": session})

async def main():
    session = {}
    address = (await login(asked("", session))).headers["location"]
    async with httpx.AsyncClient() as browser:
        back = (await browser.get(address)).headers["location"]
    print(json.dumps(await callback(asked(urlsplit(back).query, session))))

asyncio.run(main())
"""
"""What an app's framework does around the snippet."""
_NODE: Final = "const request = { url: (await fetch(address, { redirect: 'manual' })).headers.get('location') }\n"
"""The browser's part, in the place of the snippet's remark."""


@pytest.fixture
async def snippets(sandbox: Sandbox) -> dict[str, str]:
    """The snippets, of a namespace in which the next person logs in by themselves."""
    async with httpx.AsyncClient(base_url=f"http://localhost:{sandbox.port}", timeout=30, verify=NO_TLS) as client:
        issuer = (await client.post("/sandbox/api/namespaces", json={})).json()["issuer"]
        assert (await client.post(f"{issuer}/sandbox/api/responses", json={"user": "demo"})).status_code == 201
        shown = Markup((await client.get(f"{issuer}/")).text)
    panels = [element for element in shown.all("div") if element.attributes.get("class") == "panel"]
    return {panel.attributes["data-for"]: panel.text.strip() for panel in panels}


async def run(*command: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return output.decode()


def told(output: str) -> Any:
    return json.loads(output.splitlines()[-1])


async def test_authlib_logs_the_person_in(snippets: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(snippets["authlib"] + _AUTHLIB)
    claims = told(await run(sys.executable, "-W", "ignore", program))
    assert (claims["aud"], claims["iss"]) == ("demo-app", snippets["env"].splitlines()[0].partition("=")[2])


async def test_openid_client_logs_the_person_in(node: str, snippets: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    program = tmp_path / "program.mjs"
    text, remark, rest = snippets["openid_client"].partition("// send the browser")
    assert remark
    after = rest.partition("\n")[2]
    program.write_text(f"{text}{_NODE}{after}\nconsole.log(JSON.stringify(tokens.claims()))\n")
    assert told(await run(node, program))["aud"] == "demo-app"


async def test_the_curl_lines_bring_metadata_and_a_token(snippets: dict[str, str]) -> None:
    metadata, token = [json.loads(await run("bash", "-c", line)) for line in snippets["curl"].splitlines()]
    assert metadata["token_endpoint"] == f"{metadata['issuer']}/token"
    assert token["token_type"] == "Bearer"


async def test_the_settings_name_what_the_libraries_ask_for(snippets: dict[str, str]) -> None:
    settings = dict(line.split("=", 1) for line in snippets["env"].splitlines())
    assert settings.keys() == {"OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_REDIRECT_URI", "OIDC_SCOPE"}
    assert f"issuer-uri: {settings['OIDC_ISSUER']}\n" in f"{snippets['spring']}\n"
    assert f"client-secret: {settings['OIDC_CLIENT_SECRET']}\n" in snippets["spring"]
