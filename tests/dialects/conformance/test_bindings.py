"""Codes and tokens belong to a client, a dialect, a person and a shop: what nobody else can do with them, and what ends them."""

import asyncio
import itertools
from dataclasses import dataclass, replace

import httpx
import pytest

from app.admin import disable_client, disable_shop, disable_user, enable_client, enable_user, rotate_secret, set_password
from app.core.causes import Cause
from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER, World, basic_header


@dataclass(frozen=True)
class Way:
    """How one client of a dialect gets tokens for a code and for a refresh token; ``basic`` clients use the header."""

    client_id: str
    code_door: str
    refresh_door: str
    basic: bool = False
    public: bool = False
    pkce: bool = True


WAYS = {
    way.client_id: way
    for way in (
        Way("testclient", "/oauth/token", "/oauth/token", pkce=False),
        Way("platform-demo", "/oauth2/authorize", "/oauth2/refresh-token", pkce=False),
        Way("alexa-demo", "/oauth/token", "/oauth/token"),
        Way("fantem-demo", "/oauth/token", "/oauth/token", public=True),
        Way("demo-web", "/token", "/token", basic=True),
        Way("demo-spa", "/token", "/token", public=True),
    )
}
# Both ways in lead to the same exchange: one of them on each database.
pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-routed"], indirect=True)
every_way = pytest.mark.parametrize("way", [pytest.param(way, id=name) for name, way in WAYS.items()])


def strangers_of(owner: Way) -> list[Way]:
    return [way for way in WAYS.values() if way is not owner]


async def ask(world: World, way: Way, door: str, fields: dict[str, str]) -> httpx.Response:
    if way.basic:
        return await world.post(door, fields, basic=way.client_id)
    return await world.post(door, fields | world.credentials(way.client_id))


async def redeem(world: World, way: Way, code: str) -> httpx.Response:
    proof = {"code_verifier": VERIFIER} if way.pkce else {}
    return await ask(world, way, way.code_door, {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK} | proof)


async def refresh(world: World, way: Way, token: str) -> httpx.Response:
    return await ask(world, way, way.refresh_door, {"grant_type": "refresh_token", "refresh_token": token})


async def new_code(world: World, way: Way, user: str = "demo") -> str:
    return await world.code(way.client_id, challenge=CHALLENGE if way.pkce else None, user=user)


async def new_tokens(world: World, way: Way, user: str = "demo") -> dict[str, str]:
    answer = await redeem(world, way, await new_code(world, way, user))
    assert answer.status_code == 200, answer.text
    members: dict[str, str] = answer.json()
    return members


