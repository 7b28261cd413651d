"""What the sandbox's page tells to paste works as it is pasted: programs and settings end with the person who logged in."""

import asyncio
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import yaml
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from dotenv import dotenv_values
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.browser.markup import Markup
from tests.fixtures.server import NO_TLS
from tests.journeys.conftest import Sandbox
from tests.journeys.nodes import CLIENTS

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """What an app reads out of a snippet that is no program."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    scope: str


def from_env(text: str) -> AppSettings:
    """Read the file as python-dotenv does."""
    values = {name: value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}
    settings = AppSettings(**{name: values.pop(f"OIDC_{name.upper()}") for name in AppSettings.__slots__})
    assert values == {}
    return settings


def from_spring(text: str) -> AppSettings:
    """Read the file as Spring Boot binds it: a registration has the provider of its own name, and the scopes stand with commas."""
    client = yaml.safe_load(text)["spring"]["security"]["oauth2"]["client"]
    ((name, registration),) = client.pop("registration").items()
    provider = client.pop("provider").pop(name)
    assert client == {}
    members = {key.replace("-", "_"): value for key, value in registration.items()}
    return AppSettings(**{**members, "scope": " ".join(members["scope"].split(", ")), "issuer": provider.pop("issuer-uri")})


@pytest.mark.parametrize(("snippet", "read", "proof"), [("env", from_env, "code_verifier"), ("spring", from_spring, "nonce")])
async def test_every_value_of_the_settings_is_true(
    snippets: dict[str, str], snippet: str, read: Callable[[str], AppSettings], proof: str
) -> None:
    """A confidential client sends a PKCE challenge or, as Spring's do, a nonce alone."""
    app = read(snippets[snippet])
    asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uri, "scope": app.scope, "nonce": "n-1"}
    sent = {"grant_type": "authorization_code", "redirect_uri": app.redirect_uri}
    if proof == "code_verifier":
        sent["code_verifier"] = "v" * 43
        asked |= {"code_challenge": create_s256_code_challenge("v" * 43), "code_challenge_method": "S256"}
    async with httpx.AsyncClient(timeout=30, verify=NO_TLS) as client:
        metadata = (await client.get(f"{app.issuer}/.well-known/openid-configuration")).json()
        assert metadata["issuer"] == app.issuer
        assert set(app.scope.split()) <= set(metadata["scopes_supported"])
        back = (await client.get(metadata["authorization_endpoint"], params=asked)).headers["location"]
        assert back.startswith(f"{app.redirect_uri}?")
        sent["code"] = parse_qs(urlsplit(back).query)["code"][0]
        basic = (app.client_id, app.client_secret)
        refused = await client.post(metadata["token_endpoint"], data=sent, auth=(app.client_id, f"{app.client_secret}-not"))
        assert refused.status_code == 401
        tokens = (await client.post(metadata["token_endpoint"], data=sent, auth=basic)).json()
        assert set(tokens["scope"].split()) == set(app.scope.split())
        keys = KeySet.import_key_set((await client.get(metadata["jwks_uri"])).json())
        claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (app.issuer, app.client_id, "n-1")
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.get(metadata["userinfo_endpoint"], headers=bearer)).json()["email"] == "demo@example.com"
