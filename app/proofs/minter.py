"""Signing what was decided: the last step before an answer, after its commit.

The engine says what a token holds (:class:`app.messages.Unsigned`), and knows no key. A signature by an elliptic curve takes less time
than handing it to a thread would; one by RSA takes longer than a whole exchange, so a few threads of their own make those.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from app.core.clock import Clock
from app.core.keys import Algorithm, half_hash, signed
from app.messages import Unsigned
from app.proofs.key_keeper import KeyKeeper

THREADS: Final = 2


class Minter:
    """Makes tokens of what the engine left unsigned."""

    def __init__(self, keeper: KeyKeeper, clock: Clock) -> None:
        self._keeper = keeper
        self._clock = clock
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="signing")

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

    def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)
