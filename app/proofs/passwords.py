"""Passwords of people: Argon2id at the parameters that OWASP names, in a small pool of threads of its own."""

import asyncio
import contextlib
import os
import re
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final

from argon2 import Parameters, PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.addresses import network_of
from app.ledger import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_USUAL: Final = Parameters(Type.ID, version=19, salt_len=16, hash_len=32, time_cost=2, memory_cost=19456, parallelism=1)
_HASHER: Final = PasswordHasher.from_parameters(_USUAL)
_LIGHT: Final = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)
_ENCODED: Final = re.compile(r"\$argon2id\$v=19(?:[$,][a-z]=[1-9][0-9]{0,9}){3}(?:\$[A-Za-z0-9+/]+){2}")
MAXIMUM_HASH: Final = 400
"""Characters of an encoded hash."""
_MOST_MEMORY: Final = 256 * 1024
_LEAST_MEMORY: Final = 7168
"""KiB."""
_MOST_TIME: Final = 16
_MOST_LANES: Final = 16
_LEAST_WORK: Final = 7168 * 5
"""KiB by passes."""
_LEAST_SALT: Final = 8
_LEAST_HASH: Final = 16
_MOST_HASH: Final = 64
"""Bytes."""
THREADS: Final = 2
QUEUE: Final = 64
"""Checks from one network that may wait for a thread; beyond it the service says that it is busy."""
QUEUES: Final = 512
"""Checks that may wait in all."""

_NICENESS: Final = 5
"""How much less urgent a check is than an answer. Where both want a processor, answers wait half as long; checks still get their share."""


def hash_password(password: str, *, light: bool = False) -> str:
    """Return the Argon2id hash of a password; ``light`` is for the sandbox, where starting fast counts more."""
    return (_LIGHT if light else _HASHER).hash(password)


def verify_password(password_hash: str, password: str) -> bool:
    """Whether the password is the one of the hash; a hash that is none counts as another password."""
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def hash_problem(password_hash: str, *, light: bool = False) -> str | None:
    """Return why a hash that was made elsewhere is not taken, or ``None``: it is none, checking it would cost too much, or too little.

    The least is the work of the cheapest parameters that OWASP names for Argon2id; ``light`` takes the sandbox's own too.
    """
    try:
        found = extract_parameters(password_hash) if len(password_hash) <= MAXIMUM_HASH and _ENCODED.fullmatch(password_hash) else None
    except (InvalidHashError, ValueError):
        found = None
    if found is None or found.type is not Type.ID or found.version != _USUAL.version:
        return "is no Argon2id hash in its encoded form, as $argon2id$v=19$m=19456,t=2,p=1$…$…"
    if found.memory_cost > _MOST_MEMORY or found.time_cost > _MOST_TIME or found.parallelism > _MOST_LANES:
        return f"takes too much to check: at most m={_MOST_MEMORY}, t={_MOST_TIME} and p={_MOST_LANES}"
    if found.salt_len < _LEAST_SALT or not _LEAST_HASH <= found.hash_len <= _MOST_HASH:
        return f"has a salt of less than {_LEAST_SALT} bytes, or is itself not of {_LEAST_HASH} to {_MOST_HASH}"
    if found.memory_cost < _LEAST_MEMORY or (not light and found.memory_cost * found.time_cost < _LEAST_WORK):
        return "was made too cheaply, and could be guessed: at least m=19456 and t=2, or as much work (a sandbox's own are for sandboxes)"
    return None


@cache
def dummy_hash(time_cost: int, memory_cost: int, parallelism: int) -> str:
    """Return a hash that no password has, so that an unknown user takes the time of a known one."""
    return PasswordHasher(time_cost, memory_cost, parallelism).hash("no password has this hash")


def _give_way() -> None:
    """Let this thread give way to the one that answers: on Linux each thread has a niceness of its own (sched(7))."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


class _Turns:
    """Gives a few slots in turn to the networks that ask, so that one which asks without end waits behind itself and holds nobody up."""

    def __init__(self, slots: int, queue: int, queues: int) -> None:
        self._free = slots
        self._bound = queue
        self._bound_of_all = queues
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def take(self, network: str) -> None:
        """Wait for a slot.

        Raises:
            StorageUnavailable: too many are waiting.
        """
        if self._free and not self._waiting:
            self._free -= 1
            return
        mine = self._waiting.get(network, ())
        if len(mine) >= self._bound or sum(map(len, self._waiting.values())) >= self._bound_of_all:
            raise StorageUnavailable("too many password checks are waiting")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a slot to the network whose turn it is."""
        while self._waiting:
            network, turns = next(iter(self._waiting.items()))
            del self._waiting[network]
            turn = turns.popleft()
            if turns:
                self._waiting[network] = turns  # behind the others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class PasswordPool:
    """Runs password checks in a few threads; who cannot get one within the queue's bound is refused at once."""

    def __init__(self, threads: int = THREADS, queue: int = QUEUE, queues: int = QUEUES) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password", initializer=_give_way)
        self._turns = _Turns(threads, queue, queues)
        self._usual = _USUAL

    @contextlib.asynccontextmanager
    async def slot(self, address: str) -> "AsyncIterator[None]":
        """Hold a thread for one check that an address asks for.

        Raises:
            StorageUnavailable: too many checks are waiting.
        """
        await self._turns.take(network_of(address))
        try:
            yield
        finally:
            self._turns.give_back()

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the one of the hash; without a hash a dummy is checked and the answer is no."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._verify, password_hash, password)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if password_hash is None:
            verify_password(dummy_hash(self._usual.time_cost, self._usual.memory_cost, self._usual.parallelism), password)
            return False
        with contextlib.suppress(InvalidHashError):
            self._usual = extract_parameters(password_hash)  # An unknown user takes as long as the last one who was known.
        return verify_password(password_hash, password)

    async def hash(self, password: str, address: str) -> str:
        """Return the hash of a new password that somebody at an address has chosen.

        Raises:
            StorageUnavailable: too many checks are waiting.
        """
        async with self.slot(address):
            return await asyncio.get_running_loop().run_in_executor(self._executor, hash_password, password)

    def close(self) -> None:
        """Let the threads end."""
        self._executor.shutdown(wait=False, cancel_futures=True)
