"""Worlds beside each other that never meet, each with its own time, past and faults."""

import asyncio
import base64
import json
import tomllib
from datetime import UTC, datetime

import httpx
import pytest

from tests.sandbox.spaces import ISSUER, SERVICE, Space


async def test_a_namespace_is_a_server_of_its_own(sandbox: Space) -> None:
    here, there = await sandbox.make(name="one"), await sandbox.make(name="two")
    assert here.issuer == f"{ISSUER}/n/one"
    token = (await here.token()).json()["access_token"]
    assert await here.is_active(token)
    assert not await there.is_active(token)
    assert not await sandbox.is_active(token)
    metadata = (await here.client.get(f"{here.issuer}/.well-known/openid-configuration")).json()
    assert (metadata["issuer"], metadata["token_endpoint"]) == (here.issuer, f"{here.issuer}/token")
    inserted = await here.client.get(f"{ISSUER}/.well-known/oauth-authorization-server/n/one")
    assert inserted.json()["issuer"] == here.issuer
    assert {each["name"] for each in await sandbox.api("GET", "/namespaces")} >= {"one", "two"}


async def test_a_dropped_namespace_is_gone_with_its_data(sandbox: Space) -> None:
    space = await sandbox.make(name="gone")
    token = (await space.token()).json()["access_token"]
    await sandbox.api("DELETE", "/namespaces/gone", status=204)
    assert (await space.token()).status_code == 404
    await sandbox.api("DELETE", "/namespaces/gone", status=404)
    again = await sandbox.make(name="gone")
    assert not await again.is_active(token)


async def test_an_idle_namespace_is_dropped_by_itself(sandbox: Space) -> None:
    space = await sandbox.make(name="idle", idle_seconds=1)
    async with asyncio.timeout(10):
        while "idle" in {each["name"] for each in await sandbox.api("GET", "/namespaces")}:
            await asyncio.sleep(0.2)
    assert (await space.token()).status_code == 404


async def test_a_namespace_begins_with_what_is_declared(sandbox: Space) -> None:
    declared = {"clients": [{"client_id": "mine", "client_secret": "s" * 32, "grant_types": ["client_credentials"], "scope": "orders"}]}
    space = await sandbox.make(demo=False, declared=declared)
    assert (await space.token(("mine", "s" * 32))).status_code == 200
    assert (await space.token()).status_code == 401
    problem = await sandbox.api("POST", "/namespaces", {"name": "wrong", "declared": {"clients": [{"client_id": 7}]}}, 400)
    assert "client_id" in problem["error_description"]
    assert "wrong" not in {each["name"] for each in await sandbox.api("GET", "/namespaces")}


@pytest.mark.parametrize("name", ["Upper", "a b", "../x", "-a", "a" * 41, ".", "a/b", "é"])
async def test_a_name_that_is_none_is_refused(sandbox: Space, name: str) -> None:
    assert "a namespace's name is" in (await sandbox.api("POST", "/namespaces", {"name": name}, 400))["error_description"]


async def test_a_name_is_taken_once(sandbox: Space) -> None:
    await sandbox.make(name="taken")
    assert "already" in (await sandbox.api("POST", "/namespaces", {"name": "taken"}, 409))["error_description"]


async def test_twenty_at_once_do_not_meet(sandbox: Space) -> None:
    async def day(number: int) -> None:
        space = await sandbox.make(name=f"day-{number}")
        client_id = f"app-{number}"
        await space.api(
            "POST",
            "/clients",
            {"client_id": client_id, "client_secret": client_id * 8, "grant_types": ["client_credentials"], "scope": "x"},
        )
        token = (await space.token((client_id, client_id * 8))).json()["access_token"]
        assert await space.is_active(token) is False  # another client's: the demo service is told nothing of it
        own = (await space.token()).json()["access_token"]
        await space.api("POST", "/clock/advance", {"seconds": 60 * number})
        assert await space.is_active(own) is (60 * number < 3600)
        await space.api("POST", "/faults", {"kind": "status", "status": 503, "path": "/token"})
        assert [(await space.token()).status_code for _ in range(2)] == [503, 200]
        seen = await space.api("GET", "/exchanges?limit=500")
        assert {one["client_id"] for one in seen if one["path"] == "/token" and one["client_id"]} == {client_id, SERVICE[0]}
        await space.api("POST", "/reset")
        assert await space.api("GET", "/exchanges") == []
        assert (await space.token((client_id, client_id * 8))).status_code == 401
        await sandbox.api("DELETE", f"/namespaces/day-{number}", status=204)

    async with asyncio.TaskGroup() as group:
        for number in range(20):
            group.create_task(day(number * 4))


