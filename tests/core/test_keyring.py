"""Which key signs, which are published and which are trusted, through the life of each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.key_pairs import KeyPair, make_key
from app.core.keyring import ACTIVE_IN, MAXIMUM_LIFE, PUBLISHED_FOR, Keyring, KeyState
from app.core.keys import Algorithm, Jwk, UnusableKey
from app.core.secrets import seal

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEALING = b"s" * 32
HOUR = timedelta(hours=1)
PAIR = make_key(Algorithm.ES256)


@dataclass(frozen=True, slots=True)
class Stored:
    kid: str
    active_from: datetime = NOW
    algorithm: str = "ES256"
    private_sealed: bytes = b""
    retired_at: datetime | None = None

    @property
    def public_jwk(self) -> Jwk:
        return {"kid": self.kid}


def ring(*keys: Stored) -> Keyring:
    return Keyring(keys, SEALING)


def kids(keys: Iterable[Jwk]) -> list[str]:
    return [key["kid"] for key in keys]


def test_a_key_signs_from_its_time_on_until_a_later_one_does() -> None:
    keys = ring(Stored("b", NOW + HOUR), Stored("a"))
    signing = [keys.signing(Algorithm.ES256, NOW + moment).kid for moment in (timedelta(), HOUR - timedelta.resolution, HOUR, 9 * HOUR)]
    assert signing == ["a", "a", "b", "b"]


def test_a_ring_whose_clock_is_behind_signs_with_the_first_key_to_come() -> None:
    assert ring(Stored("b", NOW + 2 * HOUR), Stored("a", NOW + HOUR)).signing(Algorithm.ES256, NOW).kid == "a"


def test_a_ring_without_a_key_says_which() -> None:
    keys = ring(Stored("a"), Stored("r", algorithm="RS256", retired_at=NOW))
    assert keys.lacking == [Algorithm.RS256, Algorithm.EDDSA]
    with pytest.raises(UnusableKey, match="RS256"):
        keys.signing(Algorithm.RS256, NOW)


@pytest.mark.security("KY-03")
def test_a_key_is_published_before_its_first_use_and_until_the_last_of_its_tokens_is_dead() -> None:
    first, second = Stored("a"), Stored("b", NOW + ACTIVE_IN)
    keys = ring(first, second)
    handover = NOW + ACTIVE_IN
    moments = [NOW, handover, handover + MAXIMUM_LIFE, handover + PUBLISHED_FOR, handover + 10 * PUBLISHED_FOR]
    assert [keys.state(first, moment) for moment in moments] == [
        KeyState.SIGNING,
        KeyState.PUBLISHED,
        KeyState.PUBLISHED,
        KeyState.ENDED,
        KeyState.ENDED,
    ]
    assert [keys.state(second, moment) for moment in moments[:2]] == [KeyState.WAITING, KeyState.SIGNING]
    assert [kids(keys.published(moment)) for moment in moments] == [["b", "a"]] * 3 + [["b"]] * 2
    assert kids(keys.trusted()) == ["a", "b"]
    assert keys.published_until(first) == handover + PUBLISHED_FOR
    assert keys.published_until(second) is None


def test_a_retired_key_is_neither_published_nor_trusted_and_signs_no_more() -> None:
    keys = ring(Stored("a"), retired := Stored("b", NOW + ACTIVE_IN, retired_at=NOW + HOUR))
    later = NOW + 2 * HOUR
    assert keys.state(retired, later) is KeyState.RETIRED
    assert kids(keys.published(later)) == kids(keys.trusted()) == ["a"]
    assert keys.signing(Algorithm.ES256, later).kid == "a"
    assert keys.published_until(Stored("a")) is None


def test_each_algorithm_has_its_own_succession() -> None:
    keys = ring(Stored("e"), Stored("r", algorithm="RS256"), Stored("d", NOW + HOUR, algorithm="EdDSA"))
    assert [keys.signing(algorithm, NOW).kid for algorithm in Algorithm] == ["r", "e", "d"]
    assert keys.lacking == []


def test_a_key_of_a_later_version_is_left_alone() -> None:
    keys = ring(Stored("a"), unknown := Stored("x", algorithm="ML-DSA-44"))
    assert keys.state(unknown, NOW) is KeyState.ENDED
    assert kids(keys.published(NOW)) == kids(keys.trusted()) == ["a"]


def test_the_private_half_is_opened_once() -> None:
    stored = replace(Stored("a"), private_sealed=seal(SEALING, PAIR.pkcs8))
    keys = ring(stored)
    pair: KeyPair = keys.pair(stored)
    assert pair.public_jwk == PAIR.public_jwk
    assert keys.pair(stored) is pair


@pytest.mark.security("AT-04")
def test_a_key_that_was_sealed_under_another_secret_is_named() -> None:
    stored = replace(Stored("the-key"), private_sealed=seal(b"o" * 32, PAIR.pkcs8))
    with pytest.raises(UnusableKey, match="the-key is sealed under another secret key"):
        ring(stored).pair(stored)
