"""Logging in: by a name and a password, and the second step where the account demands one; or by a passkey."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.browser.ceremonies import LateAnswer, UnsoundAnswer
from app.browser.devices import Devices
from app.browser.half_logins import HalfLogins
from app.browser.passkeys import Passkeys
from app.browser.second_factor import PROVED, SecondFactors, Spend, Undone
from app.browser.sessions import Sessions
from app.browser.views import FormProblem
from app.browser.visitor import Cookie, Visitor, devices_cookie, session_cookie
from app.core.clock import Clock
from app.core.passwords import login_key
from app.ledger import Needs, StorageUnavailable
from app.models import User
from app.proofs import Gatherer
from app.storage import Catalog, Storage

PASSWORD: Final = ("pwd",)
"""The ``amr`` of a login by password (RFC 8176 §2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResult:
    """What became of a try: cookies for who is in, a problem for who is not.

    ``half`` is the token of a half login, where a second step is still to come. For the log, ``amr`` tells how somebody came in,
    ``detail`` why somebody did not, and ``tried`` whose account it was about (its id), where there is one.
    """

    user: User | None = None
    amr: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    problem: FormProblem | None = None
    minutes: int = 0
    half: str | None = None
    detail: str | None = None
    tried: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfPerson:
    """Whose password was right, and when: a second step is still to come."""

    user: User
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What people prove themselves by beside passwords."""

    second: SecondFactors
    halves: HalfLogins
    passkeys: Passkeys


class Logins:
    """Lets people in."""

    def __init__(self, storage: Storage, gatherer: Gatherer, sessions: Sessions, devices: Devices, factors: Factors, clock: Clock) -> None:
        self._storage = storage
        self._gatherer = gatherer
        self._sessions = sessions
        self._devices = devices
        self._factors = factors
        self._clock = clock

    async def by_password(self, name: str, password: str, visitor: Visitor) -> LoginResult:
        """Try a name and a password. Every way to fail looks the same and takes the same time.

        Wrong tries count against the account, over all pages and doors together; those from a browser that the account is known to log
        in from count against that browser. Where a second step is demanded the count stands until that is done too.
        """
        login = login_key(name)
        try:
            user = (await self._storage.load(Needs(login=login))).user if login else None
            counter = self._devices.counter(visitor.devices, user) if user is not None else None
            proofs = await self._gatherer.prove(user, name, password, visitor.address, counter)
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        tried = user.id if user is not None else None
        if proofs.blocked_in is not None:
            return LoginResult(problem=FormProblem.BLOCKED, minutes=math.ceil(proofs.blocked_in / 60), tried=tried)
        if not proofs.password_is_right or user is None:
            return LoginResult(problem=FormProblem.WRONG, tried=tried)
        if user.second_factor_at is not None:
            return LoginResult(half=self._factors.halves.close(user, visitor.browser or "", self._clock.now()), tried=tried)
        return await self._enter(user, PASSWORD, visitor, proofs.attempts)

    async def half_person(self, token: str, visitor: Visitor) -> HalfPerson | None:
        """Return whose half login this is; ``None`` where it is none of this browser's, too old, or the person has changed since.

        Raises:
            StorageUnavailable: there is no database.
        """
        half = self._factors.halves.open(token, visitor.browser or "", self._clock.now())
        user = await self._storage.look(lambda catalog: catalog.user(half.user_id)) if half is not None else None
        if half is None or user is None or user.disabled_at is not None or not self._factors.halves.is_of(half, user):
            return None
        return HalfPerson(user=user, at=half.at)

    async def by_code(self, user: User, code: str, visitor: Visitor) -> LoginResult:
        """Finish a half login by a code of the authenticator app, or a recovery code; wrong ones count as wrong passwords do."""
        try:
            proofs = await self._factors.second.reserve(user, visitor)
            if proofs.blocked_in is not None:
                return LoginResult(problem=FormProblem.BLOCKED, minutes=math.ceil(proofs.blocked_in / 60))
            spend = await self._factors.second.check(user, code)
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        if spend is None:
            return LoginResult(problem=FormProblem.WRONG)
        return await self._enter(user, (*PASSWORD, *PROVED), visitor, proofs.attempts, spend)

    async def by_passkey(self, credential: str, visitor: Visitor) -> LoginResult:
        """Try what an authenticator signed. Whoever it does not prove is told what a wrong password is told.

        Signatures are not guessed, so failures are not counted, and no number of wrong passwords keeps a passkey out.
        """
        try:
            proved = await self._factors.passkeys.check(credential, visitor)
        except LateAnswer as problem:
            return LoginResult(problem=FormProblem.EXPIRED, detail=str(problem))
        except UnsoundAnswer as problem:
            return LoginResult(problem=FormProblem.WRONG, detail=str(problem))
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        return await self._enter(proved.user, proved.amr, visitor, (), proved.spend)

    def passkey_options(self, visitor: Visitor) -> str | None:
        """Return what the login page asks a browser's authenticators for."""
        return self._factors.passkeys.login_options(visitor)

    async def _enter(
        self, user: User, amr: tuple[str, ...], visitor: Visitor, counters: tuple[bytes, ...], spend: Spend | None = None
    ) -> LoginResult:
        """Spend what was shown, begin the session and clear the person's failures, all or nothing."""

        def begin(catalog: Catalog) -> str:
            value = self._sessions.begin(catalog, user, amr, visitor) if spend is None or spend(catalog) else None
            if value is None:
                raise Undone
            catalog.forget_failures(counters)
            return value

        try:
            value = await self._storage.transact(begin)
        except Undone:
            return LoginResult(problem=FormProblem.WRONG, detail="it was used before, or the person has changed meanwhile")
        except StorageUnavailable:
            return LoginResult(problem=FormProblem.BUSY)
        cookies = (session_cookie(value), devices_cookie(self._devices.remember(visitor.devices, user)))
        return LoginResult(user=user, amr=amr, cookies=cookies)
