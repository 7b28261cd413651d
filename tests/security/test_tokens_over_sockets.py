"""Introspection, revocation and client authentication at real servers: what one process ends, every process refuses at once."""

import asyncio
import base64
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import httpx
import pytest

from app.admin import (
    create_client,
    create_shop,
    create_user,
    disable_client,
    disable_shop,
    disable_user,
    enable_client,
    enable_shop,
    enable_user,
    rotate_secret,
    set_password,
    withdraw_shop,
)
from tests.fixtures.server import NO_TLS, Server
from tests.fixtures.world import CHALLENGE, VERIFIER
from tests.security.doors import FORM
from tests.security.live import PASSWORDS, Live
from tests.security.wire import request, send

Answer = httpx.Response


class Client:
    """A client of one server, with what a test asks it for."""

    def __init__(self, live: Live, http: httpx.AsyncClient) -> None:
        self.live = live
        self.http = http

    async def post(self, path: str, fields: Mapping[str, str], basic: str | None = None, **more: Any) -> Answer:
        headers = {"Authorization": self.live.basic(basic)} if basic else {}
        return await self.http.post(path, data=dict(fields), headers=headers, **more)

    async def active(self, token: str, basic: str = "demo-web") -> bool:
        answer = await self.post("/introspect", {"token": token}, basic)
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["active"])

    async def tokens(self) -> dict[str, str]:
        """Return fresh tokens of demo-web for alice."""
        code = {"code": await self.live.code("demo-web", challenge=CHALLENGE), "redirect_uri": "http://127.0.0.1:9401/cb"}
        answer = await self.post("/token", {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}, "demo-web")
        assert answer.status_code == 200, answer.text
        members: dict[str, str] = answer.json()
        return members

    async def log_in(self, username: str, password: str) -> Answer:
        fields = {"grant_type": "password", "username": username, "password": password}
        return await self.post("/token", fields, "demo-legacy")


def opened(live: Live, server: Server | None = None) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=live.address(), verify=NO_TLS)
    return httpx.AsyncClient(transport=transport, base_url=(server or live.server).url, trust_env=False, timeout=15)


@pytest.fixture
async def client(live: Live) -> AsyncIterator[Client]:
    async with opened(live) as http:
        yield Client(live, http)


# -- authentication ----------------------------------------------------------------------------------------------------------------

MALFORMED = [
    *("Basic", "Basic ", "Basic =", "Basic ====", "Basic !!!!", "Basic " + base64.b64encode(b"no-colon").decode(), "Basic Og=="),
    *("Basic " + base64.b64encode(raw).decode() for raw in (b"\xff:\xfe", b"demo-service:\xff", b"\0:\0", b"demo%zzservice:%zz")),
    "Basic " + base64.b64encode(b"demo-service:wrong").decode().rstrip("=") + "\u00e9",
    "Basic " + base64.b64encode(b"demo-service:x" * 3000).decode(),
    *("basic x", "BASIC " + "A" * 5, "Basic  " + base64.b64encode(b":").decode(), "Bearer", "Bearer \t", "Negotiate abc", "\x7f", "é"),
]


@pytest.mark.security("CA-06")
@pytest.mark.parametrize("header", MALFORMED, ids=lambda text: ascii(text[:24]))
def test_a_malformed_authorization_is_no_authorization(lone: Live, header: str) -> None:
    address = lone.address()
    for path in ("/token", "/introspect", "/oauth/token", "/oauth2/refresh-token"):
        headers = [("Content-Type", FORM), ("Authorization", header)]
        exchange = send(lone.port, request("POST", path, headers, b"grant_type=refresh_token&refresh_token=x&token=x"), address=address)
        assert exchange.status in {400, 401}
        answer = exchange.answers[0]
        if answer.header("content-type") == "text/plain; charset=utf-8":
            continue  # the header breaks the protocol before it can be malformed
        assert answer.json()["error"] in {"invalid_client", "invalid_request", "invalid_grant"}
        if answer.status == 401 and header.lower().startswith("basic"):
            assert (answer.header("www-authenticate") or "").startswith("Basic realm=")


STRANGE = ["é", "密码", "\0", "%zz", "%00", "😀" * 300, "x" * 20_000, " ", "\ufeff", "\u0130"]


