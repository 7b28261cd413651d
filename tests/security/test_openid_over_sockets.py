"""OpenID Connect at two real servers of one issuer: what one says the other stands by, and what one ends is over at both."""

import asyncio
import base64
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from app.admin import create_client, create_user, disable_user, set_password
from tests.fixtures.server import NO_TLS
from tests.fixtures.vectors import EC
from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER
from tests.security.live import PASSWORDS, Live, database, open_live
from tests.security.signers import JWT_BEARER
from tests.security.wire import request, send

ISSUER: Final = "http://localhost:6749"
CLIENT: Final = "demo-openid"
_numbers: Final = itertools.count(1)


@dataclass
class Twins:
    """Two servers of one issuer over one database, and a client of each."""

    live: Live
    here: httpx.AsyncClient
    there: httpx.AsyncClient

    async def tokens(self, username: str = "alice") -> dict[str, Any]:
        """Return fresh tokens, made by the first server."""
        code = await self.live.code(CLIENT, challenge=CHALLENGE, username=username, nonce="n")
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        answer = await self.here.post("/token", data=sent, headers={"Authorization": self.live.basic(CLIENT)})
        assert answer.status_code == 200, answer.text
        members: dict[str, Any] = answer.json()
        return members

    async def told(self, token: str) -> list[int]:
        """Return how each server answers who asks with a token whose it is."""
        headers = {"Authorization": f"Bearer {token}"}
        return [(await one.get("/userinfo", headers=headers)).status_code for one in (self.here, self.there)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    environment = {"TOKENRY_ISSUER": ISSUER}
    with (
        database(request.param, request, tmp_path_factory.mktemp("pair")) as url,
        open_live(url, servers=2, environment=environment) as running,
    ):
        yield running


@pytest.fixture
async def twins(pair: Live) -> AsyncIterator[Twins]:
    first, second = (httpx.AsyncHTTPTransport(local_address=pair.address(), verify=NO_TLS) for _ in pair.servers)
    async with (
        httpx.AsyncClient(transport=first, base_url=pair.servers[0].url, timeout=20) as here,
        httpx.AsyncClient(transport=second, base_url=pair.servers[1].url, timeout=20) as there,
    ):
        yield Twins(pair, here, there)


@pytest.mark.security("KY-03")
@pytest.mark.security("ID-01")
@pytest.mark.security("MD-01")
async def test_both_publish_the_same_and_verify_what_either_signs(twins: Twins) -> None:
    """Both are asked at once before there is any key: they make one set together."""
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration"):
        first, second = await asyncio.gather(twins.here.get(path), twins.there.get(path))
        assert (first.status_code, first.json()) == (200, second.json())
    keys = KeySet.import_key_set((await twins.there.get("/.well-known/jwks.json")).json())
    tokens = await twins.tokens()
    sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = (await twins.there.post("/token", data=sent, headers={"Authorization": twins.live.basic(CLIENT)})).json()
    login, renewed = (jwt.decode(one["id_token"], keys, algorithms=["RS256"]).claims for one in (tokens, again))
    assert login["iss"] == renewed["iss"] == ISSUER
    assert login["sub"] == renewed["sub"]
    assert await twins.told(again["access_token"]) == [200, 200]


@pytest.mark.security("CA-10")
async def test_an_assertion_counts_once_at_both_together(twins: Twins) -> None:
    for _ in range(3):
        claims = {"iss": "demo-signer", "sub": "demo-signer", "aud": ISSUER, "jti": f"jti-{next(_numbers)}"}
        now = int(time.time())
        key = ECKey.import_key({"kty": "EC", "crv": "P-256", **EC})
        assertion = jwt.encode({"alg": "ES256"}, {**claims, "iat": now, "exp": now + 60}, key)
        sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
        answers = await asyncio.gather(*((twins.here, twins.there)[number % 2].post("/token", data=sent) for number in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
        assert {answer.json()["error"] for answer in answers if answer.status_code == 401} == {"invalid_client"}


@pytest.mark.security("AD-12")
@pytest.mark.security("CA-10")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"])  # noqa: S104 (bound by nobody)
async def test_no_client_lets_the_server_knock_at_its_own_machine(twins: Twins, host: str) -> None:
    client_id, key = f"knocking-{next(_numbers)}", ECKey.import_key({"kty": "EC", "crv": "P-256", **EC})
    with socket.socket() as canary:
        canary.bind(("127.0.0.1", 0))
        canary.listen()
        canary.settimeout(0)
        values = {"client_id": client_id, "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]}
        async with twins.live.operator() as operator:
            await create_client(operator, {**values, "jwks_uri": f"https://{host}:{canary.getsockname()[1]}/jwks.json"})
        claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": int(time.time()) + 60, "jti": client_id}
        assertion = jwt.encode({"alg": "ES256", "kid": "x", "jku": "http://127.0.0.1:1/"}, claims, key)
        sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
        answer = await twins.here.post("/token", data=sent)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert str(canary.getsockname()[1]) not in answer.text
        with pytest.raises(BlockingIOError):
            canary.accept()


@pytest.mark.security("IT-06")
@pytest.mark.security("RV-01")
@pytest.mark.security("RF-11")
@pytest.mark.parametrize("end", ["revoked", "disabled", "password"])
async def test_what_is_ended_at_one_tells_nothing_at_the_other(twins: Twins, end: str) -> None:
    name = f"person-{next(_numbers)}"
    async with twins.live.operator() as operator:
        await create_user(operator, {"username": name, "password": PASSWORDS["alice"]})
        tokens = await twins.tokens(name)
        assert await twins.told(tokens["access_token"]) == [200, 200]
        if end == "revoked":
            sent = {"token": tokens["refresh_token"]}
            answer = await twins.there.post("/revoke", data=sent, headers={"Authorization": twins.live.basic(CLIENT)})
            assert answer.status_code == 200
        elif end == "disabled":
            await disable_user(operator, name)
        else:
            await set_password(operator, name, "another-password-of-theirs")
    assert await twins.told(tokens["access_token"]) == [401, 401]
    sent = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for one in (twins.here, twins.there):
        answer = await one.post("/token", data=sent, headers={"Authorization": twins.live.basic(CLIENT)})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


ODD: Final = [
    *("Bearer", "Bearer ", "Bearer  x", "Bearer x y", "bearer x", "BEARER x", "Bearer \t", "Token x", "Bearer x, Bearer y", "Basic Og=="),
    *("Bearer " + "x" * 7_000, "Bearer é", "Bearer \x7f", "Bearer " + base64.b64encode(b"\0" * 30).decode(), 'Bearer token="x"'),
]


@pytest.mark.security("BR-01")
@pytest.mark.security("BR-02")
@pytest.mark.security("CA-06")
@pytest.mark.parametrize("header", ODD, ids=lambda text: ascii(text[:24]))
def test_an_odd_bearer_is_told_so_in_due_form(lone: Live, header: str) -> None:
    for method in ("GET", "POST"):
        exchange = send(lone.port, request(method, "/userinfo", [("Authorization", header)], b""), address=lone.address())
        assert exchange.status in {400, 401}
        answer = exchange.answers[0]
        if answer.header("content-type") == "text/plain; charset=utf-8":
            continue  # the header breaks the protocol before it can be odd
        challenge = answer.header("www-authenticate") or ""
        assert challenge.startswith('Bearer realm="tokenry"')
        assert answer.header("cache-control") == "no-store"
        assert answer.body == b"" or json.loads(answer.body)["error"] in challenge
