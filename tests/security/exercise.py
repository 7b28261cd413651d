"""A walk through every door and every way to fail at it, with a list of all that must never be seen again."""

import asyncio
import base64
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.fixtures.server import NO_TLS, SECRET_KEY
from tests.fixtures.vectors import EC
from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER
from tests.security.doors import FORM, JSON, MULTIPART, encoded
from tests.security.exercise_of_pages import walk_pages
from tests.security.live import PASSWORDS, Live, database, declared, open_live
from tests.security.signers import JWT_BEARER

_TOKEN_MEMBERS: Final = ("access_token", "refresh_token", "id_token")


@dataclass
class Walk:
    """One walk, and every secret that it used or was given."""

    live: Live
    http: httpx.AsyncClient
    secrets: set[str] = field(default_factory=set)
    answered: int = 0

    async def post(self, path: str, fields: dict[str, str], *, media_type: str = FORM, **headers: str) -> dict[str, Any]:
        """Send a request, note its secrets and those of its answer, and return the answer's members."""
        for name in ("client_secret", "password", "code", "refresh_token", "code_verifier", "token"):
            self.note(fields.get(name, ""))
        answer = await self.http.post(path, content=encoded(fields, media_type), headers={"Content-Type": media_type, **headers})
        self.answered += 1
        assert answer.status_code < 500, answer.text
        members: dict[str, Any] = answer.json()
        found = next((part for part in (members.get("payload"), members.get("data"), members) if isinstance(part, dict) and part), {})
        for name in _TOKEN_MEMBERS:
            self.note(found.get(name, ""))
        return found

    def note(self, secret: str) -> None:
        """Remember a value that must not be seen again; short ones are words."""
        if len(secret) >= 12:
            self.secrets.add(secret)

    def basic(self, client_id: str, secret: str | None = None) -> str:
        """Return a Basic header, whose text is a secret too."""
        header = self.live.basic(client_id, secret)
        self.note(header.removeprefix("Basic "))
        self.note(secret or "")
        return header


@dataclass(frozen=True)
class Robbed:
    """What a thief has after a walk: the running server's database, what it logged at the level of debugging, and what was secret."""

    live: Live
    walked: Walk
    logged: str


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def robbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robbed]:
    """A server on each database after a walk, logging all that it can."""
    environment = {"TOKENRY_LOG_LEVEL": "debug", "PYTHONASYNCIODEBUG": "1"}
    with database(request.param, request, tmp_path_factory.mktemp("robbed")) as url, open_live(url, environment=environment) as live:
        walked = asyncio.run(walk(live))
        time.sleep(0.2)  # the last lines of the log wait for each other
        yield Robbed(live, walked, live.server.output + live.server.errors)


async def walk(live: Live) -> Walk:
    """Walk, and return what must not be seen again."""
    async with httpx.AsyncClient(base_url=live.server.url, verify=NO_TLS, trust_env=False, timeout=20) as http:
        walked = Walk(live, http)
        for client in declared()["clients"]:
            walked.note(str(client.get("client_secret", "")))
        for password in PASSWORDS.values():
            walked.note(password)
        walked.note(SECRET_KEY)
        await _standard(walked)
        await _openid(walked)
        await _signing(walked)
        await _youzan(walked)
        await _fantem(walked)
        await _platform(walked)
        await _hex(walked)
        walked.answered += await walk_pages(live, http, walked.note)
        await _failures(walked)
        return walked


async def _standard(walk: Walk) -> None:
    service = {"Authorization": walk.basic("demo-service")}
    token = (await walk.post("/token", {"grant_type": "client_credentials", "scope": "orders"}, **service))["access_token"]
    await walk.post("/token", {"grant_type": "client_credentials", **walk.live.credentials("demo-post")})
    assert (await walk.post("/introspect", {"token": token}, **service))["active"]
    await walk.post("/revoke", {"token": token, "token_type_hint": "refresh_token"}, **service)
    assert not (await walk.post("/introspect", {"token": token}, **service))["active"]
    for client_id, headers in (("demo-web", {"Authorization": walk.basic("demo-web")}), ("demo-spa", {})):
        named = {} if headers else {"client_id": client_id}
        code = {"code": await walk.live.code(client_id, challenge=CHALLENGE), "redirect_uri": CALLBACK, **named}
        wrong = {"grant_type": "authorization_code", **code, "code_verifier": "w" * 50}
        assert (await walk.post("/token", wrong, **headers))["error"] == "invalid_grant"
        first = await walk.post("/token", {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}, **headers)
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **named}
        second = await walk.post("/token", {**refresh, "scope": first.get("scope", "")}, **headers)
        assert second["access_token"] != first["access_token"]
        await walk.post("/token", refresh, **headers)
        await walk.post("/token", {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}, **headers)
    legacy = {"Authorization": walk.basic("demo-legacy")}
    person = {"grant_type": "password", "username": "alice", "password": PASSWORDS["alice"]}
    assert "access_token" in await walk.post("/token", person, **legacy)
    await walk.post("/token", {**person, "password": "a-wrong-password-of-alice"}, **legacy)
    await walk.post("/token", {**person, "username": "nobody-at-all", "password": "a-password-of-nobody"}, **legacy)


