"""Guessing passwords at the pages: one counter per account over pages and doors, and a known browser that strangers cannot keep out."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Final

import pytest

from app.admin import create_user, disable_user, reset_password
from tests.fixtures.visits import Visit
from tests.fixtures.world import ISSUER, World
from tests.security.doors import Answer
from tests.security.people import (
    DATABASES,
    DEVICES,
    PASSWORD,
    SESSION,
    OpenVisit,
    Rogue,
    complaints,
    cookies_of,
    field_of,
    somebody,
    split,
)
from tests.security.test_brute_force import DOORS, SPELLINGS, CountingPool, gatherer_of, log_in

pytestmark = DATABASES

LIMIT: Final = 10
WINDOW: Final = 15 * 60
NEW: Final = "another-password-of-theirs"
_numbers: Final = itertools.count(1)


@pytest.fixture
def pool(world: World) -> Iterator[CountingPool]:
    """The pool of the world's pages and doors, for the time of a test one that counts."""
    gatherer = gatherer_of(world.app)
    before, counting = gatherer._pool, CountingPool()
    gatherer._pool = counting
    yield counting
    gatherer._pool = before
    counting.close()


@pytest.fixture
async def person(world: World) -> str:
    """The name of somebody, in small letters alone, so that every spelling is one of theirs."""
    name = "guessed" + "".join(chr(97 + int(digit)) for digit in str(next(_numbers)))
    await create_user(world.operator, {"username": name, "password": PASSWORD, "email": f"{name}@example.com"})
    return name


async def stranger(visits: OpenVisit) -> tuple[Rogue, str]:
    """Return a browser on the login page that nobody used before, and what its form carries."""
    visit = await visits()
    await visit.go("/login")
    return Rogue(visit.world, cookies_of(visit)), field_of(visit, "csrf")


async def tried(rogue: Rogue, csrf: str, person: str, password: str = "a wrong password", *headers: tuple[str, str]) -> Answer:
    answer = await rogue.post("/login", {"csrf": csrf, "username": person, "password": password}, *headers)
    assert complaints(answer) == []
    assert (answer.status == 303) == (SESSION.encode() in b"".join(value for _, value in answer.headers))
    return answer


async def guessed(visits: OpenVisit, person: str, times: int = LIMIT) -> list[Answer]:
    """Let a stranger guess."""
    rogue, csrf = await stranger(visits)
    return [await tried(rogue, csrf, person) for _ in range(times)]


@pytest.mark.security("BF-01")
async def test_the_eleventh_try_is_told_to_wait_whatever_the_password(
    visits: OpenVisit, person: str, pool: CountingPool, world: World
) -> None:
    answers = await guessed(visits, person, LIMIT + 1)
    assert [answer.status for answer in answers] == [401] * LIMIT + [429]
    assert answers[-1].header("retry-after") == str(WINDOW)
    rogue, csrf = await stranger(visits)
    hashed = pool.hashed
    wrong, right = await tried(rogue, csrf, person), await tried(rogue, csrf, person, PASSWORD)
    assert (wrong.status, wrong.header("retry-after"), len(wrong.body)) == (right.status, right.header("retry-after"), len(right.body))
    assert (wrong.status, pool.hashed) == (429, hashed)
    world.clock.move(seconds=WINDOW - 60)
    assert (await tried(rogue, csrf, person, PASSWORD)).header("retry-after") == "60"
    world.clock.move(seconds=60)
    assert (await tried(rogue, csrf, person, PASSWORD)).status == 303


@pytest.mark.security("BF-01")
async def test_a_login_forgets_the_failures_before_it(visits: OpenVisit, person: str) -> None:
    for _ in range(2):
        assert {answer.status for answer in await guessed(visits, person, LIMIT - 1)} == {401}
        rogue, csrf = await stranger(visits)
        assert (await tried(rogue, csrf, person, PASSWORD)).status == 303


@pytest.mark.security("BF-02")
@pytest.mark.security("BF-03")
@pytest.mark.security("BF-04")
async def test_of_fifty_wrong_passwords_at_once_ten_reach_the_hash(
    visits: OpenVisit, world: World, person: str, pool: CountingPool
) -> None:
    """From many browsers, under all spellings, at the page and at the doors."""
    browsers = [await stranger(visits) for _ in range(5)]
    tries = []
    for number in range(50):
        name = SPELLINGS[number % len(SPELLINGS)](person)
        rogue, csrf = browsers[number % len(browsers)]
        tries.append(log_in(world, name, door=DOORS[number % len(DOORS)]) if number % 3 == 0 else tried(rogue, csrf, name))
    answers = await asyncio.gather(*tries)
    assert pool.hashed == LIMIT
    assert sum(answer.status == 429 for answer in answers) == 50 - LIMIT


