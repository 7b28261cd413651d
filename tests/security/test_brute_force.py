"""Guessing in one process: a counter per account over every door and spelling, and one per client, address and grant."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.admin import create_user, disable_user
from app.proofs import PasswordPool
from app.routers.machine import Machine
from app.storage import Catalog
from tests.fixtures.work import bearable
from tests.fixtures.world import World, basic_header
from tests.security.doors import FORM, JSON, MULTIPART, Answer, encoded, knock
from tests.security.work import Hashing

LIMIT = 10
WINDOW = 15 * 60
RIGHT = "wonderland-9-wonderland"
DOORS = [
    ("/token", FORM, "demo-legacy"),
    ("/oauth2/password", FORM, "platform-demo"),
    ("/oauth2/password", MULTIPART, "platform-demo"),
    ("/oauth2/password", JSON, "platform-demo"),
    ("/oauth2/password", FORM, "platform-rageframe"),
]
SPELLINGS: list[Callable[[str], str]] = [
    lambda name: name,
    str.capitalize,
    str.upper,
    lambda name: f" {name} ",
    lambda name: f"\u00a0{name}\u2003",
    lambda name: "".join(chr(ord(letter) + 0xFEE0) for letter in name),
    lambda name: chr(ord(name[0]) - 97 + 0x1D41A) + name[1:],
    lambda name: f"{name}@example.com",
    lambda name: f"{name}@EXAMPLE.com".upper(),
    lambda name: f"{name}@example\uff0ecom",
]
"""Ways to write a user name or address that mean the same person."""
_numbers = itertools.count()


class CountingPool(PasswordPool):
    """Counts the passwords that reach the hash."""

    def __init__(self) -> None:
        super().__init__()
        self.hashed = 0

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.hashed += 1
        return await super().verify(password_hash, password)


def gatherer_of(app: Any) -> Any:
    """Return what gathers the proofs for every door of an application."""
    routes = [route for included in app.routes for route in included.original_router.routes]
    return next(route.endpoint.pipeline._gatherer for route in routes if isinstance(route.endpoint, Machine) and route.endpoint.pipeline)


@pytest.fixture
def pool(world: World) -> Iterator[CountingPool]:
    """The pool of the world's doors, for the time of a test one that counts."""
    gatherer = gatherer_of(world.app)
    before, counting = gatherer._pool, CountingPool()
    gatherer._pool = counting
    yield counting
    gatherer._pool = before
    counting.close()


@pytest.fixture
async def person(world: World) -> str:
    """The user name of somebody whose counter nobody else touches."""
    name = "person" + "".join(chr(97 + int(digit)) for digit in str(next(_numbers)))
    await world.declare(f'[[users]]\nusername = "{name}"\nemail = "{name}@example.com"\npassword = "{RIGHT}"')
    return name


async def log_in(
    world: World,
    username: str,
    password: str = "a wrong password",
    door: tuple[str, str, str] = DOORS[0],
    address: str | None = None,
) -> Answer:
    """Ask for tokens by a password."""
    path, media_type, client_id = door
    fields = {"grant_type": "password", "username": username, "password": password}
    headers: list[tuple[str | bytes, str | bytes]] = [("content-type", media_type)]
    if path == "/token":
        headers.append(("authorization", basic_header(client_id, world.secrets[client_id])))
    else:
        fields |= world.credentials(client_id)
    return await knock(world.app, path, headers, encoded(fields, media_type), address=address or world.address)


@pytest.mark.security("BF-01")
async def test_the_eleventh_try_is_told_to_wait(world: World, person: str) -> None:
    answers = [await log_in(world, person) for _ in range(LIMIT + 1)]
    assert [answer.status for answer in answers] == [400] * LIMIT + [429]
    assert answers[0].json()["error"] == "invalid_grant"
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert answers[-1].header("retry-after") == str(WINDOW)


