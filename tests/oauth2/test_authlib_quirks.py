"""Where Authlib by itself would answer wrongly or not at all: what we answer, row by row of its quirks."""

import logging

import httpx
import pytest

from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER, World, basic_header

pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct"], indirect=True)
FORM = "application/x-www-form-urlencoded"


def check(answer: httpx.Response, status: int, error: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json().get("error") == error


async def test_1_plain_http_behind_a_proxy_is_no_fault(world: World) -> None:
    async with world.client() as client:
        headers = {"Authorization": basic_header("demo-service", "demo-service-secret")}
        check(await client.post("http://internal.example:8080/token", data={"grant_type": "client_credentials"}, headers=headers), 200)


@pytest.mark.security("TK-13")
@pytest.mark.parametrize("uri", ['https://a.example/"', "https://a.example/\\", "https://é.example/", "x" * 5000])
async def test_2_a_redirect_uri_with_characters_that_errors_cannot_hold_is_no_fault(world: World, uri: str) -> None:
    code = await world.code("demo-web", challenge=CHALLENGE)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": uri, "code_verifier": VERIFIER}
    check(await world.post("/token", fields, basic="demo-web"), 400, "invalid_grant")


@pytest.mark.security("CA-06")
@pytest.mark.parametrize("credentials", ["//46eA==", "/w==", "4pyT", "!"])
async def test_3_basic_that_is_no_utf_8_is_no_fault(world: World, credentials: str) -> None:
    headers = {"Authorization": f"Basic {credentials}"}
    check(await world.send("POST", "/token", data={"grant_type": "client_credentials"}, headers=headers), 401, "invalid_client")


@pytest.mark.security("CA-09")
async def test_4_a_plus_in_basic_is_a_space(world: World) -> None:
    headers = {"Authorization": basic_header("demo-odd", "a%3Ab%2Bc%25+d")}
    check(await world.send("POST", "/token", data={"grant_type": "client_credentials"}, headers=headers), 200)


@pytest.mark.security("TK-07")
async def test_5_a_parameter_twice_is_refused_at_the_token_door(world: World) -> None:
    headers = {"Authorization": basic_header("demo-service", "demo-service-secret"), "Content-Type": FORM}
    body = "grant_type=client_credentials&scope=items&scope=orders"
    check(await world.send("POST", "/token", content=body, headers=headers), 400, "invalid_request")


@pytest.mark.security("TK-03")
async def test_6_the_query_is_no_part_of_the_parameters(world: World) -> None:
    headers = {"Authorization": basic_header("demo-service", "demo-service-secret")}
    check(await world.send("POST", "/token?grant_type=client_credentials", headers=headers), 400, "invalid_request")
    check(
        await world.send("POST", "/token?client_id=demo-spa", data={"grant_type": "refresh_token", "refresh_token": "x"}),
        400,
        "invalid_request",
    )


@pytest.mark.security("CA-04")
async def test_7_basic_and_body_together_are_refused(world: World) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "demo-service", "client_secret": "demo-service-secret"}
    check(await world.post("/token", fields, basic="demo-service"), 400, "invalid_request")


@pytest.mark.rfc("6749", "5.2")
async def test_8_a_wrong_password_is_invalid_grant(world: World) -> None:
    fields = {"grant_type": "password", "username": "demo", "password": "wrong"}
    check(await world.post("/token", fields, basic="demo-legacy"), 400, "invalid_grant")


async def test_8_a_refresh_token_without_a_user_is_the_clients_own(world: World) -> None:
    shop = {"grant_type": "authorize_platform", "kdt_id": "88888"} | world.credentials("testclient")
    token = (await world.post("/oauth/token", shop)).json()["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": token} | world.credentials("testclient")
    check(await world.post("/oauth/token", fields), 200)


@pytest.mark.security("TK-05")
async def test_9_a_missing_grant_type_is_invalid_request(world: World) -> None:
    answer = await world.post("/token", {"scope": "items"}, basic="demo-service")
    check(answer, 400, "invalid_request")
    assert answer.json()["error_description"]


