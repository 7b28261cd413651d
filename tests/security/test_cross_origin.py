"""Pages of other origins: what those of registered origins may read, and what nobody else may."""

import asyncio

import httpx
import pytest

from app.admin import disable_client
from app.ledger import StorageUnavailable
from app.routers.cross_origin import Origins
from tests.fixtures.world import CALLBACK, CHALLENGE, OTHERWISE_CROSSED, VERIFIER, World

pytestmark = OTHERWISE_CROSSED
ORIGIN, OTHER, STRANGER = "https://spa.example.com", "https://other.example.com", "https://evil.example"
DECLARED = f"""
[[clients]]
client_id = "page"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
scope = "openid orders"
allowed_origins = ["{ORIGIN}"]
[[clients]]
client_id = "other-page"
token_endpoint_auth_method = "none"
redirect_uris = ["{CALLBACK}"]
allowed_origins = ["{OTHER}"]
"""
OPEN = ("/token", "/revoke", "/userinfo")
CLOSED = ("/introspect", "/authorize", "/login", "/oauth/token", "/third_party/oauth2/token")


@pytest.fixture
async def world(shared_world: World) -> World:
    shared_world.begin()
    await shared_world.declare_once(DECLARED)
    return shared_world


def is_readable(answer: httpx.Response, origin: str) -> bool:
    """Whether a browser lets a page of the origin read the answer; none may be read with cookies."""
    assert "access-control-allow-credentials" not in answer.headers
    return answer.headers.get("access-control-allow-origin") in {origin, "*"}


async def ask_first(world: World, path: str, origin: str, method: str = "POST") -> httpx.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return await world.send("OPTIONS", path, headers=headers)


@pytest.mark.security("CO-01")
@pytest.mark.parametrize("path", OPEN)
async def test_pages_of_registered_origins_may_ask(world: World, path: str) -> None:
    for origin in (ORIGIN, OTHER):
        answer = await ask_first(world, path, origin)
        assert (answer.status_code, answer.content) == (200, b"")
        assert is_readable(answer, origin)
        assert answer.headers["access-control-allow-origin"] == origin
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].lower().split(", "))
        assert "origin" in answer.headers["vary"].lower()


@pytest.mark.security("CO-01")
@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize(
    "origin", [STRANGER, "null", f"{ORIGIN}.evil.example", f"{ORIGIN}/", ORIGIN.upper(), "http://spa.example.com", "*", ""]
)
async def test_pages_of_strangers_may_not_even_ask(world: World, path: str, origin: str) -> None:
    answer = await ask_first(world, path, origin)
    assert not is_readable(answer, origin)
    assert answer.status_code == 405


@pytest.mark.security("CO-01")
@pytest.mark.parametrize("path", CLOSED)
async def test_every_other_path_is_closed_to_pages(world: World, path: str) -> None:
    for answer in (
        await ask_first(world, path, ORIGIN),
        await world.send("POST", path, headers={"Origin": ORIGIN}),
        await world.send("GET", path, headers={"Origin": ORIGIN}),
    ):
        assert not is_readable(answer, ORIGIN)
        assert answer.status_code < 500