@pytest.mark.security("VN-03")
@pytest.mark.parametrize("door", DOORS)
async def test_the_right_password_of_somebody_with_a_second_factor_looks_like_a_wrong_one(
    world: World, person: str, door: tuple[str, str, str]
) -> None:
    assert (await log_in(world, person, RIGHT, door)).status == 200
    wrong = await log_in(world, person, door=door)

    def demand(catalog: Catalog) -> bool:
        user = catalog.user_by_login(person)
        assert user is not None
        assert catalog.put_totp(user.id, b"sealed")
        totp = catalog.totp(user.id)
        return totp is not None and catalog.confirm_totp(totp, step=1)

    assert await world.storage.transact(demand)
    answers = [await log_in(world, person, RIGHT, door) for _ in range(LIMIT)]
    assert [(answer.status, answer.body) for answer in answers[:-1]] == [(wrong.status, wrong.body)] * (LIMIT - 1)
    assert answers[-1].header("retry-after") == str(WINDOW)


@pytest.mark.security("LG-08")
@pytest.mark.security("VN-03")
@pytest.mark.parametrize("door", DOORS)
async def test_whoever_cannot_log_in_costs_as_much(world: World, person: str, hashings: list[Hashing], door: tuple[str, str, str]) -> None:
    """One check of the same cost, and the same answer, for each kind of person."""
    await create_user(world.operator, {"username": f"gone-{person}", "password": RIGHT})
    await disable_user(world.operator, f"gone-{person}")
    await create_user(world.operator, {"username": f"bare-{person}"})
    names = (person, f"nobody-{person}", f"gone-{person}", f"bare-{person}")
    answers = [await log_in(world, name, RIGHT if name != person else "a wrong password", door) for name in names]
    assert {(answer.status, answer.body) for answer in answers} == {(answers[0].status, answers[0].body)}
    assert len(hashings) == len(answers)
    assert len(set(hashings)) == 1, hashings


@pytest.mark.security("BF-01")
async def test_the_right_password_looks_like_a_wrong_one_while_the_account_is_blocked(
    world: World, person: str, pool: CountingPool
) -> None:
    for _ in range(LIMIT):
        await log_in(world, person)
    hashed = pool.hashed
    wrong, right = await log_in(world, person), await log_in(world, person, password=RIGHT)
    assert (wrong.status, wrong.body, wrong.header("retry-after")) == (right.status, right.body, right.header("retry-after"))
    assert wrong.status == 429
    assert pool.hashed == hashed


@pytest.mark.security("BF-01")
async def test_a_block_ends_by_itself_and_trying_on_does_not_lengthen_it(world: World, person: str) -> None:
    for _ in range(LIMIT):
        await log_in(world, person)
    world.clock.move(seconds=WINDOW - 10)
    for _ in range(5):
        blocked = await log_in(world, person, password=RIGHT)
    assert (blocked.status, blocked.header("retry-after")) == (429, "10")
    world.clock.move(seconds=10)
    assert (await log_in(world, person, password=RIGHT)).status == 200


@pytest.mark.security("BF-01")
async def test_a_success_forgets_the_failures_before_it(world: World, person: str) -> None:
    for _ in range(2):
        for _ in range(LIMIT - 1):
            assert (await log_in(world, person)).status == 400
        assert (await log_in(world, person, password=RIGHT)).status == 200


@pytest.mark.security("BF-01")
async def test_a_clock_that_was_wrong_for_a_while_blocks_nobody_for_longer_than_the_window(world: World, person: str) -> None:
    world.clock.move(days=1)
    for _ in range(LIMIT):
        await log_in(world, person)
    world.clock.move(days=-1)
    blocked = await log_in(world, person, password=RIGHT)
    assert blocked.status == 200 or int(blocked.header("retry-after") or 0) <= WINDOW
    world.clock.move(seconds=WINDOW)
    assert (await log_in(world, person, password=RIGHT)).status == 200


