"""Signing keys are replaced five times while two processes issue ID tokens, at the pace of a real clock."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from app.admin import rotate_keys
from app.core.keyring import ACTIVE_IN
from app.core.keys import Algorithm
from app.core.secret_key import SecretKey
from app.oauth2.jose import read_jwt
from tests.faults.conftest import Report
from tests.fixtures.server import SECRET_KEY, Server
from tests.journeys.planting import CALLBACK, VERIFIER, codes, operator_of

ROTATIONS: Final = 5
STEP: Final = 2
"""Seconds between two rotations."""
SECONDS: Final = ACTIVE_IN.total_seconds() + ROTATIONS * STEP + 25
PAUSE: Final = 0.1
CLIENT: Final = """
[[clients]]
client_id = "{name}-web"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{callback}"]
scope = "openid"
id_token_signed_response_alg = "{algorithm}"
"""


@dataclass
class Verifier:
    """A client that keeps the published keys as long as it may (``by_cache``) and one that asks each time."""

    http: httpx.AsyncClient
    keys: list[Any] = field(default_factory=list)
    good_until: float = 0.0
    verified: int = 0
    kids: set[str] = field(default_factory=set)
    largest: int = 0

    async def published(self) -> list[Any]:
        answer = await self.http.get("/.well-known/jwks.json")
        assert answer.headers["cache-control"] == f"public, max-age={int(ACTIVE_IN.total_seconds())}"
        keys: list[Any] = answer.json()["keys"]
        self.largest = max(self.largest, len(keys))
        return keys

    async def verify(self, token: str) -> None:
        if time.monotonic() >= self.good_until:
            self.keys, self.good_until = await self.published(), time.monotonic() + ACTIVE_IN.total_seconds()
        by_cache = read_jwt(token, self.keys, list(Algorithm))
        assert read_jwt(token, await self.published(), list(Algorithm)) == by_cache
        self.kids.add(by_cache.header["kid"])
        self.verified += 1


async def issue(server: Server, other: Server, client_id: str, code: str, until: float) -> Verifier:
    """Issue ID tokens by one process, refresh upon refresh, and verify each by the keys that the other one publishes."""
    async with httpx.AsyncClient(base_url=server.url) as http, httpx.AsyncClient(base_url=other.url) as elsewhere:
        verifier = Verifier(elsewhere)
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        while time.monotonic() < until:
            answer = await http.post("/token", data={**sent, "client_id": client_id})
            assert answer.status_code == 200, answer.text
            await verifier.verify(answer.json()["id_token"])
            sent = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"]}
            await asyncio.sleep(PAUSE)
        return verifier


@pytest.mark.security("F-09")
@pytest.mark.security("KY-03")
@pytest.mark.timeout(SECONDS + 120)
async def test_five_rotations_leave_no_token_that_no_published_key_verifies(durable_url: str, tmp_path: Path, report: Report) -> None:
    config = tmp_path / "clients.toml"
    clients = {
        f"{algorithm.lower()}-web": CLIENT.format(name=algorithm.lower(), callback=CALLBACK, algorithm=algorithm) for algorithm in Algorithm
    }
    config.write_text("".join(clients.values()), encoding="utf-8")
    arguments = ["--config", str(config)]
    with (
        Server(durable_url, command="sandbox", arguments=arguments) as one,
        Server(durable_url, command="sandbox", arguments=arguments) as two,
    ):
        until = time.monotonic() + SECONDS
        planted = {name: await codes(durable_url, name, 2) for name in clients}
        issuing = [
            asyncio.create_task(issue(server, other, name, code, until))
            for name, fresh in planted.items()
            for (server, other), code in zip(((one, two), (two, one)), fresh, strict=True)
        ]
        async with operator_of(durable_url) as operator:
            for _ in range(ROTATIONS):
                await asyncio.sleep(STEP)
                await rotate_keys(operator, SecretKey(SECRET_KEY).derive(b"signing"))
        verifiers = await asyncio.gather(*issuing)
    verified, kids = sum(verifier.verified for verifier in verifiers), set().union(*(verifier.kids for verifier in verifiers))
    report(
        f"F-09 {durable_url.partition(':')[0]}: {ROTATIONS} rotations, {verified} ID tokens of two processes verified by cached and by"
        f" fresh keys, 0 failures; {len(kids)} keys signed, the JWKS held up to {max(verifier.largest for verifier in verifiers)}"
    )
    assert len(kids) >= 2 * len(Algorithm)
    assert all(verifier.verified > SECONDS / PAUSE / 20 for verifier in verifiers)
