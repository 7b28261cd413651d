"""The keys of clients: what they publish is fetched when it is needed, kept within bounds, and never asked for at a stranger's beck."""

import asyncio
import base64
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.core.secrets import seal
from app.models import Client
from app.proofs import ClientKeys, Remote
from app.proofs.client_keys import AGAIN_IN, KEPT, KEPT_STALE, KEPT_UNSAID
from tests.fixtures.listening import Listening, listening
from tests.oauth2.exchange import client, one_secret

__all__ = ["listening"]
NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEALING = b"s" * 32
FIRST, SECOND = {"kty": "EC", "kid": "first"}, {"kty": "EC", "kid": "second"}


class StandingClock:
    def now(self) -> datetime:
        return NOW


class Elapsed:
    """A clock that only goes forward, when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def keys(elapsed: Elapsed) -> ClientKeys:
    return ClientKeys(Remote(allow_private=True), SEALING, StandingClock(), elapsed)


def publisher(uri: str) -> Client:
    return client(secret=None, token_endpoint_auth_method="private_key_jwt", extra={"jwks_uri": uri})


def assertion(kid: object = "first") -> str:
    header = {"alg": "ES256"} | ({} if kid is None else {"kid": kid})
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode() + ".x.x"


def publish(listening: Listening, *keys: Any, max_age: int | None = None) -> Client:
    listening.page = json.dumps({"keys": keys})
    listening.headers = {} if max_age is None else {"Cache-Control": f"public, max-age={max_age}"}
    return publisher(f"{listening.origin}/jwks")


async def test_registered_keys_are_taken_as_they_are(keys: ClientKeys) -> None:
    owner = client(secret=None, token_endpoint_auth_method="private_key_jwt", extra={"jwks": {"keys": [FIRST]}})
    assert await keys.find(owner, assertion()) == [FIRST]
    assert await keys.find(client(), assertion()) == ()


async def test_published_keys_are_fetched_once_while_they_are_fresh(keys: ClientKeys, elapsed: Elapsed, listening: Listening) -> None:
    owner = publish(listening, FIRST)
    for _ in range(3):
        assert await keys.find(owner, assertion()) == [FIRST]
        elapsed.seconds += KEPT_UNSAID / 3 - 1
    assert len(listening.told) == 1
    assert (listening.told[0].method, listening.told[0].target) == ("GET", "/jwks")
    elapsed.seconds += 4
    assert await keys.find(owner, assertion()) == [FIRST]
    assert len(listening.told) == 2


@pytest.mark.parametrize(("max_age", "kept"), [(0, KEPT[0]), (600, 600.0), (10**8, KEPT[1])])
async def test_max_age_counts_within_bounds(keys: ClientKeys, elapsed: Elapsed, listening: Listening, max_age: int, kept: float) -> None:
    owner = publish(listening, FIRST, max_age=max_age)
    await keys.find(owner, assertion())
    elapsed.seconds += kept - 1
    await keys.find(owner, assertion())
    assert len(listening.told) == 1
    elapsed.seconds += 1
    await keys.find(owner, assertion())
    assert len(listening.told) == 2


async def test_many_who_wait_share_one_fetch(keys: ClientKeys, listening: Listening) -> None:
    owner, listening.holding = publish(listening, FIRST), asyncio.Event()
    waiting = [asyncio.create_task(keys.find(owner, assertion(kid))) for kid in ("first", "other", None) * 10]
    await listening.hears()
    waiting[0].cancel()
    await asyncio.sleep(0)
    listening.holding.set()
    assert await asyncio.gather(*waiting[1:]) == [[FIRST]] * 29
    assert len(listening.told) == 1


async def test_unknown_key_is_looked_for_now_and_then_alone(keys: ClientKeys, elapsed: Elapsed, listening: Listening) -> None:
    owner = publish(listening, FIRST)
    assert await keys.find(owner, assertion()) == [FIRST]
    publish(listening, FIRST, SECOND)
    for _ in range(5):
        assert await keys.find(owner, assertion("second")) == [FIRST]
    assert len(listening.told) == 1, "a stranger cannot make this server ask as often as they like"
    elapsed.seconds += AGAIN_IN
    assert await keys.find(owner, assertion("second")) == [FIRST, SECOND]
    for _ in range(5):
        assert await keys.find(owner, assertion("third")) == [FIRST, SECOND]
    assert len(listening.told) == 2


async def test_old_keys_stay_while_nothing_newer_can_be_had(keys: ClientKeys, elapsed: Elapsed, listening: Listening) -> None:
    owner = publish(listening, FIRST)
    await keys.find(owner, assertion())
    listening.answers.extend([500, 404, 302])
    for count in (2, 3, 4):
        elapsed.seconds += KEPT_UNSAID
        assert await keys.find(owner, assertion()) == [FIRST]
        assert await keys.find(owner, assertion()) == [FIRST]
        assert len(listening.told) == count, "a failure is not repeated at once"
    listening.page = "gone"
    elapsed.seconds += KEPT_STALE
    assert await keys.find(owner, assertion()) == ()


@pytest.mark.parametrize(
    "page",
    ["", "{}", "[]", '{"keys": {}}', '{"keys": 7}', "\x00", "{", '{"keys": [' + "{}," * 100 + "{}]}", "[" * 90_000],
)
async def test_what_is_no_key_set_is_none(keys: ClientKeys, listening: Listening, page: str, caplog: pytest.LogCaptureFixture) -> None:
    owner = publish(listening)
    listening.page = page
    with caplog.at_level(logging.WARNING, "tokenry.client_keys"):
        assert await keys.find(owner, assertion()) == ()
    assert f"{listening.origin}/jwks cannot be fetched" in caplog.text


async def test_what_is_no_public_key_is_left_out(keys: ClientKeys, listening: Listening) -> None:
    owner = publish(listening, 7, None, [], {}, {"kty": 7}, {"kty": "oct", "k": "c2VjcmV0"}, SECOND)
    assert await keys.find(owner, assertion()) == [SECOND]


@pytest.mark.security("AZ-10")
async def test_private_addresses_are_not_asked(elapsed: Elapsed, listening: Listening) -> None:
    keys = ClientKeys(Remote(allow_private=False), SEALING, StandingClock(), elapsed)
    assert await keys.find(publish(listening, FIRST), assertion()) == ()
    assert listening.told == []


async def test_key_is_looked_up_by_whatever_the_header_says(keys: ClientKeys, listening: Listening) -> None:
    owner = publish(listening, {"kty": "EC"})
    for text in (assertion(7), assertion([]), "", "é.x.x", "!!!", assertion("any")):
        assert await keys.find(owner, text) == [{"kty": "EC"}]
    assert len(listening.told) == 1


async def test_secrets_are_keys_where_the_client_signs_with_them(keys: ClientKeys, caplog: pytest.LogCaptureFixture) -> None:
    good, old, foreign, plain = (one_secret("demo", str(n)) for n in range(4))
    good.secret_sealed, old.secret_sealed = seal(SEALING, b"good"), seal(SEALING, b"old")
    foreign.secret_sealed = seal(b"x" * 32, b"foreign")
    old.expires_at = NOW - timedelta(seconds=1)
    owner = client(token_endpoint_auth_method="client_secret_jwt")
    owner.secrets = (good, old, foreign, plain)
    with caplog.at_level(logging.WARNING, "tokenry.client_keys"):
        assert await keys.find(owner, assertion()) == [{"kty": "oct", "k": "Z29vZA"}]
    assert "another secret key" in caplog.text
    assert "good" not in caplog.text
