"""All pages for people: their routes, and what they work with once the application starts."""

from collections.abc import Callable, Iterator, Mapping

from fastapi import APIRouter

from app.browser.account import Accounts
from app.browser.authorization import Authorization
from app.browser.ceremonies import relying_party
from app.browser.devices import Devices
from app.browser.half_logins import HalfLogins
from app.browser.login import Factors, Logins
from app.browser.logout import Logouts
from app.browser.passkeys import Passkeys
from app.browser.second_factor import Keys, SecondFactors
from app.browser.sessions import SessionLimits, Sessions
from app.core.clock import Clock
from app.dialects import AuthorizationDoor
from app.oauth2 import AuthorizationServer
from app.proofs import Gatherer, IdTokenHints, Minter, PasswordPool
from app.routers.account import AccountPages
from app.routers.authorization import AuthorizationPages
from app.routers.desk import Desk
from app.routers.login import LoginPages
from app.routers.logout import LogoutPages
from app.routers.passkeys import PasskeyPages
from app.routers.second_factor import SecondFactorPages
from app.storage import Storage


class People:
    """Serves people. ``service`` is what the pages call it, also to authenticators."""

    def __init__(self, desk: Desk, doors: Mapping[str, AuthorizationDoor], *, issuer: str, service: str) -> None:
        self.hints: IdTokenHints
        self.minter: Minter
        self._desk = desk
        self._issuer = issuer
        self._service = service
        self._authorization = AuthorizationPages(desk, doors)
        self._login = LoginPages(desk, self._authorization)
        self._logout = LogoutPages(desk)
        self._account = AccountPages(desk)
        self._second_factor = SecondFactorPages(desk, self._account)
        self._passkeys = PasskeyPages(desk, self._account)

    def routers(self) -> Iterator[APIRouter]:
        """Yield the routes."""
        for pages in (self._authorization, self._login, self._logout, self._account, self._second_factor, self._passkeys):
            yield pages.router()

    def open(
        self,
        storage: Storage,
        engine: AuthorizationServer,
        gatherer: Gatherer,
        pool: PasswordPool,
        keys: Callable[[bytes], bytes],
        limits: SessionLimits,
        clock: Clock,
    ) -> None:
        """Begin to serve over an open storage; ``keys`` gives a key for each purpose."""
        self._desk.open(keys)
        sessions, devices = Sessions(clock, limits), Devices(keys(b"devices"))
        self._authorization.authorization = Authorization(storage, engine, sessions, self.hints, self.minter, clock)
        accounts = Accounts(storage, gatherer, pool, sessions, devices, clock)
        self._account.accounts = self._login.accounts = self._logout.accounts = accounts
        ends = keys(b"logout"), keys(b"logged-out")
        self._logout.logouts = Logouts(storage, self.hints, engine.subjects, self._issuer, ends, clock)
        sealing = Keys(stored=keys(b"totp"), waiting=keys(b"totp-setup"))
        second = SecondFactors(storage, gatherer, sessions, devices, sealing, clock, self._service)
        passkeys = Passkeys(storage, relying_party(self._issuer, self._service), keys(b"passkeys"), clock)
        factors = Factors(second=second, halves=HalfLogins(keys(b"half-logins")), passkeys=passkeys)
        self._second_factor.second_factors, self._passkeys.passkeys = second, passkeys
        self._login.logins = Logins(storage, gatherer, sessions, devices, factors, clock)
