"""Faults on demand, each in the way that it is named, and for whom it is meant."""

import base64
import json
import time
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.sandbox.spaces import Space

BACK = "http://127.0.0.1:9401/cb"
APP = ("demo-app", "demo-app-secret")


async def id_token(space: Space, nonce: str = "n-1") -> str:
    """Return a fresh ID token of the demo app."""
    code = await space.api("POST", "/codes", {"client_id": APP[0], "user": "demo", "redirect_uri": BACK, "scope": "openid", "nonce": nonce})
    answer = await space.token(APP, grant_type="authorization_code", code=code["code"], redirect_uri=BACK)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id_token"])


async def keys(space: Space) -> dict[str, Any]:
    members: dict[str, Any] = (await space.client.get(f"{space.issuer}/.well-known/jwks.json")).json()
    return members


async def verified(space: Space, token: str) -> dict[str, Any]:
    """Return the claims of a token that a published key verifies."""
    return dict(jwt.decode(token, KeySet.import_key_set(await keys(space)), algorithms=["RS256"]).claims)  # type: ignore[arg-type]


@pytest.fixture
async def space(sandbox: Space) -> Space:
    return await sandbox.make()


@pytest.mark.parametrize(
    ("cause", "status", "error"),
    [
        ("bad_code", 400, "invalid_grant"),
        ("too_many_attempts", 429, "temporarily_unavailable"),
        ("unavailable", 503, "temporarily_unavailable"),
    ],
)
async def test_a_door_refuses_in_the_words_of_its_dialect(space: Space, cause: str, status: int, error: str) -> None:
    await space.api("POST", "/faults", {"kind": "refuse", "cause": cause, "retry_after": 7})
    answer = await space.token()
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (status, error, "7")
    told = (await space.api("GET", "/exchanges?limit=1&full=true"))[0]
    assert (told["explanation"]["cause"], told["understood"]["client_id"], told["fault"]) == (cause, "demo-service", 1)
    assert (await space.token()).status_code == 200


async def test_a_partners_door_refuses_in_its_own_envelope(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "refuse", "cause": "unknown_shop", "client_id": "hex-demo"})
    members = {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001"}
    refused = await space.client.post(f"{space.issuer}/third_party/oauth2/token", json=members)
    real = await space.client.post(f"{space.issuer}/third_party/oauth2/token", json={**members, "store_id": "S999"})
    assert refused.status_code == real.status_code
    assert {**refused.json(), "ts": 0} == {**real.json(), "ts": 0}


async def test_a_proxy_in_front_answers(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "status", "status": 502, "retry_after": 3})
    answer = await space.token()
    assert (answer.status_code, answer.headers["retry-after"]) == (502, "3")


async def test_an_answer_comes_late(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "latency", "seconds": 0.4})
    started = time.monotonic()
    assert (await space.token()).status_code == 200
    assert time.monotonic() - started >= 0.4


async def test_a_body_comes_slowly_and_whole(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "slow_body", "seconds": 0.6})
    started = time.monotonic()
    assert (await space.token()).json()["token_type"] == "Bearer"
    assert time.monotonic() - started >= 0.4


async def test_a_body_is_cut(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "cut_body"})
    with pytest.raises(httpx.RemoteProtocolError):
        await space.token()
    assert (await space.token()).status_code == 200


async def test_the_connection_ends_without_an_answer_though_the_request_was_done(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "reset"})
    with pytest.raises(httpx.RemoteProtocolError):
        await space.token()
    recorded = await space.api("GET", "/exchanges?limit=1&full=true")
    assert (recorded[0]["response"]["status"], recorded[0]["fault"]) == (200, 1)


async def test_an_opaque_token_has_expired_when_it_comes(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "expired"})
    token = (await space.token()).json()["access_token"]
    assert not await space.is_active(token)
    assert await space.is_active((await space.token()).json()["access_token"])


async def test_a_right_id_token_is_verified(space: Space) -> None:
    claims = await verified(space, await id_token(space))
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (space.issuer, APP[0], "n-1")


@pytest.mark.parametrize(
    ("kind", "claim", "wrong"),
    [
        ("wrong_audience", "aud", lambda value, _space: value != APP[0]),
        ("wrong_issuer", "iss", lambda value, space: value != space.issuer),
        ("wrong_nonce", "nonce", lambda value, _space: value != "n-1"),
        ("expired", "exp", lambda value, _space: value < time.time()),
        ("not_yet_valid", "nbf", lambda value, _space: value > time.time()),
    ],
)
async def test_an_id_token_is_wrong_in_one_claim_and_signed_all_the_same(space: Space, kind: str, claim: str, wrong: Any) -> None:
    await space.api("POST", "/faults", {"kind": kind})
    claims = await verified(space, await id_token(space))
    assert wrong(claims[claim], space)
    right = await verified(space, await id_token(space))
    assert claim == "nbf" or not wrong(right[claim], space)


async def test_a_signature_is_wrong(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "bad_signature"})
    with pytest.raises(JoseError):
        await verified(space, await id_token(space))


async def test_a_key_is_unknown(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "unknown_kid"})
    token = await id_token(space)
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    assert kid not in {key["kid"] for key in (await keys(space))["keys"]}


async def test_keys_rotate_under_a_client_that_keeps_them(space: Space) -> None:
    await id_token(space)
    before = await keys(space)
    await space.api("POST", "/faults", {"kind": "keys_rotated", "path": "/token"})
    token = await id_token(space)
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    assert kid not in {key["kid"] for key in before["keys"]}
    await verified(space, token)


async def test_a_fault_befalls_whom_it_is_meant_for(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "status", "client_id": "demo-app"})
    await space.api("POST", "/faults", {"kind": "status", "path": "/introspect"})
    await space.api("POST", "/faults", {"kind": "status", "grant": "refresh_token"})
    assert (await space.token()).status_code == 200
    assert (await space.token(grant_type="refresh_token", refresh_token="x" * 43)).status_code == 500
    assert (await space.client.post(f"{space.issuer}/introspect", data={"token": "x"}, auth=APP)).status_code == 500
    assert [each["happened"] for each in await space.api("GET", "/faults")] == [1, 0, 1]


async def test_the_nth_exchange_and_as_often_as_is_said(space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "status", "status": 503, "nth": 2})
    assert [(await space.token()).status_code for _ in range(4)] == [200, 503, 200, 200]
    await space.api("DELETE", "/faults", status=204)
    number = (await space.api("POST", "/faults", {"kind": "status", "status": 503, "times": None}))["number"]
    assert [(await space.token()).status_code for _ in range(3)] == [503] * 3
    await space.api("DELETE", f"/faults/{number}", status=204)
    assert (await space.token()).status_code == 200
    await space.api("DELETE", f"/faults/{number}", status=404)


async def test_chance_has_a_seed(space: Space) -> None:
    rows = []
    for _ in range(2):
        await space.api("POST", "/faults", {"kind": "status", "probability": 0.5, "seed": 7, "times": None})
        rows.append([(await space.token()).status_code for _ in range(12)])
        await space.api("DELETE", "/faults", status=204)
    assert rows[0] == rows[1]
    assert set(rows[0]) == {200, 500}


async def test_the_faults_of_one_namespace_are_no_others(sandbox: Space, space: Space) -> None:
    await space.api("POST", "/faults", {"kind": "status", "times": None})
    assert (await sandbox.token()).status_code == 200
