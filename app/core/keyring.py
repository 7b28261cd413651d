"""The keyring: which key signs at a moment, which are published, and which are trusted.

A key is published the moment it is made and signs ``ACTIVE_IN`` later, so that every process and every client that keeps the published
keys for a while knows it before its first use. It signs until a later one of its algorithm does, and stays published until the last
token that it may have signed is dead. After that it is trusted only for what outlives its token, such as the hint of an old ID token.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from app.core.keys import Algorithm, Jwk, UnusableKey
from app.core.secrets import unseal

if TYPE_CHECKING:
    from app.core.key_pairs import KeyPair

ACTIVE_IN: Final = timedelta(minutes=5)
"""From a key's publication to its first use: no less than clients may keep the published keys (``max-age`` of the JWKS)."""
REFRESH_IN: Final = timedelta(seconds=30)
"""How often a process looks for keys that another one made or retired."""
MAXIMUM_LIFE: Final = timedelta(days=1)
"""No token that is signed here lives longer."""
PUBLISHED_FOR: Final = MAXIMUM_LIFE + timedelta(hours=1)
"""From the moment at which a key's successor signs to the end of its publication; the hour is for processes that were cut off."""


class StoredKey(Protocol):
    """A signing key as it is stored."""

    @property
    def kid(self) -> str:
        """The key's name."""
        ...

    @property
    def algorithm(self) -> str:
        """What it signs with."""
        ...

    @property
    def private_sealed(self) -> bytes:
        """Its private half, sealed."""
        ...

    @property
    def public_jwk(self) -> Jwk:
        """Its public half."""
        ...

    @property
    def active_from(self) -> datetime:
        """When it signs from."""
        ...

    @property
    def retired_at(self) -> datetime | None:
        """Since when it is trusted no more."""
        ...


class KeyState(StrEnum):
    """Where a key is in its life."""

    WAITING = "waiting"
    """Published, to sign later."""
    SIGNING = "signing"
    PUBLISHED = "published"
    """Signs no more, but what it signed may be alive."""
    ENDED = "ended"
    """Published no more."""
    RETIRED = "retired"
    """Trusted no more, by an operator's order."""


class Keyring:
    """The keys as they were stored at one moment; never changed, but replaced by another ring."""

    def __init__(self, stored: Iterable[StoredKey], sealing_key: bytes) -> None:
        """Hold the keys; ``sealing_key`` opens their private halves, each when it first signs."""
        self.stored: Sequence[StoredKey] = sorted(stored, key=lambda key: (key.active_from, key.kid))
        self._sealing_key = sealing_key
        self._trusted: Mapping[str, Sequence[StoredKey]] = {
            algorithm: [key for key in self.stored if key.algorithm == algorithm and key.retired_at is None] for algorithm in Algorithm
        }
        self._open: dict[str, KeyPair] = {}

    @property
    def lacking(self) -> list[Algorithm]:
        """The algorithms that no key is there for."""
        return [algorithm for algorithm in Algorithm if not self._trusted[algorithm]]

    def signing(self, algorithm: Algorithm, now: datetime) -> StoredKey:
        """Return the key that signs at ``now``: the last one whose time has come, or else the first to come.

        Raises:
            UnusableKey: there is none.
        """
        keys = self._trusted[algorithm]
        if not keys:
            raise UnusableKey(f"there is no signing key for {algorithm}")
        return next((key for key in reversed(keys) if key.active_from <= now), keys[0])

    def pair(self, key: StoredKey) -> "KeyPair":
        """Return a stored key with its private half opened.

        Raises:
            UnusableKey: it was sealed under another secret key.
        """
        pair = self._open.get(key.kid)
        if pair is None:
            from app.core.key_pairs import load_key

            pair = self._open[key.kid] = load_key(Algorithm(key.algorithm), self.unsealed(key))
        return pair

    def unsealed(self, key: StoredKey) -> bytes:
        """Return a stored key's private half as it was before it was sealed.

        Raises:
            UnusableKey: it was sealed under another secret key.
        """
        pkcs8 = unseal(self._sealing_key, key.private_sealed)
        if pkcs8 is None:
            raise UnusableKey(f"the signing key {key.kid} is sealed under another secret key")
        return pkcs8

    def published_until(self, key: StoredKey) -> datetime | None:
        """Return when a key's publication ends: some time after its successor signs, ``None`` without one."""
        later = [other for other in self._trusted.get(key.algorithm, ()) if (other.active_from, other.kid) > (key.active_from, key.kid)]
        return later[0].active_from + PUBLISHED_FOR if later else None

    def state(self, key: StoredKey, now: datetime) -> KeyState:
        """Return where a key is in its life at ``now``."""
        if key.retired_at is not None:
            return KeyState.RETIRED
        if key.algorithm not in self._trusted:
            return KeyState.ENDED
        if self.signing(Algorithm(key.algorithm), now).kid == key.kid:
            return KeyState.SIGNING
        if key.active_from > now:
            return KeyState.WAITING
        until = self.published_until(key)
        return KeyState.PUBLISHED if until is None or now < until else KeyState.ENDED

    def published(self, now: datetime) -> list[Jwk]:
        """Return the public keys for everybody (RFC 7517 §5), the latest first: clients that look at none but the first are served."""
        hidden = {KeyState.ENDED, KeyState.RETIRED}
        return [key.public_jwk for key in reversed(self.stored) if self.state(key, now) not in hidden]

    def trusted(self) -> list[Jwk]:
        """Return the public keys by which this server knows what it signed itself, however long ago."""
        return [key.public_jwk for keys in self._trusted.values() for key in keys]