async def test_time_moves_for_everything_in_one_namespace_alone(sandbox: Space) -> None:
    here, there = await sandbox.make(), await sandbox.make()
    mine, theirs = (await here.token()).json()["access_token"], (await there.token()).json()["access_token"]
    answer = await here.token()
    assert "x-tokenry-time" not in answer.headers
    await here.api("POST", "/clock/advance", {"seconds": 3601})
    assert (await here.token()).headers["x-tokenry-time"].startswith("20")
    assert (await here.is_active(mine), await there.is_active(theirs)) == (False, True)
    await here.api("DELETE", "/clock")
    assert await here.is_active(mine)


async def test_a_frozen_clock_stands_until_it_is_let_go(sandbox: Space) -> None:
    space = await sandbox.make(now="2031-05-06T07:08:09Z")
    frozen = await space.api("PUT", "/clock", {"now": "2030-01-01T00:00:00Z", "frozen": True})
    assert (frozen["frozen"], frozen["now"]) == (True, "2030-01-01T00:00:00+00:00")
    assert (await space.api("GET", "/clock"))["now"] == frozen["now"]
    moved = await space.api("POST", "/clock/advance", {"seconds": 1.5})
    assert moved["now"] == "2030-01-01T00:00:01.500000+00:00"
    running = await space.api("PUT", "/clock", {"frozen": False})
    assert datetime(2030, 1, 1, tzinfo=UTC) < datetime.fromisoformat(running["now"]) < datetime(2030, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "9999-12-31T00:00:00+00:00", "0001-01-01T00:00:00+23:59"])
async def test_there_is_no_time_beyond_time(sandbox: Space, now: str) -> None:
    space = await sandbox.make()
    assert "no such time" in (await space.api("PUT", "/clock", {"now": now}, 400))["error_description"]
    assert (await space.token()).status_code == 200