@pytest.mark.security("CA-07")
@pytest.mark.parametrize("secret", STRANGE, ids=lambda text: ascii(text[:8]))
async def test_a_strange_secret_is_a_wrong_one(client: Client, secret: str) -> None:
    raw = "Basic " + base64.b64encode(f"demo-post:{secret}".encode()).decode()
    by_header = await client.http.post("/token", data={"grant_type": "client_credentials"}, headers={"Authorization": raw})
    fields = {"grant_type": "client_credentials", "client_id": "demo-post", "client_secret": secret}
    by_body = await client.http.post("/token", data=fields)
    assert by_header.status_code == 401
    assert by_body.status_code == (400 if secret == "\0" else 401)
    public = await client.http.post("/token", data={**fields, "client_id": "demo-spa", "grant_type": "refresh_token", "refresh_token": "x"})
    assert public.status_code in {400, 401}


@pytest.mark.security("CA-02")
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/token", {"grant_type": "client_credentials"}),
        ("/introspect", {"token": "x"}),
        ("/revoke", {"token": "x"}),
        ("/oauth/token", {"grant_type": "authorize_platform"}),
        ("/oauth2/client-credentials", {"grant_type": "client_credentials"}),
    ],
)
async def test_an_unknown_a_disabled_and_a_wrongly_named_client_are_answered_alike(
    client: Client, path: str, fields: dict[str, str]
) -> None:
    async with client.live.operator() as operator:
        with contextlib.suppress(Exception):
            await create_client(operator, {"client_id": "gone", "client_secret": "g" * 40, "grant_types": ["client_credentials"]})
            await disable_client(operator, "gone")
    answers = set()
    for client_id, secret in (("nobody", "x"), ("demo-service", "wrong"), ("gone", "g" * 40), ("demo-spa", "x"), ("testclient", "wrong")):
        answer = await client.http.post(path, data={**fields, "client_id": client_id, "client_secret": secret})
        names = sorted(set(answer.headers) - {"date", "x-request-id"})
        answers.add((answer.status_code, answer.text, tuple((name, answer.headers[name]) for name in names)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


# -- revocation --------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("RV-01")
@pytest.mark.security("RV-06")
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "id_token", "x" * 200])
async def test_a_revoked_access_token_is_dead_at_once_whatever_the_hint(client: Client, hint: str | None) -> None:
    tokens = await client.tokens()
    assert await client.active(tokens["access_token"])
    fields = {"token": tokens["access_token"], **({"token_type_hint": hint} if hint else {})}
    answer = await client.post("/revoke", fields, "demo-web")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert not await client.active(tokens["access_token"])
    assert await client.active(tokens["refresh_token"])


