"""The second step of a login: turning it on and off, its recovery codes, and checking what somebody shows for it."""

import asyncio
import json
import logging
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.browser import recovery_codes, totp
from app.browser.account import Person
from app.browser.devices import Devices
from app.browser.sessions import Sessions
from app.browser.totp import TotpSecrets
from app.browser.views import FormProblem
from app.browser.visitor import Cookie, Visitor, session_cookie
from app.core.clock import Clock
from app.core.secrets import digest, seal, unseal
from app.messages import Proofs
from app.models import User
from app.models.record import from_microseconds, to_microseconds
from app.proofs import Gatherer
from app.storage import Catalog, Storage

SETUP_MINUTES: Final = 15
"""How long a person may take from the QR code to its first code."""
PROVED: Final = ("otp", "mfa")
"""What the second step adds to the ``amr`` of a session (RFC 8176 §2)."""
_LONGEST: Final = 1024
_log: Final = logging.getLogger("tokenry.second_factor")

Spend = Callable[[Catalog], bool]
"""Spends what is good once, inside the transaction of what it is spent for; false where it was spent before."""


class Undone(Exception):  # noqa: N818 (no error: it undoes a transaction)
    """What a transaction began cannot be finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """An authenticator app that somebody is about to set up: nothing is stored before its first right code.

    ``token`` carries the secret sealed through the form, for this person, this session and a quarter of an hour.
    """

    token: str
    secret: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorResult:
    """What became of a change: cookies for this browser and codes to show once, or a problem."""

    cookies: tuple[Cookie, ...] = ()
    codes: tuple[str, ...] = ()
    problem: FormProblem | None = None
    minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of the second factor: of what is stored, and of what waits in a form."""

    stored: bytes
    waiting: bytes


