"""The token endpoint over HTTP: the form of its answers, and what no client gets there."""

import re

import pytest

from tests.fixtures.world import CALLBACK, CHALLENGE, EVERY_WORLD, VERIFIER, World, basic_header

pytestmark = EVERY_WORLD

GRANTS = {
    "authorization_code": {"code": "x" * 43, "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
    "refresh_token": {"refresh_token": "x" * 43},
    "client_credentials": {},
    "password": {"username": "alice", "password": "wonderland-9-wonderland"},
}
REGISTERED = {
    "demo-service": {"client_credentials", "refresh_token"},
    "demo-web": {"authorization_code", "refresh_token"},
    "demo-legacy": {"password", "authorization_code", "refresh_token"},
}


@pytest.mark.security("TK-01")
@pytest.mark.security("TK-11")
@pytest.mark.rfc("6749", "5.1")
async def test_tokens_come_in_the_form_of_the_standard(world: World) -> None:
    code = await world.code("demo-web", challenge=CHALLENGE)
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    for client_id, sent in (("demo-web", exchange), ("demo-service", {"grant_type": "client_credentials"})):
        answer = await world.post("/token", sent, basic=client_id)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        members = answer.json()
        assert (members["token_type"], members["expires_in"]) == ("Bearer", 3600)
        assert isinstance(members["expires_in"], int)
        assert all(re.fullmatch(r"[\w-]{43}", members[name]) for name in ("access_token", "refresh_token") if name in members)


@pytest.mark.security("TK-12")
@pytest.mark.security("CC-03")
@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("grant_type", GRANTS)
async def test_a_grant_is_for_clients_that_are_registered_for_it(world: World, grant_type: str) -> None:
    for client_id, grants in REGISTERED.items():
        answer = await world.post("/token", {"grant_type": grant_type, **GRANTS[grant_type]}, basic=client_id)
        is_refused = (answer.status_code, answer.json().get("error")) == (400, "unauthorized_client")
        assert is_refused == (grant_type not in grants), (client_id, answer.text)


@pytest.mark.security("SC-01")
@pytest.mark.security("SC-02")
@pytest.mark.rfc("6749", "3.3")
@pytest.mark.parametrize(
    "scope", ["admin", "admin root", "orders admin", "orders items admin", "ORDERS", "order", "orders*", "*", "orders\u00a0items"]
)
async def test_a_client_asks_for_no_more_than_it_is_registered_for(world: World, scope: str) -> None:
    answer = await world.post("/token", {"grant_type": "client_credentials", "scope": scope}, basic="demo-service")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope"), answer.text
    for less in ("orders", "items orders", ""):
        granted = (await world.post("/token", {"grant_type": "client_credentials", "scope": less}, basic="demo-service")).json()["scope"]
        assert set(granted.split()) == set((less or "orders items").split())


@pytest.mark.security("CC-02")
@pytest.mark.rfc("6749", "4.4")
async def test_a_public_client_acts_for_nobody(world: World) -> None:
    answer = await world.post("/token", {"grant_type": "client_credentials", "client_id": "demo-spa"})
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] in {"unauthorized_client", "invalid_client"}


@pytest.mark.security("CA-01")
@pytest.mark.security("CA-03")
@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke"])
async def test_a_client_that_has_a_secret_is_nobody_without_it(world: World, path: str) -> None:
    sent = {"grant_type": "client_credentials", "token": "x"} if path == "/token" else {"token": "x"}
    for header in (
        basic_header("demo-service", "wrong"),
        basic_header("demo-service", ""),
        basic_header("demo-service", "demo-service-secret "),
        basic_header("demo-service", "DEMO-SERVICE-SECRET"),
        basic_header("nobody", "demo-service-secret"),
    ):
        answer = await world.send("POST", path, data=sent, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
    for fields in ({"client_id": "demo-service"}, {"client_id": "demo-service", "client_secret": ""}):
        answer = await world.post(path, {**sent, **fields})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.security("CD-05")
@pytest.mark.rfc("6749", "5.2")
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x" * 5_000, "invalid_grant"),
        ("é", "invalid_grant"),
        ("' OR 1=1 --", "invalid_grant"),
        ("%", "invalid_grant"),
        ("a.b.c", "invalid_grant"),
        ("null", "invalid_grant"),
        ("", "invalid_request"),
        (None, "invalid_request"),
    ],
    ids=["long", "letters", "SQL", "wildcard", "JWT", "null", "empty", "absent"],
)
async def test_a_made_up_code_is_none(world: World, code: str | None, error: str) -> None:
    sent = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await world.post("/token", {**sent, **({"code": code} if code is not None else {})}, basic="demo-web")
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.headers["cache-control"] == "no-store"
