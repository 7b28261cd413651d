"""What people see and change of their own account."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.browser.devices import Devices
from app.browser.sessions import Sessions
from app.browser.views import Done, FormProblem
from app.browser.visitor import Cookie, Visitor, devices_cookie, session_cookie
from app.core.claims import TITLES
from app.core.clock import Clock
from app.core.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, password_problem
from app.core.secrets import digest
from app.models import Passkey, Session, User
from app.proofs import Gatherer, PasswordPool
from app.storage import Catalog, GrantedApp, Storage

FRESH: Final = timedelta(minutes=10)
"""How long a login is good for changes of what people log in by."""
_LONGEST_TOKEN: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is logged in, and by which session."""

    user: User
    session: Session

    def is_fresh(self, now: datetime, grace: timedelta = timedelta()) -> bool:
        """Whether they logged in just now, so that they may change what they log in by: in the last ten minutes.

        ``grace`` is the time that they may spend over a form that they were given within that.
        """
        return now - self.session.created_at < FRESH + grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything on the account page; sessions begin with this browser's."""

    person: Person
    apps: list[GrantedApp]
    sessions: list[Session]
    recovery_codes: int
    passkeys: list[Passkey]
    titles: Mapping[str, Mapping[str, str]]
    """What each scope means, by language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordResult:
    """What became of a change: cookies for this browser, or a problem."""

    cookies: tuple[Cookie, ...] = ()
    problem: FormProblem | None = None
    minutes: int = 0


class Accounts:
    """Serves people's own pages. Every method may raise ``StorageUnavailable``: then nothing was changed that is not said."""

    def __init__(
        self, storage: Storage, gatherer: Gatherer, pool: PasswordPool, sessions: Sessions, devices: Devices, clock: Clock
    ) -> None:
        self._storage = storage
        self._gatherer = gatherer
        self._pool = pool
        self._sessions = sessions
        self._devices = devices
        self._clock = clock

    async def person(self, visitor: Visitor) -> Person | None:
        """Return who is logged in."""
        return await self._storage.look(lambda catalog: self._person(catalog, visitor))

    def _person(self, catalog: Catalog, visitor: Visitor) -> Person | None:
        found = self._sessions.find(catalog, visitor)
        return Person(user=found[1], session=found[0]) if found is not None else None

    async def overview(self, visitor: Visitor) -> Overview | None:
        """Return what the account page shows, or ``None`` where nobody is logged in; note that somebody was seen."""

        def look(catalog: Catalog) -> Overview | None:
            person = self._person(catalog, visitor)
            if person is None:
                return None
            user_id, this = person.user.id, person.session
            others = [session for session in catalog.sessions_of(user_id) if session.id_hash != this.id_hash]
            return Overview(
                person=person,
                apps=catalog.apps_of(user_id),
                sessions=[this, *others],
                recovery_codes=sum(code.used_at is None for code in catalog.recovery_codes_of(user_id)),
                passkeys=catalog.passkeys_of(user_id),
                titles={**TITLES, **{scope.name: scope.title for scope in catalog.scopes()}},
            )

        found = await self._storage.look(look)
        if found is not None and found.person.session.is_due(self._clock.now()):
            session = found.person.session
            await self._storage.transact(lambda catalog: catalog.touch_session(session))
        return found

    async def change(self, person: Person, button: str, value: str) -> Done | None:
        """Do what a button of the account page says, and return what was done; ``None`` where there was nothing to do."""
        user_id, this = person.user.id, person.session.id_hash

        def work(catalog: Catalog) -> Done | None:
            match button:
                case "revoke":
                    catalog.withdraw_consent(user_id, value)
                    return Done.APP_REVOKED
                case "revoke_all":
                    catalog.withdraw_consents(user_id)
                    return Done.APPS_REVOKED
                case "end_session":
                    return Done.SESSION_ENDED if catalog.end_session(_hash(value), user_id) else None
                case "end_other_sessions":
                    catalog.end_sessions(user_id, this)
                    return Done.SESSIONS_ENDED
            return None

        return await self._storage.transact(work)

    # -- passwords -----------------------------------------------------------------------------------------------------------------

    async def change_password(self, person: Person, current: str, new: str, repeated: str, visitor: Visitor) -> PasswordResult:
        """Change the password of who knows the old one: every other session and everything that apps hold ends.

        The current one is checked first, and counts as a login does: a stolen session must not become an account.
        """
        user = person.user
        proofs = await self._gatherer.prove(user, user.username, current, visitor.address, self._devices.counter(visitor.devices, user))
        if proofs.blocked_in is not None:
            return PasswordResult(problem=FormProblem.BLOCKED, minutes=math.ceil(proofs.blocked_in / 60))
        if not proofs.password_is_right:
            return PasswordResult(problem=FormProblem.WRONG)
        problem = FormProblem.UNCHANGED if new == current else new_password_problem(new, repeated, user)
        if problem is not None:
            return PasswordResult(problem=problem)
        password_hash = await self._pool.hash(new, visitor.address)

        def work(catalog: Catalog) -> tuple[User, str] | None:
            this = person.session
            if catalog.session(this.id_hash) is None:
                return None
            if not catalog.set_password(user.id, password_hash, seen=user.password_hash, keep=this.id_hash):
                return None
            catalog.forget_failures(proofs.attempts)
            changed = catalog.user(user.id)
            value = self._sessions.renew(catalog, changed, this, this.amr, visitor) if changed is not None else None
            return (changed, value) if changed is not None and value is not None else None

        done = await self._storage.transact(work)
        if done is None:
            return PasswordResult(problem=FormProblem.WRONG)
        changed, value = done
        return PasswordResult(cookies=(session_cookie(value), devices_cookie(self._devices.remember(visitor.devices, changed))))

    async def reset_user(self, token: str) -> User | None:
        """Return whose one-time link this is, while it is good."""
        return await self._storage.look(lambda catalog: catalog.password_reset(digest(token[:_LONGEST_TOKEN])))

    async def reset_password(self, user: User, token: str, new: str, repeated: str, visitor: Visitor) -> PasswordResult:
        """Set a password by a one-time link; the problem is EXPIRED where the link was spent meanwhile.

        All other browsers are strangers to the account then. This one is not: whoever goes on guessing must not keep out the person
        who has just set the password.
        """
        problem = new_password_problem(new, repeated, user)
        if problem is not None:
            return PasswordResult(problem=problem)
        password_hash = await self._pool.hash(new, visitor.address)

        def work(catalog: Catalog) -> User | None:
            spent = catalog.reset_password(digest(token[:_LONGEST_TOKEN]), password_hash)
            return catalog.user(spent.id) if spent is not None else None

        changed = await self._storage.transact(work)
        if changed is None:
            return PasswordResult(problem=FormProblem.EXPIRED)
        return PasswordResult(cookies=(devices_cookie(self._devices.remember(visitor.devices, changed)),))


def new_password_problem(new: str, repeated: str, user: User) -> FormProblem | None:
    """Return what is wrong with a new password."""
    if new != repeated:
        return FormProblem.UNEQUAL
    if len(new) < MINIMUM_LENGTH:
        return FormProblem.TOO_SHORT
    if len(new) > MAXIMUM_LENGTH:
        return FormProblem.TOO_LONG
    if password_problem(new) is not None or new.casefold() in {user.username.casefold(), (user.email or "").casefold()}:
        return FormProblem.TOO_COMMON
    return None


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
