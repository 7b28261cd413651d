"""The keys of a running process: read at start and every half minute, and made when one is first needed and there is none."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from app.core.clock import Clock
from app.core.keyring import REFRESH_IN, Keyring
from app.core.keys import Algorithm
from app.core.secrets import seal
from app.models import SigningKey
from app.storage import Catalog, Storage

if TYPE_CHECKING:
    from app.core.key_pairs import KeyPair

_log: Final = logging.getLogger("tokenry.keys")


class KeyKeeper:
    """Keeps the keyring of this process; ``sealing_key`` seals the private halves of the keys that it makes."""

    def __init__(self, storage: Storage, clock: Clock, sealing_key: bytes) -> None:
        self._storage = storage
        self._clock = clock
        self._sealing_key = sealing_key
        self._ring: Keyring | None = None
        self._opening: asyncio.Task[Keyring] | None = None

    async def ring(self) -> Keyring:
        """Return the keyring; those who ask first wait until it is read, or even made, all for the same attempt.

        Raises:
            StorageUnavailable: there is no database.
        """
        known = self._ring
        if known is not None:
            return known
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self.refresh())
        return await asyncio.shield(self._opening)

    async def refresh(self) -> Keyring:
        """Look at the keys and return them; those that are lacking are made: two processes that do so at once end up with the same.

        Raises:
            StorageUnavailable: there is no database.
        """
        ring = await self._look()
        if ring.lacking:
            pairs = await asyncio.to_thread(_make, ring.lacking)
            now = self._clock.now()
            made = [sealed_key(pair, self._sealing_key, now, now) for pair in pairs]
            ring = Keyring(await self._storage.transact(lambda catalog: _complete(catalog, made)), self._sealing_key)
        if self._ring is None or self._ring.stored != ring.stored:
            self._ring = ring
        return self._ring

    async def keep(self) -> None:
        """Look at the keys until cancelled; where there is no database, the process goes on with those that it has.

        A new service makes none before somebody needs one.
        """
        while True:
            try:
                if self._ring is not None:
                    await self.refresh()
                elif not (ring := await self._look()).lacking:
                    self._ring = ring
            except Exception as problem:  # noqa: BLE001 (whatever it is, the next look may go well)
                _log.warning("signing keys: %s: %s", type(problem).__name__, problem)
            await asyncio.sleep(REFRESH_IN.total_seconds())

    async def _look(self) -> Keyring:
        return Keyring(await self._storage.look(_stored), self._sealing_key)


async def check_signing_keys(storage: Storage, sealing_key: bytes, clock: Clock) -> None:
    """Check that the keys which sign now can be opened.

    Raises:
        UnusableKey: one cannot.
        StorageUnavailable: there is no database.
    """
    ring = Keyring(await storage.look(_stored), sealing_key)
    for algorithm in Algorithm:
        if algorithm not in ring.lacking:
            ring.unsealed(ring.signing(algorithm, clock.now()))


def sealed_key(pair: "KeyPair", sealing_key: bytes, now: datetime, active_from: datetime) -> SigningKey:
    """Return a new key as it is stored, its private half sealed."""
    jwk = pair.public_jwk
    return SigningKey(
        kid=jwk["kid"],
        algorithm=pair.algorithm,
        private_sealed=seal(sealing_key, pair.pkcs8),
        public_jwk=jwk,
        created_at=now,
        active_from=active_from,
    )


def _stored(catalog: Catalog) -> list[SigningKey]:
    return catalog.signing_keys()


def _make(algorithms: Iterable[Algorithm]) -> "list[KeyPair]":
    from app.core.key_pairs import make_key

    return [make_key(algorithm) for algorithm in algorithms]


def _complete(catalog: Catalog, made: Iterable[SigningKey]) -> list[SigningKey]:
    """Add the keys that nobody else has added meanwhile, and return all."""
    lacking = Keyring(catalog.signing_keys(), b"").lacking
    for key in made:
        if key.algorithm in lacking:
            catalog.add_signing_key(key)
    return catalog.signing_keys()
