"""Every code and token in every wrong hand and at every wrong door: nothing is given for it, and nothing of it is burnt."""

from collections.abc import Mapping
from typing import Final

import httpx
import pytest

from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER, World

DOORS: Final[Mapping[str, Mapping[str, str]]] = {
    "standard": {"authorization_code": "/token", "refresh_token": "/token"},
    "youzan": {"authorization_code": "/oauth/token", "refresh_token": "/oauth/token"},
    "fantem": {"authorization_code": "/oauth/token", "refresh_token": "/oauth/token"},
    "open_platform": {"authorization_code": "/oauth2/authorize", "refresh_token": "/oauth2/refresh-token"},
}
CLIENTS: Final = {
    "testclient": "youzan",
    "other-app": "youzan",
    "alexa-demo": "fantem",
    "alexa-other": "fantem",
    "fantem-demo": "fantem",
    "fantem-rotate": "fantem",
    "platform-demo": "open_platform",
    "platform-other": "open_platform",
    "demo-web": "standard",
    "demo-web-other": "standard",
    "demo-spa": "standard",
}
EVERY_DOOR: Final = sorted({path for paths in DOORS.values() for path in paths.values()})


async def redeem(world: World, path: str, word: str, value: str, client_id: str | None, verifier: str | None = None) -> httpx.Response:
    """Present a value as a code or refresh token, as some client or as none."""
    fields = {"grant_type": word, word.replace("authorization_", ""): value}
    if word == "authorization_code":
        fields |= {"redirect_uri": CALLBACK, **({"code_verifier": verifier} if verifier else {})}
    is_basic = client_id is not None and CLIENTS[client_id] == "standard" and client_id in world.secrets
    if client_id is not None and not is_basic:
        fields |= world.credentials(client_id)
    return await world.post(path, fields, basic=client_id if is_basic else None)


@pytest.mark.security("VN-09")
@pytest.mark.security("CD-03")
@pytest.mark.security("RF-03")
@pytest.mark.security("RF-07")
@pytest.mark.parametrize("owner", CLIENTS)
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_nobody_else_gets_anything_for_a_code_or_token_and_its_owner_keeps_it(world: World, owner: str) -> None:
    dialect = CLIENTS[owner]
    paths = DOORS[dialect]
    verifier = VERIFIER if dialect == "standard" else None
    challenge = CHALLENGE if dialect == "standard" else None
    spent = await world.code(owner, challenge=challenge)
    tokens = (await redeem(world, paths["authorization_code"], "authorization_code", spent, owner, verifier)).json()
    code = await world.code(owner, challenge=challenge)
    for stranger in (*CLIENTS, None):
        if stranger == owner:
            continue
        for path in EVERY_DOOR:
            for word, value in (
                ("authorization_code", code),
                ("refresh_token", tokens["refresh_token"]),
                ("refresh_token", tokens["access_token"]),
                ("refresh_token", code),
                ("authorization_code", tokens["refresh_token"]),
            ):
                is_right = (word, value) in {("authorization_code", code), ("refresh_token", tokens["refresh_token"])}
                if stranger is None and path == "/oauth/token" and owner.startswith("fantem") and is_right:
                    continue  # a public client of that dialect need not name itself
                answer = await redeem(world, path, word, value, stranger, verifier)
                assert answer.status_code in {400, 401}, (stranger, path, word, answer.text)
                assert "access_token" not in answer.text
    for path in EVERY_DOOR:
        for word in ("authorization_code", "refresh_token"):
            if path != paths[word]:
                value = code if word == "authorization_code" else tokens["refresh_token"]
                assert (await redeem(world, path, word, value, owner, verifier)).status_code in {400, 401}
            assert (await redeem(world, path, word, tokens["access_token"], owner, verifier)).status_code in {400, 401}
    assert await world.is_alive(tokens["access_token"])
    assert await world.is_alive(tokens["refresh_token"])
    assert (await redeem(world, paths["refresh_token"], "refresh_token", tokens["refresh_token"], owner)).status_code == 200
    assert (await redeem(world, paths["authorization_code"], "authorization_code", code, owner, verifier)).status_code == 200


@pytest.mark.security("VN-05")
@pytest.mark.security("RF-03")
@pytest.mark.security("BR-04")
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_only_the_two_tokens_of_one_grant_extend_each_other(world: World) -> None:
    door = "/third_party/oauth2/token"

    async def tokens(client_id: str, store: str) -> dict[str, str]:
        answer = await world.send("POST", door, json={**world.credentials(client_id), "store_id": store})
        members: dict[str, str] = answer.json()["payload"]
        return members

    async def extend(bearer: str, refresh: str) -> int:
        headers = {"Authorization": f"Bearer {bearer}"}
        return (await world.send("POST", f"{door}/refresh", json={"refresh_token": refresh}, headers=headers)).status_code

    first, again, other = await tokens("hex-demo", "S001"), await tokens("hex-demo", "S001"), await tokens("hex-other", "S002")
    foreign = (await redeem(world, "/oauth/token", "authorization_code", await world.code("alexa-demo"), "alexa-demo")).json()
    for bearer, refresh, status in (
        (first["access_token"], again["refresh_token"], 400),
        (first["access_token"], other["refresh_token"], 400),
        (other["access_token"], first["refresh_token"], 400),
        (first["refresh_token"], first["refresh_token"], 401),
        (first["access_token"], first["access_token"], 400),
        (first["refresh_token"], first["access_token"], 401),
        (foreign["access_token"], foreign["refresh_token"], 401),
        (foreign["access_token"], first["refresh_token"], 401),
        (first["access_token"], foreign["refresh_token"], 400),
        (first["access_token"], first["refresh_token"], 200),
        (again["access_token"], again["refresh_token"], 200),
        (other["access_token"], other["refresh_token"], 200),
    ):
        assert await extend(bearer, refresh) == status
