"""What time takes away: sessions, requests that wait, and a login that is too old for what is asked."""

from typing import Final

import pytest

from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, CHALLENGE, World
from tests.people.conftest import PASSWORD

ACCOUNT: Final = "/account"
IDLE: Final = 60
LASTS: Final = 12 * 60
PENDING: Final = 30
"""In minutes."""
PLATFORM: Final = {"response_type": "code", "client_id": "platform-demo", "redirect_uri": CALLBACK, "state": "s", "scope": "orders"}
STANDARD: Final = {
    "response_type": "code",
    "client_id": "demo-spa",
    "redirect_uri": CALLBACK,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def is_at_client(visit: Visit) -> bool:
    """Whether the browser was sent to the client with a code."""
    location = visit.answer.headers.get("location", "")
    return visit.answer.status_code in {302, 303} and location.startswith(f"{CALLBACK}?code=")


async def is_in(visit: Visit) -> bool:
    """Whether the account page opens without a login."""
    await visit.go(ACCOUNT)
    return visit.path == ACCOUNT


@pytest.mark.security("LG-12")
async def test_a_session_ends_when_nobody_was_seen_for_an_hour(world: World, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    for _ in range(3):  # who is seen in time stays
        world.clock.move(minutes=IDLE - 2)
        assert await is_in(visit)
    world.clock.move(minutes=IDLE + 2)
    assert not await is_in(visit)


@pytest.mark.security("LG-12")
async def test_a_session_ends_after_twelve_hours_whoever_was_seen(world: World, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    for _ in range(LASTS // 30 - 1):
        world.clock.move(minutes=30)
        assert await is_in(visit)
    world.clock.move(minutes=31)
    assert not await is_in(visit)


@pytest.mark.security("LG-12")
async def test_who_is_shown_the_consent_page_was_seen(world: World, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    world.clock.move(minutes=IDLE - 10)
    await visit.go("/open/authorize/index", **PLATFORM)
    assert visit.path.startswith("/consent")
    world.clock.move(minutes=20)
    await visit.send({"decision": "approve"})
    assert is_at_client(visit)


@pytest.mark.security("LG-12")
async def test_an_answer_after_the_end_of_the_session_is_asked_for_again(world: World, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    for _ in range(LASTS // 50):
        world.clock.move(minutes=50)
        await visit.go(ACCOUNT)
    world.clock.move(minutes=15)
    await visit.go("/open/authorize/index", **PLATFORM)
    assert visit.path.startswith("/consent")
    world.clock.move(minutes=10)
    await visit.send({"decision": "approve"})
    assert visit.path.startswith("/login")
    await visit.log_in(person, PASSWORD)
    assert visit.path.startswith("/consent")
    await visit.send({"decision": "approve"})
    assert is_at_client(visit)


@pytest.mark.security("AZ-18")
async def test_a_request_waits_half_an_hour_for_its_person(world: World, visit: Visit, person: str) -> None:
    await visit.go("/open/authorize/index", **PLATFORM)
    waiting = visit.path
    world.clock.move(minutes=PENDING - 1)
    await visit.go(waiting)
    assert visit.title == "Sign in"
    world.clock.move(minutes=2)
    await visit.log_in(person, PASSWORD)  # by the form of before
    assert (visit.answer.status_code, visit.title) == (400, "This page is no longer valid")
    assert visit.session is None
    await visit.go(waiting)
    assert (visit.answer.status_code, visit.title) == (400, "This page is no longer valid")


@pytest.mark.security("AZ-18")
async def test_a_consent_page_waits_no_longer_than_its_request(world: World, visit: Visit, person: str) -> None:
    await visit.go("/open/authorize/index", **PLATFORM)
    await visit.log_in(person, PASSWORD)
    assert visit.path.startswith("/consent")
    world.clock.move(minutes=PENDING + 1)
    await visit.send({"decision": "approve"})
    assert (visit.answer.status_code, visit.title) == (400, "This page is no longer valid")
    await visit.go("/open/authorize/index", **PLATFORM)
    assert visit.path.startswith("/consent")  # nothing was remembered


@pytest.mark.security("AZ-14")
@pytest.mark.rfc("OIDC Core", "3.1.2.1")
async def test_a_login_that_is_older_than_max_age_is_asked_for_again_and_once(world: World, visit: Visit, person: str) -> None:
    await visit.log_in(person, PASSWORD)
    world.clock.move(seconds=3)
    await visit.go("/authorize", **STANDARD, max_age="1")
    assert visit.path.startswith("/login")
    world.clock.move(minutes=5)
    await visit.log_in(person, PASSWORD)
    world.clock.move(minutes=5)  # the person reads the consent page slowly; the login came after the request
    await visit.send({"decision": "approve"})
    assert is_at_client(visit)