class SecondFactors:
    """Serves the second step. Every method may raise ``StorageUnavailable``: then nothing was changed that is not said."""

    def __init__(
        self, storage: Storage, gatherer: Gatherer, sessions: Sessions, devices: Devices, keys: Keys, clock: Clock, service: str
    ) -> None:
        self._storage = storage
        self._gatherer = gatherer
        self._sessions = sessions
        self._devices = devices
        self._secrets = TotpSecrets(keys.stored)
        self._waiting = keys.waiting
        self._clock = clock
        self._service = service

    # -- turning it on -------------------------------------------------------------------------------------------------------------

    def begin(self, person: Person) -> Setup:
        """Return a fresh secret for somebody to set up."""
        return self._setup(person, totp.new_secret(), self._clock.now())

    def resume(self, person: Person, token: str) -> Setup | None:
        """Return what somebody was setting up; ``None`` where it is of another person or session, or too old."""
        try:
            plain = unseal(self._waiting, urlsafe_b64decode(token[:_LONGEST]))
        except ValueError:
            return None
        values = json.loads(plain) if plain is not None else None
        if values is None or (values["u"], values["s"]) != (person.user.id, person.session.id_hash.hex()):
            return None
        at = from_microseconds(values["t"])
        if not at <= self._clock.now() < at + timedelta(minutes=SETUP_MINUTES):
            return None
        return self._setup(person, values["k"], at)

    def _setup(self, person: Person, secret: str, at: datetime) -> Setup:
        values = {"u": person.user.id, "s": person.session.id_hash.hex(), "k": secret, "t": to_microseconds(at)}
        token = urlsafe_b64encode(seal(self._waiting, json.dumps(values).encode())).decode()
        return Setup(token=token, secret=secret, uri=totp.provisioning_uri(secret, person.user.username, self._service))

    async def turn_on(self, person: Person, setup: Setup, text: str, visitor: Visitor) -> SecondFactorResult:
        """Demand a second step from now on, by the first right code; other sessions end, and this one gets another id."""
        proofs = await self.reserve(person.user, visitor)
        if proofs.blocked_in is not None:
            return blocked(proofs)
        step = await self._step_of(setup.secret, text)
        if step is None:
            return SecondFactorResult(problem=FormProblem.WRONG)
        user_id, codes = person.user.id, recovery_codes.new_codes()
        sealed = self._secrets.seal(user_id, setup.secret)

        def work(catalog: Catalog) -> str:
            there = catalog.totp(user_id) if catalog.put_totp(user_id, sealed) else None
            if there is None or not catalog.confirm_totp(there, step):
                raise Undone
            catalog.put_recovery_codes(user_id, [recovery_codes.code_hash(user_id, code) for code in codes])
            catalog.forget_failures(proofs.attempts)
            amr = (*person.session.amr, *(word for word in PROVED if word not in person.session.amr))
            return self._renewed(catalog, person, visitor, amr)

        result = await self._changed(work)
        return SecondFactorResult(cookies=result.cookies, codes=tuple(codes), problem=result.problem)

    # -- turning it off, and codes anew ----------------------------------------------------------------------------------------------

    async def turn_off(self, person: Person, visitor: Visitor) -> SecondFactorResult:
        """Demand no second step any more; other sessions end, and this one gets another id."""

        def work(catalog: Catalog) -> str:
            catalog.remove_totp(person.user.id)
            return self._renewed(catalog, person, visitor, person.session.amr)

        return await self._changed(work)

    async def renew_codes(self, person: Person) -> tuple[str, ...]:
        """Return fresh recovery codes in place of all earlier ones; none where no second step is demanded any more."""
        user_id, codes = person.user.id, recovery_codes.new_codes()

        def work(catalog: Catalog) -> bool:
            user = catalog.user(user_id)
            if user is None or user.second_factor_at is None:
                return False
            catalog.put_recovery_codes(user_id, [recovery_codes.code_hash(user_id, code) for code in codes])
            return True

        return tuple(codes) if await self._storage.transact(work) else ()

    async def codes_left(self, person: Person) -> int:
        """Return how many recovery codes somebody has not used."""
        codes = await self._storage.look(lambda catalog: catalog.recovery_codes_of(person.user.id))
        return sum(code.used_at is None for code in codes)

    async def _changed(self, work: Callable[[Catalog], str]) -> SecondFactorResult:
        try:
            value = await self._storage.transact(work)
        except Undone:
            return SecondFactorResult(problem=FormProblem.EXPIRED)
        return SecondFactorResult(cookies=(session_cookie(value),))

    def _renewed(self, catalog: Catalog, person: Person, visitor: Visitor, amr: tuple[str, ...] | list[str]) -> str:
        """End all sessions of a person but this one, and return its new id (OWASP ASVS 7.2.4).

        Raises:
            Undone: it has ended meanwhile.
        """
        user = catalog.user(person.user.id)
        value = self._sessions.renew(catalog, user, person.session, amr, visitor) if user is not None else None
        if user is None or value is None:
            raise Undone
        catalog.end_sessions(user.id, digest(value))
        return value

    # -- checking it -----------------------------------------------------------------------------------------------------------------

    async def reserve(self, user: User, visitor: Visitor) -> Proofs:
        """Count a try, on the counter that passwords from this browser count on, or tell for how long none may be made."""
        return await self._gatherer.reserve(user, self._devices.counter(visitor.devices, user))

    async def check(self, user: User, text: str) -> Spend | None:
        """Return what spends a code of a person, be it of their app or a recovery code; ``None`` where it is no code of their app.

        Whether it was used before, and whether a recovery code is one at all, is found out by spending it.
        """
        code = totp.normal_code(text)
        if not totp.is_code(code):
            code_hash = recovery_codes.code_hash(user.id, text)
            return lambda catalog: catalog.spend_recovery_code(user.id, code_hash)
        app = await self._storage.look(lambda catalog: catalog.totp(user.id))
        secret = self._secrets.open(user.id, app.secret_sealed) if app is not None else None
        if app is not None and secret is None:
            _log.warning("the authenticator app of user %s was sealed under another secret key", user.id)
        step = await self._step_of(secret, code) if secret is not None else None
        return None if step is None else lambda catalog: catalog.spend_totp_step(user.id, step)

    async def _step_of(self, secret: str, text: str) -> int | None:
        code = totp.normal_code(text)
        if not totp.is_code(code):
            return None
        return await asyncio.to_thread(totp.step_of, secret, code, self._clock.now())


def blocked(proofs: Proofs) -> SecondFactorResult:
    """Return the result of a try that came too soon."""
    return SecondFactorResult(problem=FormProblem.BLOCKED, minutes=math.ceil((proofs.blocked_in or 0) / 60))
