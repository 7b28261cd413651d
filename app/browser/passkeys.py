"""Passkeys: asking for them, taking them for a login, keeping them.

A challenge is signed, for one browser, one purpose and five minutes, and kept nowhere. What it is answered with is still good once: an
answer is taken only if its challenge is younger than the passkey's last use.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.browser.account import Person
from app.browser.ceremonies import (
    TIMEOUT,
    Answer,
    LateAnswer,
    RelyingParty,
    UnsoundAnswer,
    check_made,
    check_used,
    creation_options,
    read_answer,
    request_options,
)
from app.browser.seals import Seal
from app.browser.second_factor import Spend
from app.browser.user_agents import describe
from app.browser.visitor import Visitor
from app.core.clock import Clock
from app.core.secrets import new_id
from app.models import Passkey, User
from app.models.record import from_microseconds, to_microseconds
from app.storage import Catalog, Storage

MAXIMUM: Final = 20
"""Passkeys of one person."""
_LONGEST_NAME: Final = 80
_LOGIN, _CREATION = "get", "create"


class Challenges:
    """Makes challenges and knows them again."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._seal = Seal(key)
        self._clock = clock

    def make(self, purpose: str, browser: str, session: bytes = b"") -> str:
        """Return a challenge for one browser and purpose, and for the session in which it may be answered."""
        values = {"p": purpose, "s": session.hex(), "n": new_id(), "t": to_microseconds(self._clock.now())}
        return self._seal.close(values, browser)

    def made_at(self, challenge: str, purpose: str, browser: str, session: bytes = b"") -> datetime:
        """Return when a challenge was made.

        Raises:
            UnsoundAnswer: it is none of ours, or for another browser, purpose or session.
            LateAnswer: it is too old.
        """
        values = self._seal.open(challenge, browser)
        if values is None or (values.get("p"), values.get("s")) != (purpose, session.hex()):
            raise UnsoundAnswer("the challenge is none of ours, or was made for something else")
        at = from_microseconds(values["t"])
        if not at <= self._clock.now() < at + timedelta(seconds=TIMEOUT):
            raise LateAnswer("the challenge is too old")
        return at


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyLogin:
    """Who somebody is by their passkey: the words of RFC 8176 for it, and what spends the use."""

    user: User
    amr: tuple[str, ...]
    spend: Spend


class Passkeys:
    """Serves passkeys. Every method may raise ``StorageUnavailable``: then nothing was changed that is not said."""

    def __init__(self, storage: Storage, party: RelyingParty | None, key: bytes, clock: Clock) -> None:
        """Serve them for a relying party, or none at all where there can be none."""
        self._storage = storage
        self._party = party
        self._challenges = Challenges(key, clock)
        self._clock = clock

    # -- logging in ------------------------------------------------------------------------------------------------------------------

    def login_options(self, visitor: Visitor) -> str | None:
        """Return what a login page asks the browser for."""
        return request_options(self._party, self._challenges.make(_LOGIN, visitor.browser or "")) if self._party is not None else None

    async def check(self, text: str, visitor: Visitor) -> PasskeyLogin:
        """Return who somebody proves to be.

        Raises:
            UnsoundAnswer: nobody; what was wrong is for the log alone.
            LateAnswer: perhaps somebody, who may try again.
        """
        party, answer = self._read(text)
        made_at = self._challenges.made_at(answer.challenge, _LOGIN, visitor.browser or "")
        found = await self._storage.look(lambda catalog: catalog.passkey(answer.credential_id))
        if found is None:
            raise UnsoundAnswer("there is no such passkey, or its person is disabled")
        seen, user = found
        if seen.last_used_at is not None and seen.last_used_at >= made_at:
            raise LateAnswer("the passkey was used since the challenge was made")
        used = await asyncio.to_thread(check_used, party, answer, seen)

        def spend(catalog: Catalog) -> bool:
            still = catalog.passkey(seen.credential_id)
            return still is not None and still[0] == seen and catalog.use_passkey(seen, used.sign_count)

        return PasskeyLogin(user=user, amr=("swk" if used.is_synced else "hwk", "user", "mfa"), spend=spend)

    # -- keeping them ------------------------------------------------------------------------------------------------------------------

    async def of(self, person: Person) -> list[Passkey]:
        """Return somebody's passkeys, the oldest first."""
        return await self._storage.look(lambda catalog: catalog.passkeys_of(person.user.id))

    def creation_options(self, person: Person, known: list[Passkey], visitor: Visitor) -> str | None:
        """Return what the page asks the browser for to add one; ``None`` where no more can be added."""
        if self._party is None or len(known) >= MAXIMUM:
            return None
        challenge = self._challenges.make(_CREATION, visitor.browser or "", person.session.id_hash)
        return creation_options(self._party, challenge, person.user, known)

    async def add(self, person: Person, name: str, text: str, visitor: Visitor) -> None:
        """Keep a passkey that somebody has just made.

        Raises:
            UnsoundAnswer: it cannot be used, is known already, or there are too many.
            LateAnswer: the person took too long, and may try again.
        """
        party, answer = self._read(text)
        self._challenges.made_at(answer.challenge, _CREATION, visitor.browser or "", person.session.id_hash)
        made = await asyncio.to_thread(check_made, party, answer)
        passkey = Passkey(
            credential_id=made.credential_id,
            user_id=person.user.id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            name=_name(name, visitor.user_agent or ""),
            transports=made.transports,
            created_at=self._clock.now(),
        )

        def work(catalog: Catalog) -> bool:
            is_there = catalog.session(person.session.id_hash) is not None
            return is_there and len(catalog.passkeys_of(person.user.id)) < MAXIMUM and catalog.add_passkey(passkey)

        if not await self._storage.transact(work):
            raise UnsoundAnswer("the passkey is known already, there are too many, or the session has ended")

    async def remove(self, person: Person, credential_id: str) -> bool:
        """Forget a passkey by its id in hexadecimal, and say whether it was there."""
        try:
            raw = bytes.fromhex(credential_id)
        except ValueError:
            return False
        return await self._storage.transact(lambda catalog: catalog.remove_passkey(person.user.id, raw))

    def _read(self, text: str) -> tuple[RelyingParty, Answer]:
        if self._party is None:
            raise UnsoundAnswer("there are no passkeys for an issuer at an address")
        return self._party, read_answer(text)


def _name(text: str, user_agent: str) -> str:
    """Return what a passkey is called: what somebody typed, or the browser and system that it was made with."""
    typed = " ".join("".join(character for character in text if character.isprintable()).split())[:_LONGEST_NAME].strip()
    return typed or " · ".join(filter(None, describe(user_agent))) or "Passkey"
