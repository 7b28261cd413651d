"""What an operator or owner ends stays ended, also for the request that was between its load and its commit at that moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from app.admin import create_client, disable_client, disable_shop, disable_user, set_password, withdraw_shop
from app.ledger import Receipt, Writes
from app.proofs import PasswordPool
from app.storage import Storage
from tests.fixtures.world import EVERY_WORLD, World
from tests.security.test_brute_force import RIGHT, gatherer_of

pytestmark = EVERY_WORLD

Answer = Any


class Held:
    """A storage that keeps commits back until it is told to let them go."""

    def __init__(self, real: Storage) -> None:
        self._real = real
        self.holds = False
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def commit(self, writes: Writes) -> Receipt:
        if self.holds:
            self.holds = False
            self.arrived.set()
            await self.release.wait()
        return await self._real.commit(writes)


@pytest.fixture
async def held(world: World) -> AsyncIterator[Held]:
    real = world.storage._real
    held = Held(real)
    world.storage._real = held
    yield held
    held.release.set()
    world.storage._real = real


async def overtaken(held: Held, request: Awaitable[Answer], change: Callable[[], Awaitable[object]]) -> Answer:
    """Let a request come to its commit, change something, then let it go on."""
    held.holds = True
    task = asyncio.ensure_future(request)
    await asyncio.wait_for(held.arrived.wait(), 5)
    await change()
    held.release.set()
    return await task


async def works(world: World, answer: Answer) -> bool:
    """Whether an answer holds an access token that is of any use."""
    if answer.status_code != 200:
        return False
    members = answer.json()
    return await world.is_alive(members.get("payload", members)["access_token"])


@pytest.mark.security("VN-05")
async def test_a_token_that_overtakes_the_withdrawal_of_its_shop_is_of_no_use(world: World, held: Held) -> None:
    await world.declare(
        '[[shops]]\ndialect = "youzan"\ncode = "7"\n[[clients]]\nclient_id = "overtaking"\nclient_secret = "s"\n'
        'dialect = "youzan"\nshops = ["7"]\nredirect_uris = ["http://127.0.0.1:9401/cb"]'
    )
    request = world.post("/oauth/token", {"grant_type": "authorize_platform", "kdt_id": "7", **world.credentials("overtaking")})
    answer = await overtaken(held, request, lambda: withdraw_shop(world.operator, "overtaking", "7"))
    assert not await works(world, answer)
    if answer.status_code == 200:
        again = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"], **world.credentials("overtaking")}
        assert (await world.post("/oauth/token", again)).status_code == 400


@pytest.mark.security("AD-08")
@pytest.mark.security("CA-12")
async def test_a_token_that_overtakes_the_end_of_its_client_is_of_no_use(world: World, held: Held) -> None:
    await world.declare(
        '[[clients]]\nclient_id = "ending"\nclient_secret = "s"\ndialect = "open_platform"\ngrant_types = ["client_credentials"]'
    )
    request = world.post("/oauth2/client-credentials", {"grant_type": "client_credentials", **world.credentials("ending")})
    answer = await overtaken(held, request, lambda: disable_client(world.operator, "ending"))
    assert not await works(world, answer)


@pytest.mark.security("AD-08")
async def test_a_token_that_overtakes_the_end_of_its_shop_is_of_no_use(world: World, held: Held) -> None:
    await world.declare(
        '[[shops]]\ndialect = "hex"\ncode = "S9"\n[[clients]]\nclient_id = "hex-end"\nclient_secret = "s"\ndialect = "hex"\nshops = ["S9"]'
    )
    request = world.send("POST", "/third_party/oauth2/token", json={**world.credentials("hex-end"), "store_id": "S9"})
    answer = await overtaken(held, request, lambda: disable_shop(world.operator, "hex", "S9"))
    assert not await works(world, answer)


@pytest.mark.security("RF-11")
@pytest.mark.security("RV-01")
async def test_a_refresh_that_overtakes_the_revocation_of_its_family_is_of_no_use(world: World, held: Held) -> None:
    code = await world.code("platform-demo")
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://127.0.0.1:9401/cb"}
    first = (await world.post("/oauth2/authorize", {**fields, **world.credentials("platform-demo")})).json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **world.credentials("platform-demo")}
    revoke = {"token": first["refresh_token"], **world.credentials("platform-demo")}
    answer = await overtaken(held, world.post("/oauth2/refresh-token", again), lambda: world.post("/revoke", revoke))
    assert not await works(world, answer)


class SlowPool(PasswordPool):
    """Keeps the result of a check back until it is told to let it go."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()
        self.release = asyncio.Event()

    async def verify(self, password_hash: str | None, password: str) -> bool:
        is_right = await super().verify(password_hash, password)
        self.arrived.set()
        await self.release.wait()
        return is_right


@pytest.fixture
async def slow_pool(world: World) -> AsyncIterator[SlowPool]:
    gatherer = gatherer_of(world.app)
    before, slow = gatherer._pool, SlowPool()
    gatherer._pool = slow
    yield slow
    gatherer._pool = before
    slow.release.set()
    slow.close()


@pytest.mark.security("RF-11")
@pytest.mark.security("LG-13")
@pytest.mark.parametrize("change", ["password", "disable"])
async def test_a_login_that_waits_for_its_check_does_not_survive_the_end_of_its_password(
    world: World, slow_pool: SlowPool, change: str
) -> None:
    name = f"leaver-{change}"
    await world.declare(f'[[users]]\nusername = "{name}"\npassword = "{RIGHT}"')
    fields = {"grant_type": "password", "username": name, "password": RIGHT, **world.credentials("platform-demo")}
    task = asyncio.ensure_future(world.post("/oauth2/password", fields))
    await asyncio.wait_for(slow_pool.arrived.wait(), 5)
    if change == "password":
        await set_password(world.operator, name, "another-password-altogether")
    else:
        await disable_user(world.operator, name)
    slow_pool.release.set()
    answer = await task
    assert not await works(world, answer)
    if answer.status_code == 200:
        again = {"grant_type": "refresh_token", "refresh_token": answer.json()["refresh_token"], **world.credentials("platform-demo")}
        assert (await world.post("/oauth2/refresh-token", again)).status_code == 400


@pytest.mark.security("CA-12")
async def test_the_tokens_of_a_removed_client_do_not_come_back_with_its_namesake(world: World) -> None:
    toml = '[[clients]]\nclient_id = "{}"\nclient_secret = "{}"\ndialect = "open_platform"\ngrant_types = ["client_credentials"]'
    await world.declare(toml.format("reborn", "the-first-secret"))
    fields = {"grant_type": "client_credentials", **world.credentials("reborn")}
    token = (await world.post("/oauth2/client-credentials", fields)).json()["access_token"]
    assert await world.is_alive(token)
    await world.storage.transact(lambda catalog: catalog.remove_client("reborn"))
    assert not await world.is_alive(token)
    await create_client(
        world.operator,
        {"client_id": "reborn", "client_secret": "the-other-secret", "dialect": "open_platform", "grant_types": ["client_credentials"]},
    )
    world.secrets["reborn"] = "the-other-secret"
    assert not await world.is_alive(token)
