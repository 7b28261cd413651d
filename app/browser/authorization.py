"""The authorization endpoint for a browser: look once, decide once, write before the browser is sent away."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from app.browser.sessions import Sessions
from app.browser.visitor import Visitor
from app.core.causes import Cause
from app.core.claims import TITLES
from app.core.clock import Clock
from app.core.policy import ShopRule
from app.core.resources import sought
from app.dialects import AuthorizationReading
from app.ledger import Visit, Writes
from app.messages import Ask, AuthorizationRequest, Decided, Decision, ErrorPage, Redirect, Refusal, Step
from app.models import SessionClient
from app.oauth2 import AuthorizationServer, session_name
from app.oauth2.jose import BadJwt
from app.proofs import IdTokenHints, Minter
from app.storage import Catalog, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answered on the consent page; ``was_shown`` tells whether that page had shown what would be asked now."""

    approved: bool
    shop: str | None
    was_shown: Callable[[Ask], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A request and what was decided about it."""

    message: AuthorizationRequest
    visit: Visit
    decided: Decided


class Authorization:
    """Decides authorization requests over what is known of the browser."""

    def __init__(
        self, storage: Storage, engine: AuthorizationServer, sessions: Sessions, hints: IdTokenHints, minter: Minter, clock: Clock
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._sessions = sessions
        self._hints = hints
        self._minter = minter
        self._clock = clock

    async def settle(
        self, reading: AuthorizationReading, visitor: Visitor, asked_at: datetime | None, answer: Answer | None = None
    ) -> Considered:
        """Decide a request; what it writes is durable when this returns.

        Raises:
            StorageUnavailable: nothing was sent, and nobody may be told that anything was issued.
        """
        considered, writes = await self._consider(reading, visitor, asked_at, answer)
        if writes:
            await self._storage.commit(writes)
        if not isinstance(considered.decided, ErrorPage) and not await self._remember(considered.decided, considered.visit, writes):
            # The session has ended meanwhile, perhaps before it could end what was granted in it just now.
            await self._storage.commit(Writes(self._clock.now(), revoke_grants=[grant.id for grant in writes.grants]))
            considered, writes = await self._consider(reading, visitor, asked_at, answer)
            if writes:
                await self._storage.commit(writes)
        decided = considered.decided
        if isinstance(decided, Redirect) and decided.is_unsigned:
            minted = await self._minter.mint(dict(decided.members))
            decided = replace(decided, members=tuple((name, str(value)) for name, value in minted.items()))
        return replace(considered, decided=decided)

    async def foresee(self, reading: AuthorizationReading, visitor: Visitor, asked_at: datetime | None) -> Considered:
        """Tell what would be decided, and write nothing.

        Raises:
            StorageUnavailable: there is no database.
        """
        considered, _ = await self._consider(reading, visitor, asked_at, None)
        return considered

    async def withdraw(self, reading: AuthorizationReading, visitor: Visitor) -> Considered:
        """Tell what the client is told of a person who does not go on.

        Raises:
            StorageUnavailable: there is no database.
        """
        message, visit = await self._storage.look(lambda catalog: self._look(catalog, reading, visitor))
        return Considered(message=message, visit=visit, decided=self._engine.withdraw(message, visit, self._clock.now()))

    async def _consider(
        self, reading: AuthorizationReading, visitor: Visitor, asked_at: datetime | None, answer: Answer | None
    ) -> tuple[Considered, Writes]:
        message, visit = await self._storage.look(lambda catalog: self._look(catalog, reading, visitor))
        message.asked_at, message.address = asked_at, visitor.address
        await self._read_hint(message, visit)
        decision = self._decision(message, visit, answer) if answer is not None else None
        decided, writes = self._engine.authorize(message, visit, decision, self._clock.now())
        return Considered(message=message, visit=visit, decided=decided), writes

    async def _read_hint(self, message: AuthorizationRequest, visit: Visit) -> None:
        """Read whom an ``id_token_hint`` names; one that is none, or another client's, is refused (OpenID Connect Core §3.1.2.1).

        Raises:
            StorageUnavailable: there is no database, and the keys are not known yet.
        """
        text = message.parameters.get("id_token_hint")
        if text is None or visit.client is None or message.refusal is not None:
            return
        try:
            hint = await self._hints.read(text)
        except BadJwt as bad:
            message.refusal = Refusal(Cause.INVALID_PARAMETER, "The id_token_hint is no ID token of this issuer.", detail=str(bad))
            return
        if visit.client.client_id not in hint.audience:
            message.refusal = Refusal(Cause.INVALID_PARAMETER, "The id_token_hint was issued to another client.")
        message.subject = hint.subject

    async def titles(self, scopes: Iterable[str], language: str) -> Mapping[str, str]:
        """Return what scopes mean, in plain words of a language where an operator has given some, or the standard has.

        Raises:
            StorageUnavailable: there is no database.
        """
        known = {scope.name: scope.title for scope in await self._storage.look(lambda catalog: catalog.scopes())}
        return {name: known.get(name, {}).get(language) or TITLES.get(name, {}).get(language) or name for name in scopes}

    def _look(self, catalog: Catalog, reading: AuthorizationReading, visitor: Visitor) -> tuple[AuthorizationRequest, Visit]:
        client = catalog.client(reading.client_id) if reading.client_id is not None else None
        message = reading.choose(client)
        resources = catalog.resources_among(sought(message.parameters.get("resource", "")))
        found = self._sessions.find(catalog, visitor)
        if found is None or client is None:
            return message, Visit(client=client, resources=resources)
        session, user = found
        picks = message.policy.shop is ShopRule.PICKED
        shops = tuple(catalog.managed_shops(user.id, client.client_id)) if picks else ()
        consent = catalog.consent(user.id, client.client_id)
        name = session_name(client.client_id, session.sid) if session.sid is not None and client.hears_of_logout else None
        is_told = name is not None and catalog.session_client(name) is not None
        return message, Visit(client=client, session=session, user=user, consent=consent, shops=shops, is_told=is_told, resources=resources)

    def _decision(self, message: AuthorizationRequest, visit: Visit, answer: Answer) -> Decision:
        """Return the person's decision on what would be asked now, or one on nothing where they saw something else.

        What they allowed meanwhile in another tab does not answer for this one: they may have refused here.
        """
        asked, _ = self._engine.authorize(message, replace(visit, consent=None), None, self._clock.now())
        if not isinstance(asked, Ask) or asked.step is not Step.CONSENT or not answer.was_shown(asked):
            return Decision(approved=False, user_id="", scopes=())
        return asked.answered(approved=answer.approved, shop=answer.shop)

    async def _remember(self, decided: Ask | Redirect, visit: Visit, writes: Writes) -> bool:
        """Keep the consent, and which client is to hear of the session's end, and note that somebody was seen.

        False means that nothing of it was done, for the session in which something was granted has ended.
        """
        consent = decided.consent if isinstance(decided, Redirect) else None
        session = visit.session
        told = _told(visit, writes)
        is_due = session is not None and session.is_due(self._clock.now())
        is_granted = any(grant.sid is not None for grant in writes.grants)
        if consent is None and not is_granted and not is_due:
            return True

        def write(catalog: Catalog) -> bool:
            if session is not None and is_granted and not catalog.goes_on(session):
                return False
            if told is not None:
                catalog.note_session_client(told)
            if consent is not None:
                catalog.put_consent(consent.user_id, consent.client_id, consent.scope)
            if session is not None and is_due:
                catalog.touch_session(session)
            return True

        return await self._storage.transact(write)


def _told(visit: Visit, writes: Writes) -> SessionClient | None:
    """Return the client that is to hear of the session's end from now on, where something is granted to it in the session."""
    client, session = visit.client, visit.session
    sid = writes.grants[-1].sid if writes.grants else None
    if client is None or session is None or sid is None or visit.is_told or not client.hears_of_logout:
        return None
    name = session_name(client.client_id, sid)
    return SessionClient(name=name, sid=sid, client_id=client.client_id, user_id=session.user_id, expires_at=session.expires_at)