async def _openid(walk: Walk) -> None:
    basic = {"Authorization": walk.basic("demo-openid")}
    code = {"code": await walk.live.code("demo-openid", challenge=CHALLENGE, nonce="n"), "redirect_uri": CALLBACK}
    first = await walk.post("/token", {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}, **basic)
    second = await walk.post("/token", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}, **basic)
    walk.note(first["id_token"].rpartition(".")[2])
    for method, headers, body in (
        ("GET", {"Authorization": f"Bearer {second['access_token']}"}, b""),
        ("POST", {"Content-Type": FORM}, encoded({"access_token": second["access_token"]}, FORM)),
    ):
        answer = await walk.http.request(method, "/userinfo", content=body, headers=headers)
        walk.answered += 1
        assert answer.json()["preferred_username"] == "alice"
    for wrong in (first["id_token"], second["refresh_token"], f"{first['id_token'][:-4]}AAAA"):
        walk.note(wrong)
        for path in ("/introspect", "/revoke"):
            answer = await walk.http.post(path, data={"token": wrong}, headers=basic)
            assert answer.status_code == 200
        answer = await walk.http.get(f"/userinfo?access_token={wrong}", headers={"Authorization": f"Bearer {wrong}"})
        assert answer.status_code in {400, 401}
        walk.answered += 3
        hint = f"client_id=demo-openid&id_token_hint={wrong}&logout_hint={wrong}&state={wrong}"
        for method, address in (("GET", f"/logout?{hint}"), ("POST", "/logout"), ("GET", f"/authorize?response_type=code&{hint}")):
            content = hint.encode() if method == "POST" else b""
            answer = await walk.http.request(method, address, content=content, headers={"Content-Type": FORM})
            assert answer.status_code < 500, answer.text


async def _signing(walk: Walk) -> None:
    """Prove a client by its signature: rightly, a second time by the same, and wrongly."""
    key, issuer = ECKey.import_key({"kty": "EC", "crv": "P-256", **EC}), f"http://localhost:{walk.live.port}"
    now = int(time.time())
    claims = {"iss": "demo-signer", "sub": "demo-signer", "aud": issuer, "exp": now + 60, "jti": "the-name-of-an-assertion"}
    for audience, statuses in ((issuer, {200}), (issuer, {401}), ("https://evil.example", {401})):
        assertion = jwt.encode({"alg": "ES256"}, {**claims, "aud": audience}, key)
        walk.note(assertion)
        walk.note(assertion.rpartition(".")[2])
        sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
        answer = await walk.http.post("/token", data=sent)
        walk.answered += 1
        assert answer.status_code in statuses, answer.text
        walk.note(answer.json().get("access_token", ""))


async def _youzan(walk: Walk) -> None:
    client = walk.live.credentials("testclient")
    await walk.post("/oauth/token", {"grant_type": "authorize_platform", **client})
    await walk.post("/oauth/token", {"grant_type": "silent", "kdt_id": "88888", **client}, media_type=MULTIPART)
    shop = await walk.post("/oauth/token", {"grant_type": "authorize_platform", "kdt_id": "88888", **client})
    refresh = {"grant_type": "refresh_token", **client}
    next_one = await walk.post("/oauth/token", {**refresh, "refresh_token": shop["refresh_token"]})
    await walk.post("/oauth/token", {**refresh, "refresh_token": next_one["refresh_token"]})
    await walk.post("/oauth/token", {**refresh, "refresh_token": shop["refresh_token"]})
    code = {"grant_type": "authorization_code", "code": await walk.live.code("testclient"), "redirect_uri": CALLBACK}
    assert "access_token" in await walk.post("/oauth/token", {**code, **client})