@pytest.mark.security("CA-02")
async def test_10_an_unknown_client_looks_like_a_wrong_secret_by_header_and_by_body(world: World) -> None:
    for known, unknown in (
        (
            {"headers": {"Authorization": basic_header("demo-service", "wrong")}},
            {"headers": {"Authorization": basic_header("nobody", "wrong")}},
        ),
        ({"data": {"client_id": "demo-post", "client_secret": "wrong"}}, {"data": {"client_id": "nobody", "client_secret": "wrong"}}),
    ):
        answers = []
        for options in (known, unknown):
            fields = {"grant_type": "client_credentials"} | options.get("data", {})
            answers.append(await world.send("POST", "/token", data=fields, headers=options.get("headers", {})))
        assert answers[0].status_code == answers[1].status_code == 401
        assert answers[0].content == answers[1].content
        assert answers[0].headers.get("www-authenticate") == answers[1].headers.get("www-authenticate")


@pytest.mark.security("PK-05")
async def test_12_a_confidential_client_proves_the_challenge_too(world: World) -> None:
    code = await world.code("demo-web", challenge=CHALLENGE)
    check(
        await world.post("/token", {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}, basic="demo-web"),
        400,
        "invalid_grant",
    )


@pytest.mark.security("CD-01")
@pytest.mark.security("CD-09")
@pytest.mark.security("RF-05")
@pytest.mark.security("RF-09")
async def test_13_expiry_and_replay_are_looked_at(world: World) -> None:
    late = await world.code("demo-web", challenge=CHALLENGE)
    world.clock.move(seconds=60)
    code = await world.code("demo-web", challenge=CHALLENGE)
    fields = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    check(await world.post("/token", fields | {"code": late}, basic="demo-web"), 400, "invalid_grant")
    token = (await world.post("/token", fields | {"code": code}, basic="demo-web")).json()["refresh_token"]
    world.clock.move(days=30)
    check(await world.post("/token", {"grant_type": "refresh_token", "refresh_token": token}, basic="demo-web"), 400, "invalid_grant")


@pytest.mark.security("SC-01")
async def test_15_an_omitted_scope_is_the_registered_one_and_a_bad_one_is_refused(world: World) -> None:
    plain = await world.post("/token", {"grant_type": "client_credentials"}, basic="demo-service")
    assert plain.json()["scope"] == "orders items"
    check(await world.post("/token", {"grant_type": "client_credentials", "scope": "admin"}, basic="demo-service"), 400, "invalid_scope")


@pytest.mark.security("RV-06")
async def test_17_a_public_client_revokes_by_name_and_an_unknown_hint_is_ignored(world: World) -> None:
    code = await world.code("demo-spa", challenge=CHALLENGE)
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": "demo-spa",
    }
    token = (await world.post("/token", fields)).json()["access_token"]
    answer = await world.post("/revoke", {"token": token, "token_type_hint": "bogus", "client_id": "demo-spa"})
    check(answer, 200)
    assert not await world.is_alive(token)


@pytest.mark.security("CA-07")
async def test_27_a_secret_beyond_ascii_is_compared_like_any_other(world: World) -> None:
    for secret in ("é", "密码", "\U0001f600"):
        check(
            await world.post("/token", {"grant_type": "client_credentials", "client_id": "demo-post", "client_secret": secret}),
            401,
            "invalid_client",
        )


@pytest.mark.security("LO-01")
async def test_authlib_logs_no_token_at_any_level(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "authlib"):
        answer = await world.post(
            "/oauth2/password",
            {"grant_type": "password", "username": "demo", "password": "demo-password"} | world.credentials("platform-demo"),
        )
    for secret in (*(value for name, value in answer.json().items() if name.endswith("token")), "demo-password", "platform-demo-secret"):
        assert secret not in caplog.text