@pytest.mark.security("CO-01")
async def test_an_answer_is_for_pages_of_its_own_client_alone(world: World) -> None:
    code = await world.code("page", challenge=CHALLENGE, scope="openid orders")
    fields = {"grant_type": "authorization_code", "client_id": "page", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await world.send("POST", "/token", data=fields, headers={"Origin": ORIGIN})
    assert answer.status_code == 200, answer.text
    assert is_readable(answer, ORIGIN)
    assert answer.headers["vary"] == "Origin"
    tokens = answer.json()
    refresh = {"grant_type": "refresh_token", "client_id": "page", "refresh_token": tokens["refresh_token"]}
    for origin in (OTHER, STRANGER, "null"):
        answer = await world.send("POST", "/token", data=refresh | {"scope": "more"}, headers={"Origin": origin})
        assert not is_readable(answer, origin)
        assert answer.headers["vary"] == "Origin"
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    for origin in (ORIGIN, OTHER, STRANGER):
        for method in ("GET", "POST"):
            answer = await world.send(method, "/userinfo", headers=bearer | {"Origin": origin})
            assert answer.status_code == 200
            assert is_readable(answer, origin) is (origin == ORIGIN)
    revoke = {"client_id": "page", "token": tokens["refresh_token"]}
    assert is_readable(await world.send("POST", "/revoke", data=revoke, headers={"Origin": ORIGIN}), ORIGIN)


@pytest.mark.security("CO-01")
async def test_errors_of_a_known_client_can_be_read_by_its_pages(world: World) -> None:
    fields = {"grant_type": "authorization_code", "client_id": "page", "code": "x", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    answer = await world.send("POST", "/token", data=fields, headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert is_readable(answer, ORIGIN)
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    other = await world.send("POST", "/token", data=fields, headers={"Origin": OTHER})
    assert not is_readable(other, OTHER)


@pytest.mark.security("CO-02")
async def test_errors_of_nobody_in_particular_can_be_read_by_registered_origins(world: World) -> None:
    unknown = {"grant_type": "authorization_code", "client_id": "nobody", "code": "x"}
    for status, fields in ((401, unknown), (400, {"client_id": "page"}), (400, {"grant_type": "magic"})):
        for origin in (ORIGIN, OTHER, STRANGER):
            answer = await world.send("POST", "/token", data=fields, headers={"Origin": origin})
            assert answer.status_code == status
            assert is_readable(answer, origin) is (origin != STRANGER)
    for headers in ({}, {"Authorization": "Bearer x"}):
        answer = await world.send("GET", "/userinfo", headers=headers | {"Origin": ORIGIN})
        assert answer.status_code == 401
        assert is_readable(answer, ORIGIN)


async def test_who_is_no_page_gets_no_such_header(world: World) -> None:
    answer = await world.post("/token", {"grant_type": "client_credentials"}, basic="demo-service")
    assert answer.status_code == 200
    assert not any(name.startswith("access-control") or name == "vary" for name in answer.headers)


@pytest.mark.security("CO-01")
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"])
async def test_what_everybody_may_know_every_page_may_read(world: World, path: str) -> None:
    for answer in (await world.send("GET", path, headers={"Origin": STRANGER}), await ask_first(world, path, STRANGER, "GET")):
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert is_readable(answer, STRANGER)


async def test_a_new_client_and_one_that_went_are_noticed(world: World) -> None:
    elapsed = [1000.0]
    origins = Origins(world.storage, lambda: elapsed[0])
    new = "https://new.example.com"
    assert await origins.knows(ORIGIN)
    assert not await origins.knows(new)
    await world.declare(DECLARED.replace(ORIGIN, new).replace('"page"', '"new-page"').replace('"other-page"', '"x-page"'))
    assert not await origins.knows(new), "a stranger cannot make this server look as often as they like"
    elapsed[0] += 5
    assert await origins.knows(new)
    await disable_client(world.operator, "new-page")
    elapsed[0] += 59
    assert await origins.knows(new)
    elapsed[0] += 1
    assert not await origins.knows(new)


async def test_pages_wait_for_one_look_while_the_database_is_away_and_are_known_as_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    elapsed, looks = [1000.0], 0
    origins = Origins(world.storage, lambda: elapsed[0])
    assert await origins.knows(ORIGIN)

    async def away(_work: object) -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        raise StorageUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(world.storage, "look", away)
        for times in (1, 2):
            elapsed[0] += 60
            assert await asyncio.gather(*(origins.knows(origin) for origin in [ORIGIN, STRANGER] * 20)) == [True, False] * 20
            assert [await origins.knows(ORIGIN), await origins.knows(STRANGER), looks] == [True, False, times]
    elapsed[0] += 5
    assert [await origins.knows(OTHER), await origins.knows(STRANGER)] == [True, False]


async def test_more_clients_than_fit_a_page_are_all_looked_at(world: World) -> None:
    one = '[[clients]]\nclient_id = "c{0}"\ntoken_endpoint_auth_method = "none"\nredirect_uris = ["{1}"]\nallowed_origins = ["https://c{0}.example"]\n'
    await world.declare("".join(one.format(number, CALLBACK) for number in range(100, 300)))
    origins = Origins(world.storage)
    assert [await origins.knows(f"https://c{number}.example") for number in (100, 199, 250, 299, 300)] == [True] * 4 + [False]