@pytest.mark.security("BF-03")
async def test_every_spelling_at_the_page_has_the_one_counter(visits: OpenVisit, world: World, person: str) -> None:
    rogue, csrf = await stranger(visits)
    for spelling in SPELLINGS:
        assert (await tried(rogue, csrf, spelling(person))).status == 401
    for spelling in SPELLINGS:
        assert (await tried(rogue, csrf, spelling(person), PASSWORD)).status == 429
    for spelling in SPELLINGS:
        world.clock.move(seconds=WINDOW)
        assert (await tried(rogue, csrf, spelling(person), PASSWORD)).status == 303
        rogue, csrf = await stranger(visits)
    for nobody in ("nobody", " NOBODY", "Nobody\u3000"):
        await tried(rogue, csrf, nobody)
    answers = [await tried(rogue, csrf, "nobody") for _ in range(8)]
    assert [answer.status for answer in answers] == [401] * 7 + [429], "a name that is nobody's is counted just the same"


@pytest.mark.security("BF-04")
@pytest.mark.security("VN-03")
async def test_page_and_doors_lock_each_other(visits: OpenVisit, world: World, person: str) -> None:
    await guessed(visits, person)
    for door in DOORS:
        assert (await log_in(world, person, PASSWORD, door, address="203.0.113.9")).status == 429
    world.clock.move(seconds=WINDOW)
    for door in DOORS:
        for _ in range(2):
            await log_in(world, person, door=door)
    rogue, csrf = await stranger(visits)
    assert (await tried(rogue, csrf, person, PASSWORD)).status == 429


@pytest.mark.security("BF-04")
async def test_a_stolen_session_is_no_other_way_to_guess(visits: OpenVisit, visit: Visit, person: str) -> None:
    """The page that changes the password asks the old one, and counts."""
    await visit.log_in(person, PASSWORD)
    thief = Rogue(visit.world, {name: value for name, value in cookies_of(visit).items() if name != DEVICES})
    await visit.go("/account/password")
    csrf = field_of(visit, "csrf")
    fields = {"csrf": csrf, "current_password": "wrong", "new_password": NEW, "repeated_password": NEW}
    answers = [await thief.post("/account/password", fields) for _ in range(LIMIT + 1)]
    assert [answer.status for answer in answers] == [401] * LIMIT + [429]
    assert (await thief.post("/account/password", {**fields, "current_password": PASSWORD})).status == 429
    rogue, token = await stranger(visits)
    assert (await tried(rogue, token, person, PASSWORD)).status == 429
    await visit.send({"current_password": PASSWORD, "new_password": NEW, "repeated_password": NEW})
    assert visit.answer.status_code == 200, "their own browser is known"


@pytest.mark.security("BF-06")
async def test_a_known_browser_gets_in_while_strangers_are_held_off(visits: OpenVisit, visit: Visit, person: str) -> None:
    world = visit.world
    await visit.log_in(person, PASSWORD)
    await visit.go("/logout")
    await visit.send({"where": "here"})
    for address in ("198.51.100.1", "198.51.100.2", "2001:db8::1"):
        world.address = address
        await guessed(visits, person, LIMIT)
    for _ in range(3):
        await visit.go("/login")
        await visit.log_in(person, PASSWORD)
        assert visit.path == "/account"
        rogue, csrf = await stranger(visits)
        assert (await tried(rogue, csrf, person, PASSWORD)).status == 429, "and lets no stranger in"
    await visit.go("/login?switch=yes")
    for _ in range(LIMIT):
        await visit.send({"username": person, "password": "wrong"})
        assert visit.answer.status_code == 401
    await visit.send({"username": person, "password": PASSWORD})
    assert visit.answer.status_code == 429, "it has ten tries of its own, and no more"