async def _fantem(walk: Walk) -> None:
    for client_id in ("alexa-demo", "alexa-rotate", "fantem-demo", "fantem-rotate"):
        headers = {"Authorization": walk.basic(client_id)} if client_id.startswith("alexa") else {}
        code = {"grant_type": "authorization_code", "code": await walk.live.code(client_id), "redirect_uri": CALLBACK}
        first = await walk.post("/oauth/token", code, media_type=MULTIPART, **headers)
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        assert "access_token" in await walk.post("/oauth/token", refresh, **headers)


async def _platform(walk: Walk) -> None:
    person = {"grant_type": "password", "username": "alice@example.com", "password": PASSWORDS["alice"], "scope": "orders"}
    for client_id in ("platform-demo", "platform-rageframe"):
        client = walk.live.credentials(client_id)
        code = {"grant_type": "authorization_code", "code": await walk.live.code(client_id), "redirect_uri": CALLBACK}
        first = await walk.post("/oauth2/authorize", {**code, **client})
        refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **client}
        assert "access_token" in await walk.post("/oauth2/refresh-token", refresh, media_type=JSON)
        for media_type in (FORM, MULTIPART, JSON):
            assert "access_token" in await walk.post("/oauth2/password", {**person, **client}, media_type=media_type)
        await walk.post("/oauth2/client-credentials", {"grant_type": "client_credentials", **client})
        await walk.post("/oauth2/password", {**person, **client, "password": "another-wrong-password"})


async def _hex(walk: Walk) -> None:
    client = {**walk.live.credentials("hex-demo"), "store_id": "S001", "client_name": "The store of Alice"}
    tokens = await walk.post("/third_party/oauth2/token", client, media_type=JSON)
    refresh = {"refresh_token": tokens["refresh_token"]}
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert "expires" in await walk.post("/third_party/oauth2/token/refresh", refresh, media_type=JSON, **bearer)
    wrong = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    await walk.post("/third_party/oauth2/token/refresh", refresh, media_type=JSON, **wrong)


async def _failures(walk: Walk) -> None:
    """Send secrets to where they do not belong."""
    stray = "a-stray-secret-{}-0123456789"
    for number, path in enumerate(("/token", "/oauth/token", "/oauth2/password", "/introspect", "/third_party/oauth2/token")):
        media_type = JSON if "third" in path else FORM
        secret = stray.format(number)
        fields = {"grant_type": "password", "username": "alice", "password": secret, "store_id": "S001"}
        await walk.post(path, {**fields, "client_id": "nobody", "client_secret": secret}, media_type=media_type)
        await walk.post(path, fields, media_type=media_type, Authorization=walk.basic("nobody", secret))
        await walk.post(path, fields, media_type=media_type, Authorization=f"Bearer {secret}", Cookie=f"session={secret}", Referer=secret)
        await walk.post(f"{path}?client_secret={secret}&code={secret}&access_token={secret}", fields, media_type=media_type)
        await walk.post(f"{path}?other={secret}", {"unknown": secret, secret: "x"}, media_type=media_type)
        for body in (
            f'{{"client_secret":"{secret}"',
            f"client_secret={secret}&client_secret=2",
            f"client_secret={secret}%ff",
            secret * 20_000,
        ):
            for kind in (FORM, MULTIPART, JSON, f"text/{secret}"):
                answer = await walk.http.post(path, content=body, headers={"Content-Type": kind, "User-Agent": secret})
                assert answer.status_code in {400, 401, 413, 415}, answer.text
        await walk.http.get(f"/{secret}?token={secret}", headers={"Authorization": f"Bearer {secret}"})
        await walk.http.request("PUT", path, content=secret, headers={"Authorization": f"Bearer {secret}"})


def spellings(secret: str) -> Iterable[str]:
    """Yield the ways in which a value is likely to be written down."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    yield urllib.parse.quote(secret, safe="")
    yield urllib.parse.quote_plus(secret)
    for shift in range(3):
        # The value somewhere inside a longer one: the characters of its base64 that do not hang on its neighbours.
        inner = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")
        yield inner[-(-shift * 8 // 6) : len(inner) - 1]


def seen(text: bytes, secrets: Iterable[str]) -> list[str]:
    """Return the secrets that stand in a text in any likely spelling."""
    return sorted(secret for secret in secrets if any(spelling.encode() in text for spelling in spellings(secret)))