@pytest.mark.security("BF-01")
@pytest.mark.parametrize("door", DOORS, ids="-".join)
async def test_a_block_is_told_in_the_words_of_the_door(world: World, person: str, door: tuple[str, str, str]) -> None:
    for _ in range(LIMIT):
        await log_in(world, person)
    blocked = await log_in(world, person, door=door)
    assert blocked.status == 429
    assert 0 < int(blocked.header("retry-after") or 0) <= WINDOW
    if door[2] == "platform-rageframe":
        assert list(blocked.json()) == ["code", "message", "data", "timestamp"]
        assert blocked.json()["data"] == []
    else:
        assert list(blocked.json()) == ["error", "error_description"]
        assert blocked.json()["error"] == "temporarily_unavailable"


@pytest.mark.security("BF-02")
async def test_of_fifty_wrong_passwords_at_once_ten_reach_the_hash(world: World, person: str, pool: CountingPool) -> None:
    answers = await asyncio.gather(*(log_in(world, person) for _ in range(50)))
    assert pool.hashed == LIMIT
    assert sorted(answer.status for answer in answers) == [400] * LIMIT + [429] * (50 - LIMIT)


@pytest.mark.security("BF-02")
@pytest.mark.security("BF-03")
@pytest.mark.security("BF-04")
async def test_of_fifty_wrong_passwords_at_once_over_all_doors_and_spellings_ten_reach_the_hash(
    world: World, person: str, pool: CountingPool
) -> None:
    tries = [(SPELLINGS[number % len(SPELLINGS)](person), DOORS[number % len(DOORS)]) for number in range(50)]
    answers = await asyncio.gather(*(log_in(world, username, door=door) for username, door in tries))
    assert pool.hashed == LIMIT
    assert sum(answer.status == 429 for answer in answers) == 50 - LIMIT


@pytest.mark.security("BF-02")
async def test_an_account_that_does_not_exist_is_counted_just_the_same(world: World, pool: CountingPool) -> None:
    answers = await asyncio.gather(*(log_in(world, "nobody" if number % 2 else "NOBODY ") for number in range(30)))
    assert pool.hashed == LIMIT
    assert sum(answer.status == 429 for answer in answers) == 20


@pytest.mark.security("BF-03")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_every_spelling_of_a_name_has_the_one_counter(world: World, person: str, spelling: Callable[[str], str]) -> None:
    for _ in range(LIMIT):
        assert (await log_in(world, spelling(person))).status == 400
    assert (await log_in(world, person, RIGHT)).status == 429
    assert (await log_in(world, f"{person}@example.com", RIGHT)).status == 429
    assert (await log_in(world, "alice")).status == 400


@pytest.mark.security("BF-03")
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_every_spelling_of_a_name_is_the_same_person(world: World, person: str, spelling: Callable[[str], str]) -> None:
    assert (await log_in(world, spelling(person), RIGHT)).status == 200


@pytest.mark.security("BF-04")
async def test_two_failures_at_each_of_five_doors_close_them_all(world: World, person: str) -> None:
    for door in DOORS:
        for _ in range(2):
            await log_in(world, person, door=door)
    for door in DOORS:
        assert (await log_in(world, person, password=RIGHT, door=door)).status == 429
        assert (await log_in(world, person, password=RIGHT, door=door, address="203.0.113.9")).status == 429


@pytest.mark.security("BF-04")
async def test_a_client_without_the_right_to_the_grant_cannot_touch_the_counter(world: World, person: str, pool: CountingPool) -> None:
    for _ in range(LIMIT + 5):
        assert (await log_in(world, person, door=("/token", FORM, "demo-service"))).status == 400
        assert (await log_in(world, person, door=("/oauth2/password", FORM, "platform-machine"))).status == 400
    assert pool.hashed == 0
    assert (await log_in(world, person, password=RIGHT)).status == 200


