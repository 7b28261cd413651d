"""What an exchange may cost: one load and one commit, and one commit more where a password is checked.

On PostgreSQL a client that is known already is not loaded where nothing else is needed: the commit checks it.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import pytest

from app.ledger import Needs
from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER, World

Act = Callable[[], Awaitable[httpx.Response]]
pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct", "sqlite-routed", "postgresql-direct"], indirect=True)


class Cost(NamedTuple):
    loads: int
    commits: int


async def cost_of(world: World, act: Act, status: int = 200) -> Cost:
    counters = world.storage.counters
    before = Cost(counters.loads, counters.commits)
    answer = await act()
    assert answer.status_code == status, answer.text
    return Cost(counters.loads - before.loads, counters.commits - before.commits)


def post(world: World, door: str, client_id: str, **fields: str) -> Act:
    return lambda: world.post(door, fields | world.credentials(client_id))


def post_json(world: World, door: str, bearer: str | None = None, **members: str) -> Act:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return lambda: world.send("POST", door, json=members, headers=headers)


async def family(world: World, client_id: str, door: str = "/oauth/token") -> dict[str, str]:
    """Return the tokens of a fresh code."""
    pkce = {"code_verifier": VERIFIER} if door == "/token" else {}
    code = await world.code(client_id, challenge=CHALLENGE if pkce else None)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | pkce
    answer = await (
        world.post(door, fields, basic=client_id) if door == "/token" else world.post(door, fields | world.credentials(client_id))
    )
    members: dict[str, str] = answer.json()
    return members


async def test_every_grant_at_every_door_costs_one_load_and_one_commit(world: World) -> None:
    hexed = (await world.send("POST", "/third_party/oauth2/token", json=world.credentials("hex-demo") | {"store_id": "S001"})).json()[
        "payload"
    ]
    acts: dict[str, Act] = {
        "hex token": post_json(world, "/third_party/oauth2/token", **world.credentials("hex-demo"), store_id="S001"),
        "hex refresh": post_json(world, "/third_party/oauth2/token/refresh", hexed["access_token"], refresh_token=hexed["refresh_token"]),
        "authorize_platform": post(world, "/oauth/token", "testclient", grant_type="authorize_platform"),
        "authorize_platform with a shop": post(world, "/oauth/token", "testclient", grant_type="authorize_platform", kdt_id="88888"),
        "silent": post(world, "/oauth/token", "testclient", grant_type="silent", kdt_id="88888"),
        "platform client_credentials": post(world, "/oauth2/client-credentials", "platform-demo", grant_type="client_credentials"),
        "standard client_credentials": lambda: world.post("/token", {"grant_type": "client_credentials"}, basic="demo-service"),
    }
    for client_id, door in (("testclient", "/oauth/token"), ("alexa-demo", "/oauth/token"), ("platform-demo", "/oauth2/authorize")):
        code = await world.code(client_id)
        acts[f"code of {client_id}"] = post(world, door, client_id, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
    anonymous = await world.code("fantem-demo")
    acts["code without a client"] = lambda: world.post("/oauth/token", {"grant_type": "authorization_code", "code": anonymous})
    web = await world.code("demo-web", challenge=CHALLENGE)
    fields = {"grant_type": "authorization_code", "code": web, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    acts["standard code"] = lambda: world.post("/token", fields, basic="demo-web")
    for client_id, door in (("testclient", "/oauth/token"), ("alexa-rotate", "/oauth/token"), ("alexa-demo", "/oauth/token")):
        token = (await family(world, client_id, door))["refresh_token"]
        acts[f"refresh of {client_id}"] = post(world, door, client_id, grant_type="refresh_token", refresh_token=token)
    platform = (await family(world, "platform-demo", "/oauth2/authorize"))["refresh_token"]
    acts["platform refresh"] = post(world, "/oauth2/refresh-token", "platform-demo", grant_type="refresh_token", refresh_token=platform)
    standard = (await family(world, "demo-web", "/token"))["refresh_token"]
    acts["standard refresh"] = lambda: world.post("/token", {"grant_type": "refresh_token", "refresh_token": standard}, basic="demo-web")
    expected = dict.fromkeys(acts, Cost(1, 1))
    if world.storage.recall(Needs(client_id="testclient")) is not None:
        of_the_client_alone = ("authorize_platform", "platform client_credentials", "standard client_credentials")
        expected |= dict.fromkeys(of_the_client_alone, Cost(0, 1))
        await world.post("/oauth2/client-credentials", {"grant_type": "client_credentials"} | world.credentials("platform-demo"))
        await world.post("/token", {"grant_type": "client_credentials"}, basic="demo-service")
    assert {name: await cost_of(world, act) for name, act in acts.items()} == expected


async def test_a_checked_password_costs_one_commit_more(world: World) -> None:
    password = {"grant_type": "password", "username": "demo", "password": "demo-password"}
    assert await cost_of(world, post(world, "/oauth2/password", "platform-demo", **password)) == Cost(1, 2)
    assert await cost_of(world, lambda: world.post("/token", password, basic="demo-legacy")) == Cost(1, 2)
    wrong = password | {"password": "wrong"}
    assert await cost_of(world, post(world, "/oauth2/password", "platform-demo", **wrong), 400) == Cost(1, 1)
    unknown = password | {"username": "nobody"}
    assert await cost_of(world, post(world, "/oauth2/password", "platform-demo", **unknown), 400) == Cost(1, 1)


async def test_a_password_that_decides_nothing_costs_nothing(world: World) -> None:
    beyond = {"grant_type": "password", "username": "demo", "password": "demo-password", "scope": "admin"}
    assert await cost_of(world, post(world, "/oauth2/password", "platform-demo", **beyond), 400) == Cost(1, 0)


async def test_a_question_costs_a_load_and_an_end_a_commit(world: World) -> None:
    tokens = await family(world, "alexa-demo")
    assert await cost_of(world, post(world, "/introspect", "alexa-demo", token=tokens["access_token"])) == Cost(1, 0)
    assert await cost_of(world, post(world, "/revoke", "alexa-demo", token=tokens["access_token"])) == Cost(1, 1)
    assert await cost_of(world, post(world, "/revoke", "alexa-demo", token=tokens["refresh_token"])) == Cost(1, 1)
    assert await cost_of(world, post(world, "/revoke", "alexa-demo", token="unknown")) == Cost(1, 0)


async def test_a_refusal_costs_no_more(world: World) -> None:
    assert await cost_of(world, post(world, "/oauth/token", "testclient", grant_type="magic"), 400) == Cost(0, 0)
    assert await cost_of(world, post(world, "/oauth/token", "testclient", grant_type="silent"), 400) == Cost(1, 0)
    wrong = {"grant_type": "silent", "client_id": "testclient", "client_secret": "wrong"}
    assert await cost_of(world, lambda: world.post("/oauth/token", wrong), 401) == Cost(1, 1)
    tokens = await family(world, "testclient")
    rotate = post(world, "/oauth/token", "testclient", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert await cost_of(world, rotate) == Cost(1, 1)
    assert await cost_of(world, rotate) == Cost(1, 0)
    world.clock.move(seconds=10)
    assert await cost_of(world, rotate, 400) == Cost(1, 1)
