"""Signing keys in an operator's hands."""

from collections.abc import Mapping

import pytest

from app.admin import Operator, list_keys, retire_key, rotate_keys
from app.core.keyring import ACTIVE_IN, PUBLISHED_FOR, Keyring
from app.core.keys import Algorithm
from app.core.mistakes import Mistake
from app.proofs import KeyKeeper
from app.storage import Storage
from tests.admin.conftest import StandingClock

SEALING = b"s" * 32


async def states(operator: Operator, algorithm: str = "ES256") -> list[object]:
    return [view["state"] for view in await list_keys(operator) if view["algorithm"] == algorithm]


async def es256(operator: Operator) -> list[Mapping[str, object]]:
    return [view for view in await list_keys(operator) if view["algorithm"] == "ES256"]


@pytest.fixture
async def kids(operator: Operator, clock: StandingClock) -> list[str]:
    """The names of the ES256 keys: the one that signs."""
    await KeyKeeper(operator.storage, clock, SEALING).refresh()
    return [str(view["kid"]) for view in await es256(operator)]


@pytest.mark.security("KY-03")
@pytest.mark.security("LO-04")
async def test_a_new_key_waits_until_everybody_knows_it(operator: Operator, clock: StandingClock, kids: list[str]) -> None:
    clock.move(days=30)
    (change,) = await rotate_keys(operator, SEALING, "ES256")
    assert (change.noun, change.status) == ("key", "created")
    assert await states(operator) == ["signing", "waiting"]
    assert await states(operator, "RS256") == ["signing"]
    clock.time += ACTIVE_IN
    assert await states(operator) == ["published", "signing"]
    first, _ = await es256(operator)
    assert first["published_until"] == (clock.time + PUBLISHED_FOR).isoformat().replace("+00:00", "Z")
    clock.time += PUBLISHED_FOR
    assert await states(operator) == ["ended", "signing"]
    (event,) = await operator.storage.transact(lambda catalog: catalog.audit_events())
    assert (event.action, event.subject) == ("key.create", f"signing key {change.name}")


async def test_all_algorithms_are_rotated_at_once(operator: Operator, kids: list[str]) -> None:
    assert len(await rotate_keys(operator, SEALING)) == len(Algorithm)
    for algorithm in Algorithm:
        assert await states(operator, algorithm) == ["signing", "waiting"]


async def test_the_first_key_of_a_database_signs_at_once(operator: Operator) -> None:
    await rotate_keys(operator, SEALING, "RS256")
    assert await states(operator, "RS256") == ["signing"]


async def test_a_key_may_be_told_to_sign_at_once(operator: Operator, clock: StandingClock, kids: list[str]) -> None:
    clock.move(seconds=1)
    await rotate_keys(operator, SEALING, "ES256", now=True)
    assert await states(operator) == ["published", "signing"]


async def test_an_unknown_algorithm_is_refused(operator: Operator) -> None:
    with pytest.raises(Mistake, match="algorithm: is one of RS256, ES256, EdDSA, not HS256"):
        await rotate_keys(operator, SEALING, "HS256")


async def test_a_key_that_is_needed_is_retired_by_force_alone(
    operator: Operator, storage: Storage, clock: StandingClock, kids: list[str]
) -> None:
    (kid,) = kids
    with pytest.raises(Mistake, match=f"the key {kid} signs: replace it with tokenry keys rotate ES256"):
        await retire_key(operator, SEALING, kid)
    clock.move(seconds=1)
    change = await retire_key(operator, SEALING, kid, force=True)
    assert (change.status, change.members) == ("updated", ("retired_at",))
    assert await states(operator) == ["retired", "signing"]
    ring = Keyring(await storage.transact(lambda catalog: catalog.signing_keys()), SEALING)
    assert kid not in {key["kid"] for key in (*ring.published(clock.now()), *ring.trusted())}
    assert ring.pair(ring.signing(Algorithm.ES256, clock.now())).algorithm is Algorithm.ES256


async def test_a_key_whose_tokens_may_be_alive_is_retired_by_force_alone(operator: Operator, clock: StandingClock, kids: list[str]) -> None:
    await rotate_keys(operator, SEALING, "ES256")
    clock.time += ACTIVE_IN
    with pytest.raises(Mistake, match="may be alive until 2026-11-23T02:10:27Z"):
        await retire_key(operator, SEALING, kids[0])
    clock.time += PUBLISHED_FOR
    assert (await retire_key(operator, SEALING, kids[0])).status == "updated"
    assert (await retire_key(operator, SEALING, kids[0])).status == "unchanged"
    assert await states(operator) == ["retired", "signing"]


async def test_a_key_that_has_not_signed_yet_is_retired_without_further_words(operator: Operator, kids: list[str]) -> None:
    (change,) = await rotate_keys(operator, SEALING, "ES256")
    await retire_key(operator, SEALING, change.name)
    assert await states(operator) == ["signing", "retired"]
    assert (await es256(operator))[1]["published_until"] is None


async def test_an_unknown_key_is_told(operator: Operator, kids: list[str]) -> None:
    with pytest.raises(Mistake, match="there is no signing key nope"):
        await retire_key(operator, SEALING, "nope")


@pytest.mark.security("KY-01")
async def test_no_view_holds_a_private_key(operator: Operator, kids: list[str]) -> None:
    for view in await list_keys(operator):
        assert set(view) == {"kid", "algorithm", "state", "created_at", "active_from", "published_until", "retired_at"}
