"""Telling clients that a session has ended (OpenID Connect Back-Channel Logout 1.0).

What is to be told stands in the database, written in the transaction that ended the session. Every process takes notices from there,
a few at a time, and tries again later where a client does not answer; what a process has taken on and not finished comes back by itself.
"""

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from typing import Final

from app.core.clock import Clock
from app.core.secrets import new_id
from app.messages import Unsigned
from app.models import Client, LogoutNotice
from app.oauth2 import Subjects
from app.proofs.minter import Minter
from app.proofs.remote import Remote, Unreachable
from app.storage import Storage

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TOKEN_IN: Final = 120
"""Seconds that a logout token is good for: it is made for one try (§2.4 recommends two minutes at most)."""
DELAYS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200))
"""How long after each try the next one comes; after the last there is none."""
_KEPT: Final = timedelta(days=1)
"""How long a notice is of use, however few its tries."""
LOOK_IN: Final = 5.0
"""Seconds between two looks for what other processes have left, or what is due again."""
_AT_ONCE: Final = 16
_AT_ONCE_OF_ONE: Final = 4
_ANSWER_IN: Final = 5.0
"""Seconds that a client may take over a logout: nobody waits for it."""
_LEASE: Final = timedelta(minutes=1)
"""Longer than a try takes."""
_DONE: Final = frozenset({200, 204})
"""204 is what some frameworks make of an answer without a body (§2.8)."""
_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500
_log: Final = logging.getLogger("tokenry.logout")


class Notifier:
    """Sends logout tokens for one process."""

    def __init__(self, storage: Storage, minter: Minter, remote: Remote, issuer: str, subjects: Subjects, clock: Clock) -> None:
        self._storage = storage
        self._minter = minter
        self._remote = remote
        self._issuer = issuer
        self._subjects = subjects
        self._clock = clock
        self._sending: dict[asyncio.Task[None], str] = {}
        self._last = ""

    async def keep(self) -> None:
        """Send what is due, until cancelled; what is under way then is given up, and comes back when its lease is over."""
        try:
            while True:
                try:
                    await self.send_due()
                except Exception as problem:  # noqa: BLE001 (whatever it is, the next look may go well)
                    _log.warning("logout notices: %s: %s", type(problem).__name__, problem)
                await self._rest()
        finally:
            for task in self._sending:
                task.cancel()

    async def send_due(self) -> None:
        """Take on what is due, as much as may be under way at once.

        Raises:
            StorageUnavailable: there is no database.
        """
        self._storage.noticed.clear()
        free = _AT_ONCE - len(self._sending)
        next_at = await self._storage.look(lambda catalog: catalog.next_notice_at()) if free else None
        if next_at is None or next_at > self._clock.now():
            return
        under_way, last = Counter(self._sending.values()), self._last
        for notice in await self._storage.transact(lambda catalog: catalog.take_notices(free, _AT_ONCE_OF_ONE, under_way, _LEASE, last)):
            self._last = notice.client_id
            task = asyncio.create_task(self._send(notice))
            self._sending[task] = notice.client_id
            task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        del self._sending[task]
        if not task.cancelled():
            if (problem := task.exception()) is not None:
                _log.warning("logout notices: %s: %s", type(problem).__name__, problem)
            else:
                self._storage.noticed.set()  # there is room for another one

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(LOOK_IN):
                await self._storage.noticed.wait()
        except TimeoutError:
            pass

    async def _send(self, notice: LogoutNotice) -> None:
        """Tell a client, and settle what becomes of the notice."""
        client = await self._storage.look(lambda catalog: catalog.client(notice.client_id))
        uri = client.backchannel_logout_uri if client is not None and client.disabled_at is None else None
        if client is None or uri is None:
            await self._storage.transact(lambda catalog: catalog.remove_notice(notice))
            return
        logout_token = await self._minter.sign(self.logout_token(notice, client))
        try:
            status = (await self._remote.post(uri, {"logout_token": logout_token}, within=_ANSWER_IN)).status
        except Unreachable as problem:
            await self._put_off(notice, str(problem))
            return
        if status in _DONE:
            _log.info("client %s was told that a session has ended", notice.client_id)
            await self._storage.transact(lambda catalog: catalog.remove_notice(notice))
        elif status in _LATER or status >= _SERVER_ERROR:
            await self._put_off(notice, f"it answered {status}")
        else:
            await self._give_up(notice, f"it answered {status}")

    def logout_token(self, notice: LogoutNotice, client: Client) -> Unsigned:
        """Return a logout token for one try (§2.4); its algorithm is that of the client's ID tokens (§2.6)."""
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._issuer,
            "sub": self._subjects.of(client, notice.user_id),
            "aud": client.client_id,
            "iat": now,
            "exp": now + TOKEN_IN,
            "jti": new_id(),
            "events": {EVENT: {}},
            "sid": notice.name,
        }
        return Unsigned("logout+jwt", client.id_token_signed_response_alg, claims)

    async def _put_off(self, notice: LogoutNotice, why: str) -> None:
        if notice.tries > len(DELAYS) or self._clock.now() - notice.created_at >= _KEPT:
            await self._give_up(notice, why)
            return
        due_at = self._clock.now() + DELAYS[notice.tries - 1]
        _log.warning("client %s was not told that a session has ended, try %d: %s", notice.client_id, notice.tries, why)
        await self._storage.transact(lambda catalog: catalog.put_off_notice(notice, due_at))

    async def _give_up(self, notice: LogoutNotice, why: str) -> None:
        _log.warning("client %s is not told that a session has ended, after try %d: %s", notice.client_id, notice.tries, why)
        await self._storage.transact(lambda catalog: catalog.remove_notice(notice))
