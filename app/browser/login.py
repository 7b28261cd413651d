"""Logging in: a name and a password, and a second factor where the account demands one."""

import math
from dataclasses import dataclass
from typing import Final

from app.browser.devices import Devices
from app.browser.sessions import Sessions
from app.browser.views import FormProblem
from app.browser.visitor import Cookie, Visitor, devices_cookie, session_cookie
from app.core.clock import Clock
from app.core.passwords import login_key
from app.ledger import Needs, StorageUnavailable, Writes
from app.models import User
from app.proofs import Gatherer
from app.storage import Catalog, Storage

PASSWORD: Final = ("pwd",)
"""The ``amr`` of a login by password (RFC 8176 §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResult:
    """What became of a try: cookies for who is in, a problem for who is not; with ``half_user`` a second factor is still to come.

    ``counters`` are the failures that a whole login clears.
    """

    user: User | None = None
    cookies: tuple[Cookie, ...] = ()
    problem: FormProblem | None = None
    minutes: int = 0
    half_user: User | None = None
    counters: tuple[bytes, ...] = ()


class Logins:
    """Lets people in."""

    def __init__(self, storage: Storage, gatherer: Gatherer, sessions: Sessions, devices: Devices, clock: Clock) -> None:
        self._storage = storage
        self._gatherer = gatherer
        self._sessions = sessions
        self._devices = devices
        self._clock = clock

    async def by_password(self, name: str, password: str, visitor: Visitor) -> LoginResult:
        """Try a name and a password. Every way to fail looks the same and takes the same time.

        Wrong tries count against the account, over all pages and doors together; those from a browser that the account is known to log
        in from count against that browser.
        """
        login = login_key(name)
        try:
            user = (await self._storage.load(Needs(login=login))).user if login else None
            counter = self._devices.counter(visitor.devices, user) if user is not None else None
            proofs = await self._gatherer.prove(user, name, password, counter)
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        if proofs.blocked_in is not None:
            return LoginResult(problem=FormProblem.BLOCKED, minutes=math.ceil(proofs.blocked_in / 60))
        if not proofs.password_is_right or user is None:
            return LoginResult(problem=FormProblem.WRONG)
        if user.second_factor_at is not None:
            return LoginResult(half_user=user, counters=proofs.attempts)
        return await self.enter(user, PASSWORD, visitor, proofs.attempts)

    async def enter(self, user: User, amr: tuple[str, ...], visitor: Visitor, counters: tuple[bytes, ...]) -> LoginResult:
        """Begin the session of who has proved everything, and clear their failures."""

        def begin(catalog: Catalog) -> str | None:
            return self._sessions.begin(catalog, user, amr, visitor)

        try:
            value = await self._storage.transact(begin)
            if value is None:
                return LoginResult(problem=FormProblem.WRONG)
            if counters:
                await self._storage.commit(Writes(self._clock.now(), forget=list(counters)))
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        return LoginResult(user=user, cookies=(session_cookie(value), devices_cookie(self._devices.remember(visitor.devices, user))))