def check_invalid_grant(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text


@every_way
@pytest.mark.security("VN-09")
@pytest.mark.security("CD-03")
@pytest.mark.rfc("6749", "4.1.3")
async def test_a_code_is_of_no_use_to_another_client_and_survives_the_attempt(world: World, way: Way) -> None:
    code = await new_code(world, way)
    for stranger in strangers_of(way):
        check_invalid_grant(await redeem(world, stranger, code))
    assert (await redeem(world, way, code)).status_code == 200


@every_way
@pytest.mark.security("VN-09")
@pytest.mark.security("CD-03")
async def test_a_strangers_replay_of_a_used_code_ends_nothing(world: World, way: Way) -> None:
    code = await new_code(world, way)
    tokens = (await redeem(world, way, code)).json()
    for stranger in strangers_of(way):
        check_invalid_grant(await redeem(world, stranger, code))
    assert await world.is_alive(tokens["access_token"])


@every_way
@pytest.mark.security("VN-09")
@pytest.mark.security("RF-03")
@pytest.mark.rfc("6749", "6")
async def test_a_refresh_token_is_of_no_use_to_another_client_and_survives_the_attempt(world: World, way: Way) -> None:
    tokens = await new_tokens(world, way)
    for stranger in strangers_of(way):
        check_invalid_grant(await refresh(world, stranger, tokens["refresh_token"]))
    assert await world.is_alive(tokens["access_token"])
    assert (await refresh(world, way, tokens["refresh_token"])).status_code == 200


@every_way
@pytest.mark.security("RV-04")
@pytest.mark.security("IT-05")
async def test_a_token_of_another_client_is_neither_shown_nor_revoked(world: World, way: Way) -> None:
    tokens = await new_tokens(world, way)
    for stranger in strangers_of(way):
        if not stranger.public:
            assert (await ask(world, stranger, "/introspect", {"token": tokens["access_token"]})).json() == {"active": False}
        check_invalid_grant(await ask(world, stranger, "/revoke", {"token": tokens["refresh_token"]}))
    assert await world.is_alive(tokens["access_token"])


@every_way
@pytest.mark.security("CD-01")
@pytest.mark.security("CD-02")
@pytest.mark.security("VN-10")
@pytest.mark.rfc("6749", "4.1.2")
async def test_a_code_used_twice_ends_what_it_yielded(world: World, way: Way) -> None:
    code = await new_code(world, way)
    tokens = (await redeem(world, way, code)).json()
    check_invalid_grant(await redeem(world, way, code))
    assert world.notes.events[-1].replayed
    assert not await world.is_alive(tokens["access_token"])
    check_invalid_grant(await refresh(world, way, tokens["refresh_token"]))


@every_way
@pytest.mark.security("CD-06")
@pytest.mark.security("VN-10")
async def test_of_many_redemptions_at_once_one_wins(world: World, way: Way) -> None:
    code = await new_code(world, way)
    answers = await asyncio.gather(*(redeem(world, way, code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7


@every_way
@pytest.mark.security("RF-06")
@pytest.mark.security("VN-10")
async def test_many_refreshes_at_once_have_one_successor(world: World, way: Way) -> None:
    token = (await new_tokens(world, way))["refresh_token"]
    answers = await asyncio.gather(*(refresh(world, way, token) for _ in range(8)))
    successors = {answer.json().get("refresh_token") for answer in answers if answer.status_code == 200}
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert len(successors) == 1


@every_way
@pytest.mark.security("CD-07")
async def test_codes_and_tokens_have_128_bits_and_no_two_are_alike(world: World, way: Way) -> None:
    codes = {await new_code(world, way) for _ in range(5)}
    tokens = [await new_tokens(world, way) for _ in range(5)]
    values = codes | {members[name] for members in tokens for name in ("access_token", "refresh_token")}
    assert len(values) == 15
    for value in values:
        bits = 4 if set(value) <= set("0123456789abcdefABCDEF") else 6
        assert len(value) * bits >= 128
    assert len({value[:8] for value in values}) == 15


@every_way
@pytest.mark.security("CD-08")
@pytest.mark.security("RF-08")
@pytest.mark.security("AT-06")
async def test_a_bent_code_or_token_is_another_one(world: World, way: Way) -> None:
    code, tokens = await new_code(world, way), await new_tokens(world, way)
    refresh_token = tokens["refresh_token"]
    for value in (code, refresh_token):
        for bent in (value[:-1], value + "A", value + "=", value.swapcase(), value[: len(value) // 2], f" {value}", f"{value} "):
            if bent == value:
                continue
            check_invalid_grant(await (redeem if value == code else refresh)(world, way, bent))
    assert (await redeem(world, way, code)).status_code == 200
    assert (await refresh(world, way, refresh_token)).status_code == 200


@every_way
@pytest.mark.security("RF-07")
@pytest.mark.security("BR-04")
async def test_a_code_an_access_token_and_a_refresh_token_do_not_stand_for_each_other(world: World, way: Way) -> None:
    code, tokens = await new_code(world, way), await new_tokens(world, way)
    check_invalid_grant(await refresh(world, way, tokens["access_token"]))
    check_invalid_grant(await refresh(world, way, code))
    check_invalid_grant(await redeem(world, way, tokens["refresh_token"]))


# -- what an operator does takes effect at once ----------------------------------------------------------------------------------


@every_way
@pytest.mark.security("CD-10")
@pytest.mark.security("RF-11")
@pytest.mark.security("IT-06")
async def test_a_disabled_user_ends_codes_and_tokens(world: World, way: Way) -> None:
    name = f"user-{world.address}"
    await world.declare(f'[[users]]\nusername = "{name}"\npassword = "a password of many words"\n')
    code, tokens = await new_code(world, way, name), await new_tokens(world, way, name)
    await disable_user(world.operator, name)
    check_invalid_grant(await redeem(world, way, code))
    check_invalid_grant(await refresh(world, way, tokens["refresh_token"]))
    assert not await world.is_alive(tokens["access_token"])
    await enable_user(world.operator, name)
    assert (await redeem(world, way, code)).status_code == 200


def declared_like(world: World, way: Way, name: str) -> str:
    """Return the declaration of a client of one's own, of the same dialect."""
    secret = "" if way.public else f'client_secret = "{name}-secret"'
    method = 'token_endpoint_auth_method = "none"' if way.public else ""
    dialect = {"testclient": "youzan", "platform-demo": "open_platform", "alexa-demo": "fantem", "fantem-demo": "fantem"}
    grants = '["authorization_code", "refresh_token"]'
    return f"""
[[clients]]
client_id = "{name}"
dialect = "{dialect.get(way.client_id, "standard")}"
grant_types = {grants}
redirect_uris = ["{CALLBACK}"]
{secret}
{method}
"""


@every_way
@pytest.mark.security("CA-12")
@pytest.mark.security("IT-06")
@pytest.mark.security("RF-11")
async def test_a_disabled_client_is_an_unknown_one_and_its_tokens_are_dead(world: World, way: Way) -> None:
    name = f"{way.client_id}-{world.address}"
    await world.declare(declared_like(world, way, name))
    mine = replace(way, client_id=name)
    code, tokens = await new_code(world, mine), await new_tokens(world, mine)
    await disable_client(world.operator, name)
    for answer in (await redeem(world, mine, code), await refresh(world, mine, tokens["refresh_token"])):
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert not await world.is_alive(tokens["access_token"])
    await enable_client(world.operator, name)
    assert (await redeem(world, mine, code)).status_code == 200


@pytest.mark.security("CA-12")
async def test_a_rotated_secret_counts_at_once_and_the_old_one_as_long_as_was_said(world: World) -> None:
    name = f"rotating-{world.address}"
    await world.declare(f'[[clients]]\nclient_id = "{name}"\nclient_secret = "the-old-secret"\ngrant_types = ["client_credentials"]\n')

    async def status(secret: str) -> int:
        headers = {"Authorization": basic_header(name, secret)}
        return (await world.send("POST", "/token", data={"grant_type": "client_credentials"}, headers=headers)).status_code

    assert [await status("the-old-secret"), await status("the-new-secret")] == [200, 401]
    await rotate_secret(world.operator, name, "the-new-secret", keep_old_in=60)
    assert [await status("the-old-secret"), await status("the-new-secret")] == [200, 200]
    world.clock.move(seconds=60)
    assert [await status("the-old-secret"), await status("the-new-secret")] == [401, 200]


@pytest.mark.security("VN-05")
@pytest.mark.security("IT-06")
async def test_a_disabled_shop_is_an_unknown_one_and_its_tokens_are_dead(world: World) -> None:
    shop, name = f"S{world.address}", f"hex-{world.address}"
    await world.declare(
        f'[[shops]]\ndialect = "hex"\ncode = "{shop}"\n'
        f'[[clients]]\nclient_id = "{name}"\nclient_secret = "a-secret"\ndialect = "hex"\nshops = ["{shop}"]\n'
    )
    request = {"client_id": name, "client_secret": "a-secret", "store_id": shop}
    tokens = (await world.send("POST", "/third_party/oauth2/token", json=request)).json()["payload"]
    assert await world.is_alive(tokens["access_token"])
    await disable_shop(world.operator, "hex", shop)
    answer = await world.send("POST", "/third_party/oauth2/token", json=request)
    unknown = await world.send("POST", "/third_party/oauth2/token", json=request | {"store_id": "nowhere"})
    assert (answer.status_code, answer.content) == (403, unknown.content)
    assert not await world.is_alive(tokens["access_token"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    refreshed = await world.send(
        "POST", "/third_party/oauth2/token/refresh", json={"refresh_token": tokens["refresh_token"]}, headers=headers
    )
    assert (refreshed.status_code, refreshed.json()["code"]) == (400, "invalid_grant")


@pytest.mark.security("RF-11")
@pytest.mark.security("LG-13")
async def test_a_new_password_ends_the_refresh_tokens_of_its_user(world: World) -> None:
    name = f"user-{world.address}"
    await world.declare(f'[[users]]\nusername = "{name}"\npassword = "a password of many words"\n')
    way = WAYS["platform-demo"]
    tokens = await new_tokens(world, way, name)
    await set_password(world.operator, name, "another password of many words")
    check_invalid_grant(await refresh(world, way, tokens["refresh_token"]))
    assert not await world.is_alive(tokens["access_token"])


@pytest.mark.security("CD-10")
@pytest.mark.security("RF-11")
async def test_a_removed_client_leaves_nothing_that_can_be_used(world: World) -> None:
    name = f"gone-{world.address}"
    await world.declare(declared_like(world, WAYS["fantem-demo"], name))
    way = replace(WAYS["fantem-demo"], client_id=name, pkce=False)
    code, tokens = await new_code(world, way), await new_tokens(world, way)
    await world.storage.transact(lambda catalog: catalog.remove_client(name))
    for fields in (
        {"grant_type": "authorization_code", "code": code},
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
    ):
        named = await world.post("/oauth/token", fields | {"client_id": name})
        unnamed = await world.post("/oauth/token", fields)
        assert (named.status_code, unnamed.status_code) == (401, 401)
    assert not await world.is_alive(tokens["access_token"])


# -- one answer ------------------------------------------------------------------------------------------------------------------


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return everything that an answer tells, but for its own number."""
    return answer.status_code, answer.content, {name: value for name, value in answer.headers.items() if name != "x-request-id"}


@pytest.mark.security("CA-02")
@pytest.mark.security("CA-07")
async def test_an_unknown_client_and_a_wrong_secret_are_told_the_same(world: World) -> None:
    doors = (
        ("/oauth/token", "testclient", {"grant_type": "authorize_platform"}),
        ("/oauth2/client-credentials", "platform-demo", {"grant_type": "client_credentials"}),
        ("/oauth/token", "alexa-demo", {"grant_type": "refresh_token", "refresh_token": "x"}),
        ("/token", "demo-post", {"grant_type": "client_credentials"}),
        ("/introspect", "demo-post", {"token": "x"}),
        ("/revoke", "demo-post", {"token": "x"}),
    )
    for secret, (door, known, fields) in itertools.product(("wrong", "é", "密码", "%zz", "x" * 5000, " "), doors):
        wrong = await world.post(door, fields | {"client_id": known, "client_secret": secret})
        unknown = await world.post(door, fields | {"client_id": "nobody", "client_secret": secret})
        assert told(wrong) == told(unknown)
        assert wrong.status_code == 401


@pytest.mark.security("LG-08")
@pytest.mark.security("LG-17")
@pytest.mark.security("VN-03")
async def test_an_unknown_user_a_wrong_password_and_no_password_are_told_the_same(world: World) -> None:
    disabled, without = f"disabled-{world.address}", f"without-{world.address}"
    await world.declare(f'[[users]]\nusername = "{disabled}"\npassword = "a password of many words"\n[[users]]\nusername = "{without}"\n')
    await disable_user(world.operator, disabled)
    fields = {"grant_type": "password", "password": "a password of many words"} | world.credentials("platform-demo")
    answers = [await world.post("/oauth2/password", fields | {"username": name}) for name in ("demo", "nobody", disabled, without)]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert {event.cause for event in world.notes.events} == {Cause.BAD_USER_CREDENTIALS}


@pytest.mark.security("VN-05")
async def test_an_unknown_shop_and_one_of_another_client_are_told_the_same(world: World) -> None:
    youzan = {"grant_type": "silent"} | world.credentials("testclient")
    assert told(await world.post("/oauth/token", youzan | {"kdt_id": "99999"})) == told(
        await world.post("/oauth/token", youzan | {"kdt_id": "12345"})
    )
    hexed = world.credentials("hex-demo")
    assert told(await world.send("POST", "/third_party/oauth2/token", json=hexed | {"store_id": "S002"})) == told(
        await world.send("POST", "/third_party/oauth2/token", json=hexed | {"store_id": "S404"})
    )