@pytest.mark.security("BF-06")
async def test_a_known_browser_is_known_to_its_own_accounts_and_to_no_others(visits: OpenVisit, visit: Visit, person: str) -> None:
    world = visit.world
    thief = await somebody(world)
    await visit.log_in(thief, PASSWORD)
    rogue, csrf = await stranger(visits)
    rogue.cookies[DEVICES] = cookies_of(visit)[DEVICES]
    assert [(await tried(rogue, csrf, person)).status for _ in range(LIMIT + 1)] == [401] * LIMIT + [429]
    assert (await tried(rogue, csrf, person, PASSWORD)).status == 429, "who knows one account has no more tries at another"
    shared = await visits()
    people = [await somebody(world) for _ in range(5)]
    for one in people:
        await shared.go("/login")
        await shared.log_in(one, PASSWORD)
    assert cookies_of(shared)[DEVICES].count("!") == 3, "a browser that many share remembers the last four"
    rogue.cookies[DEVICES] = cookies_of(shared)[DEVICES]
    for one in people:
        await guessed(visits, one)
        assert (await tried(rogue, csrf, one, PASSWORD)).status == (429 if one == people[0] else 303)
        rogue.cookies.pop(SESSION, None)


@pytest.mark.security("BF-06")
async def test_no_part_of_a_devices_cookie_can_be_made_up(visits: OpenVisit, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    known = cookies_of(visit)[DEVICES]
    name, _, signature = known.partition("~")
    await guessed(visits, person)
    rogue, csrf = await stranger(visits)
    bent = [known[:at] + ("A" if known[at] != "A" else "B") + known[at + 1 :] for at in range(len(known))]
    bent += [name, signature, f"~{signature}", f"{name}~", f"{signature}~{name}", f"{name}~{signature[:-1]}", f"{name}~{signature}A"]
    bent += [known.swapcase(), f"{name}a~{signature}", f"x~y!x~y!x~y!x~y!{known}", f"!{'!' * 400}{known}", "~", "!", "~~~~!!!!"]
    for cookie in bent:
        rogue.cookies[DEVICES] = cookie
        assert (await tried(rogue, csrf, person, PASSWORD)).status == 429, cookie
    rogue.cookies[DEVICES] = known
    assert (await tried(rogue, csrf, person, PASSWORD)).status == 303


@pytest.mark.security("BF-06")
@pytest.mark.security("LG-13")
async def test_a_new_password_makes_every_browser_a_stranger_but_the_one_that_set_it(visits: OpenVisit, visit: Visit, person: str) -> None:
    """Also where it was set by a link: who has that must not be kept out by whoever goes on guessing."""
    world, other = visit.world, await visits()
    await other.log_in(person, PASSWORD)
    stolen = cookies_of(other)[DEVICES]
    link = (await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER)
    await guessed(visits, person)
    await visit.go(link)
    await visit.send({"new_password": NEW, "repeated_password": NEW})
    assert visit.title == "Password changed"
    rogue, csrf = await stranger(visits)
    rogue.cookies[DEVICES] = stolen
    assert (await tried(rogue, csrf, person, NEW)).status == 429
    await visit.go("/login")
    await visit.log_in(person, NEW)
    assert visit.path == "/account"
    await guessed(visits, person)
    await visit.go("/account/password")
    await visit.send({"current_password": NEW, "new_password": PASSWORD, "repeated_password": PASSWORD})
    await guessed(visits, person)
    await visit.go("/login")
    await visit.log_in(person, PASSWORD)
    assert visit.path == "/account"


FORWARDED: Final = (
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-forwarded",
    "client-ip",
)
ADDRESSES: Final = (
    "a",
    "",
    "::1",
    "127.0.0.1, " * 900,
    "for=192.0.2.60;proto=http",
    "[::1]:80",
    "x" * 10_000,
    "\xff\xfe",
    "999.1.1.1",
    "1.2.3.4:5",
)


@pytest.mark.security("BF-07")
@pytest.mark.security("DP-03")
async def test_no_header_of_a_stranger_resets_the_counter_or_breaks_anything(visits: OpenVisit, world: World, person: str) -> None:
    rogue, csrf = await stranger(visits)
    world.notes.events.clear()
    answers = [
        await tried(rogue, csrf, person, "wrong", *[(name, ADDRESSES[number % 10]) for name in FORWARDED]) for number in range(2 * LIMIT)
    ]
    assert [answer.status for answer in answers] == [401] * LIMIT + [429] * LIMIT
    assert {event.address for event in world.notes.events} == {world.address}
    for number in range(5):
        one = await tried(rogue, csrf, person, PASSWORD, ("x-forwarded-for", f"198.51.100.{number}"))
        assert one.status == 429


@pytest.mark.security("BF-09")
async def test_a_password_without_end_is_never_hashed(visits: OpenVisit, person: str, pool: CountingPool) -> None:
    rogue, csrf = await stranger(visits)
    for password in ("p" * 2**20, "p" * 60_000, "p" * 1025, "\u0301" * 10_000):
        assert (await tried(rogue, csrf, person, password)).status in {401, 413}
    for name in ("n" * 60_000, "\u0301\u0316" * 5_000, "n" * 321):
        await tried(rogue, csrf, name, "p" * 1025)
    assert pool.hashed == 0
    assert (await tried(rogue, csrf, person, "p" * 1024)).status == 401
    assert pool.hashed == 1


# -- links to a new password -------------------------------------------------------------------------------------------------------------


@pytest.mark.security("BF-06")
@pytest.mark.security("LG-13")
@pytest.mark.security("AT-06")
async def test_a_link_is_good_once_for_one_person_and_for_as_long_as_it_says(visits: OpenVisit, visit: Visit, person: str) -> None:
    world = visit.world

    async def link(valid_in: int = 3600) -> str:
        return (await reset_password(world.operator, person, ISSUER, valid_in)).link.removeprefix(ISSUER)

    first = await link()
    path, query = split(first)
    token = query.removeprefix("token=")
    assert len(token) == 43
    rogue = Rogue(world)
    for bent in (
        "",
        "x",
        token[:-1],
        token + "A",
        token.swapcase(),
        token[:42] + "_",
        f"{token}%00",
        f"%20{token}",
        "'%20OR%201=1--",
        "A" * 43,
        "a" * 60_000,
    ):
        answer = await rogue.get(path, f"token={bent}")
        assert (answer.status, complaints(answer)) == (404, []), bent[:50]
        assert person.encode() not in answer.body
    for query in (f"token={token}&token=x", f"token=x&x=token={token}", "token", ""):
        assert (await rogue.get(path, query)).status == 404
    second = await link()
    assert (await visit.go(first)).answer.status_code == 404, "a later link replaces an earlier one"
    await visit.go(second)
    page = visit.answer
    await visit.send({"new_password": NEW, "repeated_password": NEW})
    assert visit.title == "Password changed"
    visit.answer = page
    await visit.send({"new_password": PASSWORD, "repeated_password": PASSWORD})
    assert visit.answer.status_code == 404
    assert (await (await visits()).go(second)).answer.status_code == 404
    late = await link(60)
    world.clock.move(seconds=60)
    assert (await visit.go(late)).answer.status_code == 404
    overtaken = await link()
    await visit.go("/login")
    await visit.log_in(person, NEW)
    await visit.go("/account/password")
    await visit.send({"current_password": NEW, "new_password": PASSWORD, "repeated_password": PASSWORD})
    assert (await visit.go(overtaken)).answer.status_code == 404, "a new password ends the link"
    disabled = await link()
    await visit.go(disabled)
    await disable_user(world.operator, person)
    await visit.send({"new_password": NEW, "repeated_password": NEW})
    assert visit.answer.status_code == 404, "the link of somebody who is disabled opens nothing"


@pytest.mark.security("LG-13")
async def test_of_two_who_use_a_link_at_once_one_sets_the_password(visits: OpenVisit, person: str, world: World) -> None:
    link = (await reset_password(world.operator, person, ISSUER)).link.removeprefix(ISSUER)
    path, query = split(link)
    forms = []
    for number in range(6):
        visit = await visits()
        await visit.go(link)
        new = f"a-new-password-{number}"
        forms.append((Rogue(world, cookies_of(visit)), {"csrf": field_of(visit, "csrf"), "new_password": new, "repeated_password": new}))
    answers = await asyncio.gather(*(rogue.post(path, fields, query=query) for rogue, fields in forms))
    assert sorted(answer.status for answer in answers) == [200] + [404] * 5
    works = []
    for number in range(6):
        rogue, csrf = await stranger(visits)
        works.append((await tried(rogue, csrf, person, f"a-new-password-{number}")).status == 303)
    assert works == [answer.status == 200 for answer in answers]
