"""Signing what was decided: the last step before an answer, after its commit. And knowing it again.

The engine says what a token holds (:class:`app.messages.Unsigned`), and knows no key. A signature by an elliptic curve takes less time
than handing it to a thread would; one by RSA takes longer than a whole exchange, so a few threads of their own make those.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from app.core.clock import Clock
from app.core.keyring import Keyring
from app.core.keys import Algorithm, half_hash, signed
from app.core.secrets import digest
from app.messages import Unsigned
from app.oauth2.jose import BadJwt, read_jwt
from app.oauth2.presented import TYPE
from app.proofs.key_keeper import KeyKeeper

THREADS: Final = 2
_KNOWN: Final = 4096
"""Tokens that are recognised without looking at their signatures again."""
_LOOK_AFTER: Final = 1.0
"""Seconds between two looks for keys of which this process has not heard yet."""


class Minter:
    """Makes tokens of what the engine left unsigned, and recognises those that it made."""

    def __init__(self, keeper: KeyKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="signing")
        self._known: dict[bytes, None] = {}
        self._known_by: Keyring | None = None
        self._looks_from = 0.0

    async def mint(self, members: Mapping[str, object]) -> dict[str, object]:
        """Return the members of an answer with every token signed; a token that holds another one's hash comes after it.

        Raises:
            StorageUnavailable: there are no keys yet.
            UnusableKey: the key cannot be used; a fault of the service.
        """
        minted = dict(members)
        waiting = [(name, member) for name, member in members.items() if isinstance(member, Unsigned)]
        for name, unsigned in sorted(waiting, key=lambda one: len(one[1].hashes)):
            minted[name] = await self.sign(unsigned, minted)
        return minted

    async def sign(self, unsigned: Unsigned, members: Mapping[str, object] | None = None) -> str:
        """Return a token in the compact form (RFC 7515 §7.1); ``members`` are those whose hashes it holds.

        Raises:
            StorageUnavailable: there are no keys yet.
            UnusableKey: the key cannot be used; a fault of the service.
        """
        ring = await self._keeper.ring()
        algorithm = Algorithm(unsigned.algorithm)
        stored = ring.signing(algorithm, self._clock.now())
        pair = ring.pair(stored)
        header = {"alg": algorithm.value, "typ": unsigned.typ, "kid": stored.kid}
        hashes = {claim: half_hash(str((members or {})[name]), algorithm) for claim, name in unsigned.hashes}
        claims = {**unsigned.claims, **hashes}
        if algorithm is not Algorithm.RS256:
            return signed(pair, header, claims)
        return await asyncio.get_running_loop().run_in_executor(self._executor, signed, pair, header, claims)

    async def recognises(self, jwt: str) -> bool:
        """Whether this server has signed an access token (RFC 9068 §4); nothing is said of its times.

        What was recognised once is, until the keys change: resources ask about one token again and again. Where a signature is not known,
        another process may have made a key meanwhile and used it at once; that is looked up, now and then.

        Raises:
            StorageUnavailable: there are no keys yet.
        """
        ring = await self._keeper.ring()
        if ring is not self._known_by:
            self._known_by = ring
            self._known.clear()
        name = digest(jwt)
        if name in self._known:
            return True
        if not _is_signed(jwt, ring):
            now = time.monotonic()
            if now < self._looks_from:
                return False
            self._looks_from = now + _LOOK_AFTER
            fresh = await self._keeper.refresh()
            return fresh is not ring and _is_signed(jwt, fresh)
        if len(self._known) >= _KNOWN:
            del self._known[next(iter(self._known))]
        self._known[name] = None
        return True

    def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _is_signed(jwt: str, ring: Keyring) -> bool:
    """Whether a trusted key of a ring has signed an access token."""
    try:
        read_jwt(jwt, ring.trusted(), list(Algorithm), types={TYPE})
    except BadJwt:
        return False
    return True
