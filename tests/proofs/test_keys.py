"""The keys of processes over one database, and what they sign."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from app.core.key_pairs import make_key
from app.core.keyring import ACTIVE_IN, Keyring, KeyState
from app.core.keys import Algorithm, UnusableKey, half_hash
from app.ledger import StorageUnavailable
from app.messages import Unsigned
from app.oauth2.jose import read_jwt
from app.proofs import KeyKeeper, Minter, check_signing_keys, key_keeper, sealed_key
from app.storage import Catalog, Storage, open_storage
from tests.fixtures.world import START, Interposed, MovableClock

SEALING = b"s" * 32
OTHER = b"o" * 32


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def opened(ready_database_url: str, clock: MovableClock) -> AsyncIterator[Callable[[], Awaitable[Interposed]]]:
    """Opens storages over one database, as several processes do."""
    storages: list[Storage] = []

    async def open_one() -> Interposed:
        storages.append(await open_storage(ready_database_url, clock=clock))
        return Interposed(storages[-1])

    yield open_one
    for storage in storages:
        await storage.close()


@pytest.fixture
async def storage(opened: Callable[[], Awaitable[Interposed]]) -> Interposed:
    return await opened()


async def keys_of(storage: Storage) -> Keyring:
    return Keyring(await storage.look(lambda catalog: catalog.signing_keys()), SEALING)


async def test_a_new_service_makes_a_key_for_each_algorithm(storage: Interposed, clock: MovableClock) -> None:
    keeper = KeyKeeper(storage, clock, SEALING)
    await keeper.refresh()
    ring = await keeper.ring()
    assert sorted(key.algorithm for key in ring.stored) == ["ES256", "EdDSA", "RS256"]
    assert {ring.state(key, clock.now()) for key in ring.stored} == {KeyState.SIGNING}
    await keeper.refresh()
    assert await keeper.ring() is ring


@pytest.mark.security("KY-03")
async def test_processes_that_start_at_once_end_up_with_the_same_keys(
    opened: Callable[[], Awaitable[Interposed]], clock: MovableClock
) -> None:
    keepers = [KeyKeeper(await opened(), clock, SEALING) for _ in range(3)]
    await asyncio.gather(*(keeper.refresh() for keeper in keepers))
    published = [(await keeper.ring()).published(clock.now()) for keeper in keepers]
    assert len(published[0]) == 3
    assert published[0] == published[1] == published[2]


async def test_who_needs_keys_first_makes_them_once(storage: Interposed, clock: MovableClock) -> None:
    keeper = KeyKeeper(storage, clock, SEALING)
    rings = await asyncio.gather(*(keeper.ring() for _ in range(5)))
    assert rings[0].lacking == []
    assert all(ring is rings[0] for ring in rings)
    assert len((await keys_of(storage)).stored) == 3


async def test_a_new_service_makes_no_key_before_somebody_needs_one(
    storage: Interposed, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_keeper, "REFRESH_IN", timedelta(milliseconds=1))
    keeping = asyncio.create_task(KeyKeeper(storage, clock, SEALING).keep())
    await asyncio.sleep(0.05)
    keeping.cancel()
    assert (await keys_of(storage)).stored == []


@pytest.mark.security("F-05")
async def test_a_process_reads_the_keys_at_its_start_and_has_them_when_the_database_goes_away(
    storage: Interposed, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await KeyKeeper(storage, clock, SEALING).refresh()
    keeper = KeyKeeper(storage, clock, SEALING)
    keeping = asyncio.create_task(keeper.keep())
    while keeper._ring is None:
        await asyncio.sleep(0.001)
    monkeypatch.delattr(Interposed, "look")
    assert len((await keeper.ring()).published(clock.now())) == 3
    keeping.cancel()


async def test_who_needs_keys_while_the_database_is_away_waits_for_one_attempt(
    storage: Interposed, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, looks = KeyKeeper(storage, clock, SEALING), 0

    async def away(_work: Callable[[Catalog], object]) -> object:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        raise StorageUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "look", away)
        answers = await asyncio.gather(*(keeper.ring() for _ in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StorageUnavailable}
    assert looks == 1
    assert (await keeper.ring()).published(clock.now())


async def test_a_process_goes_on_with_its_keys_while_the_database_is_away(
    storage: Interposed, clock: MovableClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = KeyKeeper(storage, clock, SEALING)
    await keeper.refresh()
    ring = await keeper.ring()
    looks = 0

    async def away(_work: Callable[[Catalog], object]) -> object:
        nonlocal looks
        looks += 1
        raise StorageUnavailable("the database is away")

    monkeypatch.setattr(storage, "look", away)
    monkeypatch.setattr(key_keeper, "REFRESH_IN", timedelta(milliseconds=5))
    keeping = asyncio.create_task(keeper.keep())
    while looks < 3:
        await asyncio.sleep(0.005)
    keeping.cancel()
    assert await keeper.ring() is ring
    assert "the database is away" in caplog.text


async def test_the_start_notices_a_secret_key_that_is_another_one(storage: Interposed, clock: MovableClock) -> None:
    await check_signing_keys(storage, OTHER, clock)
    keeper = KeyKeeper(storage, clock, SEALING)
    await keeper.refresh()
    await check_signing_keys(storage, SEALING, clock)
    with pytest.raises(UnusableKey, match="another secret key"):
        await check_signing_keys(storage, OTHER, clock)
    for algorithm in Algorithm:
        fresh = sealed_key(make_key(algorithm), OTHER, clock.now(), clock.now() + timedelta(seconds=1))
        await storage.transact(lambda catalog, fresh=fresh: catalog.add_signing_key(fresh))  # type: ignore[misc]  # bound now, not later
    clock.move(seconds=1)
    await check_signing_keys(storage, OTHER, clock)


# -- minting -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def minter(storage: Interposed, clock: MovableClock) -> AsyncIterator[Minter]:
    keeper = KeyKeeper(storage, clock, SEALING)
    await keeper.refresh()
    minter = Minter(keeper, clock)
    yield minter
    minter.close()


@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.security("ID-01")
async def test_a_token_is_signed_by_the_key_that_it_names(algorithm: Algorithm, minter: Minter, storage: Interposed) -> None:
    text = await minter.sign(Unsigned("JWT", algorithm, {"sub": "ada"}))
    ring = await keys_of(storage)
    jwt = read_jwt(text, ring.published(START), [algorithm])
    assert jwt.header == {"alg": algorithm, "typ": "JWT", "kid": ring.signing(algorithm, START).kid}
    assert jwt.claims == {"sub": "ada"}


@pytest.mark.security("ID-02")
async def test_a_token_that_holds_the_hash_of_another_comes_after_it(minter: Minter, storage: Interposed) -> None:
    members = {
        "id_token": Unsigned("JWT", "EdDSA", {"sub": "ada"}, [("at_hash", "access_token"), ("c_hash", "code")]),
        "access_token": Unsigned("at+jwt", "ES256", {"sub": "ada"}),
        "code": "abc",
        "expires_in": 3600,
    }
    minted = await minter.mint(members)
    assert list(minted) == list(members)
    assert (minted["code"], minted["expires_in"]) == ("abc", 3600)
    claims = read_jwt(str(minted["id_token"]), (await keys_of(storage)).published(START), list(Algorithm)).claims
    assert claims["at_hash"] == half_hash(str(minted["access_token"]), Algorithm.EDDSA)
    assert claims["c_hash"] == half_hash("abc", Algorithm.EDDSA)


async def test_a_key_that_was_made_elsewhere_signs_when_its_time_has_come(minter: Minter, storage: Interposed, clock: MovableClock) -> None:
    keeper = minter._keeper
    fresh = sealed_key(make_key(Algorithm.ES256), SEALING, clock.now(), clock.now() + ACTIVE_IN)
    await storage.transact(lambda catalog: catalog.add_signing_key(fresh))
    await keeper.refresh()
    assert fresh.public_jwk in (await keeper.ring()).published(clock.now())
    before = await minter.sign(Unsigned("JWT", "ES256", {}))
    clock.move(minutes=5)
    after = await minter.sign(Unsigned("JWT", "ES256", {}))
    named = [read_jwt(text, (await keeper.ring()).published(clock.now()), ["ES256"]).header["kid"] for text in (before, after)]
    assert named[0] != named[1] == fresh.kid


# -- what was signed ---------------------------------------------------------------------------------------------------------------


@pytest.mark.security("IT-04")
async def test_what_this_server_signed_is_recognised_until_its_key_is_retired(storage: Interposed, clock: MovableClock) -> None:
    keeper = KeyKeeper(storage, clock, SEALING)
    minter = Minter(keeper, clock)
    token = await minter.sign(Unsigned("at+jwt", "ES256", {"jti": "one"}))
    other = await minter.sign(Unsigned("JWT", "ES256", {"jti": "one"}))
    for _ in range(2):
        assert await minter.recognises(token)
        assert not await minter.recognises(other)
        assert not await minter.recognises(token[:-4] + "AAAA")
        assert not await minter.recognises("a.b.c")
    stranger = Minter(KeyKeeper(storage, clock, SEALING), clock)
    assert await stranger.recognises(token)
    kid = (await keeper.ring()).signing(Algorithm.ES256, clock.now()).kid
    await storage.transact(lambda catalog: catalog.retire_signing_key(kid))
    await keeper.refresh()
    assert not await minter.recognises(token)
    minter.close()
    stranger.close()


async def test_only_so_many_tokens_are_known_without_looking_again(
    storage: Interposed, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.proofs.minter._KNOWN", 2)
    minter = Minter(KeyKeeper(storage, clock, SEALING), clock)
    tokens = [await minter.sign(Unsigned("at+jwt", "ES256", {"jti": str(number)})) for number in range(5)]
    for token in tokens * 2:
        assert await minter.recognises(token)
    assert len(minter._known) == 2
    minter.close()


@pytest.mark.security("KY-03")
async def test_a_key_that_another_process_uses_at_once_is_looked_up(
    opened: Callable[[], Awaitable[Interposed]], clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.proofs.minter._LOOK_AFTER", 60.0)
    one, other = Minter(KeyKeeper(await opened(), clock, SEALING), clock), Minter(KeyKeeper(await opened(), clock, SEALING), clock)
    for minter in (one, other):
        assert await minter.recognises(await minter.sign(Unsigned("at+jwt", "ES256", {"jti": "a"})))
    assert not await other.recognises("a.b.c")
    pair = make_key(Algorithm.ES256)
    clock.move(seconds=1)
    storage = await opened()
    await storage.transact(lambda catalog: catalog.add_signing_key(sealed_key(pair, SEALING, clock.now(), clock.now())))
    token = await Minter(KeyKeeper(storage, clock, SEALING), clock).sign(Unsigned("at+jwt", "ES256", {"jti": "b"}))
    assert await one.recognises(token)
    assert await one.recognises(token)
    assert not await other.recognises(token), "it has looked just now"
    one.close()
    other.close()