@pytest.mark.security("BF-09")
@pytest.mark.parametrize("media_type", [FORM, MULTIPART, JSON])
async def test_a_password_of_a_megabyte_is_refused_without_work(world: World, pool: CountingPool, media_type: str) -> None:
    fields = {"grant_type": "password", **world.credentials("platform-demo"), "username": "alice", "password": "p" * 2**20}
    body = encoded(fields, media_type)
    chunks = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    with bearable():
        answer = await knock(world.app, "/oauth2/password", [("content-type", media_type)], chunks)
    assert answer.status in {400, 413}
    assert answer.json()["error"] == "invalid_request"
    assert pool.hashed == 0


@pytest.mark.security("BF-09")
async def test_only_a_password_that_somebody_could_have_reaches_the_hash(world: World, person: str, pool: CountingPool) -> None:
    assert (await log_in(world, person, password="p" * 1025)).status == 400
    assert pool.hashed == 0
    assert (await log_in(world, person, password="p" * 1024)).status == 400
    assert pool.hashed == 1


@pytest.mark.security("BF-09")
@pytest.mark.parametrize(("path", "media_type", "size"), [("/token", FORM, 30_000), ("/oauth2/password", JSON, 120_000)])
async def test_a_name_of_nothing_but_accents_takes_no_time(world: World, path: str, media_type: str, size: int) -> None:
    name = "\u0301" * (size // 2) + "\u0316" * (size // 2)
    raw = encoded({"grant_type": "password", "client_id": "nobody", "client_secret": "x", "password": "x"}, media_type)
    spelt = name.encode() if media_type == FORM else b'"' + name.encode() + b'"'
    body = raw + b"&username=" + spelt if media_type == FORM else raw[:-1] + b',"username":' + spelt + b"}"
    with bearable():
        answer = await knock(world.app, path, [("content-type", media_type)], body)
    assert answer.status in {400, 401}


async def present(
    world: World, secret: str, client_id: str = "demo-service", grant: str = "client_credentials", *, address: str = ""
) -> Answer:
    """Present a client secret at the token endpoint."""
    fields = {"grant_type": grant, "code": "none", "refresh_token": "none", "redirect_uri": "none"}
    headers = [("content-type", FORM), ("authorization", basic_header(client_id, secret))]
    return await knock(world.app, "/token", headers, encoded(fields, FORM), address=address or world.address)


@pytest.mark.security("BF-05")
async def test_a_hundred_wrong_secrets_are_told_to_wait_and_the_right_client_is_served_elsewhere(world: World) -> None:
    answers = [await present(world, f"wrong {number}") for number in range(100)]
    assert answers[0].status == 401
    assert answers[-1].status == 429
    assert sum(answer.status == 401 for answer in answers) <= 20
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert 0 < int(answers[-1].header("retry-after") or 0) <= WINDOW
    right = world.secrets["demo-service"]
    blocked = await present(world, right)
    assert (blocked.status, blocked.body) == (429, answers[-1].body)
    assert (await present(world, right, address="127.0.0.2")).status == 200
    assert (await present(world, world.secrets["demo-web"], "demo-web", "authorization_code")).status == 400
    world.clock.move(seconds=WINDOW)
    assert (await present(world, right)).status == 200


@pytest.mark.security("BF-05")
async def test_secrets_of_many_made_up_clients_from_one_address_are_told_to_wait(world: World) -> None:
    answers = [await present(world, "wrong", f"made-up-{number}") for number in range(320)]
    assert answers[-1].status == 429
    assert (await present(world, "wrong", "made-up-0", address="127.0.0.2")).status == 401


@pytest.mark.security("BF-05")
@pytest.mark.security("BF-06")
async def test_a_stranger_who_guesses_does_not_block_others_at_the_same_address(world: World) -> None:
    for number in range(320):
        await present(world, "wrong", f"made-up-{number}")
    assert (await present(world, world.secrets["demo-service"])).status == 200


@pytest.mark.security("BF-05")
@pytest.mark.security("BF-07")
async def test_a_network_is_one_address_however_it_is_written(world: World) -> None:
    for number in range(25):
        blocked = await present(world, "wrong", address=f"2001:db8:1:2::{number:x}")
    assert blocked.status == 429
    assert (await present(world, "wrong", address="2001:0DB8:0001:0002:ffff::1")).status == 429
    assert (await present(world, "wrong", address="2001:db8:1:3::1")).status == 401
    for _ in range(25):
        blocked = await present(world, "wrong", address="::ffff:198.51.100.77")
    assert blocked.status == 429
    assert (await present(world, "wrong", address="198.51.100.77")).status == 429


@pytest.mark.security("BF-05")
@pytest.mark.parametrize(
    ("path", "media_type", "fields", "client_id"),
    [
        ("/third_party/oauth2/token", JSON, {"store_id": "S001"}, "hex-demo"),
        ("/oauth/token", FORM, {"grant_type": "authorize_platform"}, "testclient"),
        ("/oauth/token", MULTIPART, {"grant_type": "refresh_token", "refresh_token": "x"}, "alexa-demo"),
        ("/oauth2/client-credentials", FORM, {"grant_type": "client_credentials"}, "platform-rageframe"),
        ("/introspect", FORM, {"token": "x"}, "demo-post"),
        ("/revoke", FORM, {"token": "x"}, "demo-post"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_wrong_secrets_are_counted_at_every_door_and_refused_in_its_words(
    world: World, path: str, media_type: str, fields: dict[str, str], client_id: str
) -> None:
    headers = [("content-type", media_type)]
    wrong = encoded({**fields, "client_id": client_id, "client_secret": "wrong"}, media_type)
    answers = [await knock(world.app, path, headers, wrong, address=world.address) for _ in range(21)]
    assert [answer.status for answer in answers] == [401] * 20 + [429]
    right = await knock(world.app, path, headers, encoded({**fields, **world.credentials(client_id)}, media_type), address=world.address)
    assert (right.status, right.body) == (429, answers[-1].body)
    assert int(right.header("retry-after") or 0) > 0
    if client_id == "hex-demo":
        assert (right.json()["status_code"], right.json()["code"], right.json()["payload"]) == (8, "rate_limited", {})
    else:
        assert right.json()["error"] == "temporarily_unavailable"


@pytest.mark.security("BF-07")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP", "True-Client-IP"])
async def test_a_strangers_forwarding_headers_neither_reset_a_counter_nor_break_anything(world: World, header: str) -> None:
    values = [
        "a",
        "",
        "::1",
        "2001:db8::1",
        "[::1]:80",
        "for=192.0.2.60;proto=http",
        "127.0.0.1, " * 900,
        "x" * 10_000,
        "\xff\xfe",
        "999.1.1.1",
    ]
    statuses = []
    for number in range(30):
        value = values[number] if number < len(values) else f"198.51.100.{number}"
        headers = [("content-type", FORM), ("authorization", basic_header("demo-service", "wrong")), (header, value)]
        answer = await knock(world.app, "/token", headers, b"grant_type=client_credentials", address=world.address)
        statuses.append(answer.status)
    assert statuses == [401] * 20 + [429] * 10
    assert {event.address for event in world.notes.events} == {world.address}


@pytest.mark.security("BF-08")
async def test_a_block_at_one_grant_leaves_the_others_open(world: World) -> None:
    right = world.secrets["demo-web"]
    for _ in range(25):
        blocked = await present(world, "wrong", "demo-web", "refresh_token")
    assert blocked.status == 429
    assert (await present(world, right, "demo-web", "refresh_token")).status == 429
    open_still = await present(world, right, "demo-web", "authorization_code")
    assert (open_still.status, open_still.json()["error"]) == (400, "invalid_grant")


@pytest.mark.security("BF-08")
async def test_a_dead_token_is_an_invalid_grant_however_often_it_comes(world: World) -> None:
    answers = [await present(world, world.secrets["demo-web"], "demo-web", "refresh_token") for _ in range(40)]
    assert {(answer.status, answer.json()["error"]) for answer in answers} == {(400, "invalid_grant")}