@pytest.mark.security("RV-01")
@pytest.mark.security("RV-05")
async def test_a_revoked_refresh_token_takes_its_family_along(client: Client) -> None:
    first = await client.tokens()
    second = (await client.post("/token", {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}, "demo-web")).json()
    assert (
        await client.post("/revoke", {"token": second["refresh_token"], "token_type_hint": "access_token"}, "demo-web")
    ).status_code == 200
    for tokens in (first, second):
        for name in ("access_token", "refresh_token"):
            assert not await client.active(tokens[name])
        again = await client.post("/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}, "demo-web")
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.security("RF-10")
async def test_a_rotated_token_cannot_be_repeated_after_a_deliberate_revocation(client: Client) -> None:
    first = await client.tokens()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = (await client.post("/token", refresh, "demo-web")).json()
    assert (await client.post("/token", refresh, "demo-web")).json()["refresh_token"] == second["refresh_token"]
    await client.post("/revoke", {"token": second["refresh_token"]}, "demo-web")
    assert (await client.post("/token", refresh, "demo-web")).json()["error"] == "invalid_grant"


@pytest.mark.security("RV-02")
@pytest.mark.parametrize("token", ["unknown", "a.b.c", "x" * 9000, "密", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_token_that_nobody_knows_is_revoked_already(client: Client, token: str) -> None:
    answer = await client.post("/revoke", {"token": token}, "demo-web")
    assert answer.status_code == 200


@pytest.mark.security("RV-03")
@pytest.mark.security("RV-04")
@pytest.mark.security("IT-01")
@pytest.mark.security("IT-05")
async def test_a_token_is_nothing_to_whoever_is_not_its_client(client: Client) -> None:
    token = (await client.tokens())["access_token"]
    nobodies: list[tuple[dict[str, str], str | None]] = [
        ({}, None),
        ({"client_id": "demo-web"}, None),
        ({"client_id": "demo-web", "client_secret": ""}, None),
    ]
    for path in ("/revoke", "/introspect"):
        for fields, basic in nobodies:
            assert (await client.post(path, {"token": token, **fields}, basic)).status_code in {400, 401}
        wrong = await client.http.post(path, data={"token": token}, headers={"Authorization": client.live.basic("demo-web", "wrong")})
        assert wrong.status_code == 401
        assert (await client.http.post(path, data={"token": token}, headers={"Authorization": f"Bearer {token}"})).status_code in {400, 401}
    assert (await client.post("/introspect", {"token": token, "client_id": "demo-spa"})).status_code == 401
    for stranger in ("demo-web-other", "demo-service"):
        assert not await client.active(token, stranger)
        assert (await client.post("/revoke", {"token": token}, stranger)).status_code in {200, 400}
    partner = {"token": token, **client.live.credentials("testclient")}
    assert (await client.post("/introspect", partner)).json() == {"active": False}
    assert await client.active(token)


@pytest.mark.security("RV-07")
@pytest.mark.parametrize("fields", [{}, {"token": ""}, {"token_type_hint": "access_token"}])
async def test_a_token_must_be_named(client: Client, fields: dict[str, str]) -> None:
    for path in ("/revoke", "/introspect"):
        answer = await client.post(path, fields, "demo-web")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.security("RV-08")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_tokens_are_asked_about_and_ended_by_post_alone(client: Client, method: str) -> None:
    token = (await client.tokens())["access_token"]
    for path in ("/revoke", "/introspect"):
        answer = await client.http.request(method, path, params={"token": token}, headers={"Authorization": client.live.basic("demo-web")})
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST"
    assert await client.active(token)


@contextlib.asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """Hold the database so that nobody else writes."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            yield
            file.execute("ROLLBACK")
        return
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute('LOCK TABLE token, "grant" IN SHARE MODE')
            yield
    finally:
        await connection.close()


@pytest.mark.security("RV-09")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_revocation_that_is_not_written_is_no_success(client: Client, kind: str) -> None:
    tokens = await client.tokens()
    async with locked(client.live.database_url):
        answer = await client.post("/revoke", {"token": tokens[kind]}, "demo-web")
        assert answer.status_code == 503
        assert answer.json()["error"] == "temporarily_unavailable"
        assert int(answer.headers["retry-after"]) > 0
    assert await client.active(tokens[kind])
    assert (await client.post("/revoke", {"token": tokens[kind]}, "demo-web")).status_code == 200
    assert not await client.active(tokens[kind])


# -- introspection -----------------------------------------------------------------------------------------------------------------


@pytest.mark.security("IT-02")
@pytest.mark.security("IT-04")
@pytest.mark.security("BR-04")
async def test_what_is_not_active_is_only_that(client: Client) -> None:
    tokens = await client.tokens()
    token = tokens["access_token"]
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bent in (
        "garbage",
        "x" * 9000,
        "a.b.c",
        "eyJhbGciOiJub25lIn0.e30.",
        token[:-1],
        token + "x",
        token.swapcase(),
        flipped,
        f"{token} ",
        "é",
    ):
        answer = await client.post("/introspect", {"token": bent}, "demo-web")
        assert (answer.status_code, answer.content) == (200, b'{"active":false}')
        assert answer.headers["cache-control"] == "no-store"
    assert (await client.post("/introspect", {"token": token + "\0"}, "demo-web")).status_code == 400
    for wrong in ("access_token", "refresh_token"):
        bearer = {"Authorization": f"Bearer {tokens[wrong]}"}
        answer = await client.http.post(
            "/third_party/oauth2/token/refresh", json={"refresh_token": tokens["refresh_token"]}, headers=bearer
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


@pytest.mark.security("IT-03")
async def test_what_is_active_says_what_it_is_and_never_what_it_was_made_of(client: Client) -> None:
    tokens = await client.tokens()
    answer = await client.post("/introspect", {"token": tokens["access_token"]}, "demo-web")
    members = answer.json()
    assert members["client_id"] == "demo-web"
    assert members["scope"] == "orders items"
    assert members["username"] == "alice"
    assert abs(members["exp"] - time.time() - 3600) < 60
    assert "alice" not in members["sub"]
    assert not {"password", "email", "token", "client_secret", "token_hash", "id"} & set(members)
    assert tokens["access_token"] not in answer.text


@pytest.mark.security("IT-06")
@pytest.mark.security("CA-12")
@pytest.mark.security("RV-01")
async def test_what_is_ended_at_one_server_is_ended_at_the_other(live_pair: Live) -> None:
    first, second = live_pair.servers
    async with opened(live_pair, first) as here, opened(live_pair, second) as there, live_pair.operator() as operator:
        one, other = Client(live_pair, here), Client(live_pair, there)
        tokens = await one.tokens()
        assert await other.active(tokens["access_token"])
        await one.post("/revoke", {"token": tokens["access_token"]}, "demo-web")
        assert not await other.active(tokens["access_token"])

        await create_shop(operator, {"dialect": "hex", "code": "S7"})
        secret = "a-secret-of-more-than-32-characters-0"
        await create_client(operator, {"client_id": "pair", "client_secret": secret, "dialect": "hex", "shops": ["S7"]})
        store = {"client_id": "pair", "client_secret": secret, "store_id": "S7"}
        own = {"client_id": "pair", "client_secret": secret}

        async def served(each: Client) -> int:
            return (await each.http.post("/third_party/oauth2/token", json=store)).status_code

        async def alive(each: Client, token: str) -> bool:
            answer = await each.http.post("/introspect", data={"token": token, **own})
            return answer.status_code == 200 and bool(answer.json()["active"])

        token = (await here.post("/third_party/oauth2/token", json=store)).json()["payload"]["access_token"]

        async def both(status: int, *, lives: bool) -> None:
            assert [await served(each) for each in (one, other)] == [status, status]
            assert [await alive(each, token) for each in (one, other)] == [lives, lives]

        await both(200, lives=True)
        await disable_client(operator, "pair")
        await both(401, lives=False)
        await enable_client(operator, "pair")
        await both(200, lives=True)
        await disable_shop(operator, "hex", "S7")
        await both(403, lives=False)
        await enable_shop(operator, "hex", "S7")
        await both(200, lives=True)
        await withdraw_shop(operator, "pair", "S7")
        await both(403, lives=False)
        rotated = await rotate_secret(operator, "pair")
        assert rotated.secret != secret
        assert [await served(each) for each in (one, other)] == [401, 401]


@pytest.mark.security("IT-06")
@pytest.mark.security("CD-10")
@pytest.mark.security("RF-11")
async def test_the_end_of_a_person_ends_all_that_is_theirs_at_both_servers(live_pair: Live) -> None:
    first, second = live_pair.servers
    password = PASSWORDS["alice"]
    async with opened(live_pair, first) as here, opened(live_pair, second) as there, live_pair.operator() as operator:
        one, other = Client(live_pair, here), Client(live_pair, there)
        await create_user(operator, {"username": "leaver", "password": password, "email": "leaver@example.com"})
        tokens = (await one.log_in("leaver", password)).json()
        code = {
            "code": await live_pair.code("demo-web", challenge=CHALLENGE, username="leaver"),
            "redirect_uri": "http://127.0.0.1:9401/cb",
        }
        exchange = {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert await other.active(tokens["access_token"], "demo-legacy")
        await disable_user(operator, "leaver")
        for each in (one, other):
            assert not await each.active(tokens["access_token"], "demo-legacy")
            assert (await each.post("/token", refresh, "demo-legacy")).json()["error"] == "invalid_grant"
            assert (await each.post("/token", exchange, "demo-web")).json()["error"] == "invalid_grant"
            assert (await each.log_in("leaver", password)).json()["error"] == "invalid_grant"
        await enable_user(operator, "leaver")
        assert (await other.log_in("leaver", password)).status_code == 200
        await set_password(operator, "leaver", "quite-another-password-1")
        for each in (one, other):
            assert not await each.active(tokens["access_token"], "demo-legacy")
            assert (await each.post("/token", refresh, "demo-legacy")).json()["error"] == "invalid_grant"
            assert (await each.post("/token", exchange, "demo-web")).json()["error"] == "invalid_grant"
        assert (await one.log_in("leaver", password)).status_code == 400
        assert (await one.log_in("leaver", "quite-another-password-1")).status_code == 200


@pytest.mark.security("CD-06")
@pytest.mark.security("RF-06")
async def test_twenty_at_two_servers_have_one_winner(live_pair: Live) -> None:
    first, second = live_pair.servers
    async with opened(live_pair, first) as here, opened(live_pair, second) as there:
        one, other = Client(live_pair, here), Client(live_pair, there)
        code = {"code": await live_pair.code("demo-web", challenge=CHALLENGE), "redirect_uri": "http://127.0.0.1:9401/cb"}
        exchange = {"grant_type": "authorization_code", **code, "code_verifier": VERIFIER}
        answers = await asyncio.gather(*((one, other)[number % 2].post("/token", exchange, "demo-web") for number in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
        tokens = await one.tokens()
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answers = await asyncio.gather(*((one, other)[number % 2].post("/token", refresh, "demo-web") for number in range(20)))
        assert {answer.status_code for answer in answers} <= {200, 400}
        assert len({answer.json()["refresh_token"] for answer in answers if answer.status_code == 200}) == 1
