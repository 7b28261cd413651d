"""What must be proved between load and decision: reserve a password attempt, then check the password; find a client's keys.

The attempt is counted before the password is hashed, in a commit of its own, so that parallel guesses cannot pass the counter.
"""

import math
from datetime import timedelta
from typing import Final

from app.core.clock import Clock
from app.core.passwords import MAXIMUM_LENGTH, login_key
from app.core.secrets import attempt_key
from app.ledger import Facts, Writes
from app.messages import Proofs, Request
from app.models import User
from app.proofs.client_keys import ClientKeys
from app.proofs.passwords import PasswordPool
from app.storage import Storage

PASSWORD_FAILURES: Final = 10
"""Wrong passwords for one account in the window, over every door and page together."""
WINDOW: Final = timedelta(minutes=15)


class Gatherer:
    """Gathers the proofs that a decision hangs on."""

    def __init__(self, storage: Storage, clock: Clock, pool: PasswordPool, keys: ClientKeys | None = None) -> None:
        """Gather over a storage; without ``keys`` no client can prove itself by what it has signed."""
        self._storage = storage
        self._clock = clock
        self._pool = pool
        self._keys = keys

    async def find_keys(self, message: Request, facts: Facts) -> Proofs:
        """Return the keys by which the assertion of the message is checked; none where there are none."""
        client, assertion = facts.client, message.credentials.assertion
        if client is None or assertion is None or self._keys is None or client.disabled_at is not None:
            return Proofs()
        return Proofs(client_keys=await self._keys.find(client, assertion))

    async def check_password(self, message: Request, facts: Facts, found: Proofs) -> Proofs:
        """Return whether the password of the message is the user's, or for how long none may be tried, beside what was found before.

        The counter is of the account, however its name is spelt; of the name, where there is no account.

        Raises:
            StorageUnavailable: the attempt could not be counted, or too many checks wait.
        """
        proofs = await self.prove(facts.user, message.parameters["username"], message.parameters["password"], message.address)
        proofs.client_keys, proofs.assertion_is_used = found.client_keys, found.assertion_is_used
        return proofs

    async def prove(self, user: User | None, name: str, password: str, address: str, counter: bytes | None = None) -> Proofs:
        """Do the same for a person at a page: ``counter`` is the one of a device that the account is known to log in from.

        Raises:
            StorageUnavailable: the attempt could not be counted, or too many checks wait.
        """
        account = attempt_key("account", user.id) if user is not None else attempt_key("name", login_key(name))
        key = counter or account
        async with self._pool.slot(address):
            proofs = await self._count(key)
            if proofs.blocked_in is not None:
                return proofs
            usable = user.password_hash if user is not None and user.disabled_at is None else None
            is_right = len(password) <= MAXIMUM_LENGTH and await self._pool.verify(usable, password)
        return Proofs(password_is_right=is_right, attempts=(key,))

    async def reserve(self, user: User, counter: bytes | None = None) -> Proofs:
        """Count a try at a code of a person before it is looked at, as one more on the counter of their passwords.

        Raises:
            StorageUnavailable: the attempt could not be counted.
        """
        return await self._count(counter or attempt_key("account", user.id))

    async def _count(self, key: bytes) -> Proofs:
        now = self._clock.now()
        receipt = await self._storage.commit(Writes(now, count=[key], window=WINDOW))
        attempt = receipt.attempts[key]
        if attempt.count <= PASSWORD_FAILURES:
            return Proofs(attempts=(key,))
        left = (attempt.window_started_at + WINDOW - now).total_seconds()
        return Proofs(blocked_in=max(1, math.ceil(left)))