async def test_a_snapshot_brings_everything_back(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.api("PATCH", "/users/demo", {"name": "Changed"})
    token = (await space.token()).json()["access_token"]
    await space.api("POST", "/snapshots", {"name": "later"}, 201)
    await space.api("DELETE", "/users/demo", status=204)
    await space.api("POST", "/reset", {"name": "later"})
    assert (await space.api("GET", "/users/demo"))["name"] == "Changed"
    assert await space.is_active(token)
    await space.api("POST", "/reset")
    assert (await space.api("GET", "/users/demo"))["name"] == "Demo"
    assert not await space.is_active(token)
    assert await space.api("GET", "/snapshots") == ["later", "start"]
    await space.api("POST", "/reset", {"name": "never"}, 404)


async def test_requests_during_a_reset_wait_for_it(sandbox: Space) -> None:
    space = await sandbox.make()
    answers = await asyncio.gather(*(space.token() for _ in range(20)), space.api("POST", "/reset"), *(space.token() for _ in range(20)))
    assert {answer.status_code for answer in answers if isinstance(answer, httpx.Response)} == {200}


async def test_users_clients_and_shops_come_and_go(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.api("POST", "/users", {"username": "eve", "password": "eves-password-1", "email": "eve@example.com"}, 201)
    await space.api("POST", "/users", {"username": "eve", "password": "eves-password-1"}, 409)
    await space.api("PATCH", "/users/eve", {"name": "Eve", "password": "another-password-2"})
    assert (await space.api("GET", "/users/eve"))["name"] == "Eve"
    await space.api("POST", "/shops", {"dialect": "youzan", "code": "777", "name": "Shop"}, 201)
    await space.api("PATCH", "/clients/testclient", {"shops": ["88888", "777"]})
    youzan = {"grant_type": "silent", "client_id": "testclient", "client_secret": "testsecret", "kdt_id": "777"}
    assert (await space.client.post(f"{space.issuer}/oauth/token", data=youzan)).status_code == 200
    await space.api("DELETE", "/shops/youzan/777", status=204)
    assert (await space.client.post(f"{space.issuer}/oauth/token", data=youzan)).status_code == 400
    made = await space.api("POST", "/clients", {"client_id": "fresh", "grant_types": ["client_credentials"], "scope": "x"}, 201)
    assert (await space.token(("fresh", made["secret"]))).status_code == 200
    await space.api("DELETE", "/clients/fresh", status=204)
    assert (await space.token(("fresh", made["secret"]))).status_code == 401
    for path in ("/users/nobody", "/clients/nobody", "/shops/hex/none"):
        await space.api("GET", path, status=404)
        await space.api("DELETE", path, status=404)


@pytest.mark.parametrize("kind", ["access", "refresh"])
async def test_any_token_can_be_minted(sandbox: Space, kind: str) -> None:
    space = await sandbox.make()
    wanted = {"client_id": "demo-app", "user": "demo", "scope": "openid profile", "kind": kind}
    live = await space.api("POST", "/tokens", wanted, 201)
    dead = await space.api("POST", "/tokens", {**wanted, "expires_in": -5}, 201)
    auth = ("demo-app", "demo-app-secret")
    for token, active in ((live, True), (dead, False)):
        answer = await space.client.post(f"{space.issuer}/introspect", data={"token": token["token"]}, auth=auth)
        assert answer.json()["active"] is active
    if kind == "refresh":
        refreshed = await space.token(auth, grant_type="refresh_token", refresh_token=live["token"])
        assert refreshed.status_code == 200, refreshed.text


async def test_an_id_token_can_be_minted_with_any_claims(sandbox: Space) -> None:
    space = await sandbox.make()
    wanted = {"client_id": "demo-app", "kind": "id", "user": "demo", "claims": {"nonce": "n-1", "aud": "else"}}
    token = (await space.api("POST", "/tokens", wanted, 201))["token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["iss"], claims["nonce"], claims["aud"]) == (space.issuer, "n-1", "else")
    for wrong in ({"client_id": "nobody"}, {"client_id": "demo-app", "user": "nobody"}, {"client_id": "testclient", "shop": "none"}):
        await space.api("POST", "/tokens", wrong, 404)


async def test_a_code_is_issued_in_the_namespaces_own_time(sandbox: Space) -> None:
    space = await sandbox.make(now="2040-01-01T00:00:00Z")
    back = "http://127.0.0.1:9401/cb"
    code = (await space.api("POST", "/codes", {"client_id": "platform-demo", "user": "demo", "redirect_uri": back}, 201))["code"]
    fields = {
        "grant_type": "authorization_code", "client_id": "platform-demo", "client_secret": "platform-demo-secret", "code": code,
        "redirect_uri": back,
    }  # fmt: skip
    answer = await space.client.post(f"{space.issuer}/oauth2/authorize", data=fields)
    assert answer.status_code == 200, answer.text


async def test_pages_of_other_origins_cannot_drive_a_sandbox(sandbox: Space) -> None:
    for headers in (
        {"Host": "evil.example:6749"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        answer = await sandbox.client.post(f"{ISSUER}/sandbox/api/namespaces", content=b'{"name":"evil"}', headers=headers)
        assert answer.status_code == 403, headers
    assert (await sandbox.client.post(f"{ISSUER}/sandbox/api/namespaces", json={"name": "good"})).status_code == 201


async def test_the_control_api_describes_itself(sandbox: Space) -> None:
    document = await sandbox.api("GET", "/openapi.json")
    paths = document["paths"]
    assert {"/sandbox/api/namespaces", "/sandbox/api/tokens", "/sandbox/api/clock/advance", "/sandbox/api/faults"} <= set(paths)
    assert all(operation.get("summary") for path in paths.values() for operation in path.values())


async def test_what_the_control_api_cannot_read_is_refused_with_a_reason(sandbox: Space) -> None:
    answer = await sandbox.client.post(f"{ISSUER}/sandbox/api/faults", json={"kind": "nothing"})
    assert answer.status_code == 422
    assert "latency" in answer.text
    assert (await sandbox.client.post(f"{ISSUER}/sandbox/api/clock/advance", json={"second": 1})).status_code == 422
    assert (await sandbox.client.get(f"{ISSUER}/sandbox/api/nowhere")).status_code == 404


async def test_a_namespace_is_kept_as_a_file_and_begins_again_from_it(sandbox: Space) -> None:
    first = await sandbox.make()
    made = await first.api("POST", "/clients", {"client_id": "mine", "grant_types": ["client_credentials"]}, 201)
    kept = await first.client.get(f"{first.issuer}/sandbox/api/export")
    assert kept.headers["content-type"] == "application/toml"
    second = await sandbox.make(demo=False, declared=tomllib.loads(kept.text))
    assert (await second.token(("mine", made["secret"]))).status_code == 200
    assert (await second.client.get(f"{second.issuer}/sandbox/api/export")).text == kept.text
