"""Logging out: of this browser or of all, by a person's own wish or at that of a client, and which pages of clients hear of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from app.browser.account import Person
from app.browser.seals import Seal
from app.core.causes import Cause
from app.core.clock import Clock
from app.core.redirect_uris import answer_uri, parameter
from app.ledger import StorageUnavailable
from app.messages import Refusal
from app.models import SessionClient
from app.models.record import from_microseconds, to_microseconds
from app.oauth2 import Subjects, session_name
from app.oauth2.end_session import Leaving, check_leaving, named_client
from app.oauth2.jose import BadJwt
from app.proofs import IdTokenHints
from app.storage import Catalog, Storage

STANDARD: Final = "standard"
"""The dialect whose clients log people in and out by OpenID Connect."""
LEAVING_MINUTES: Final = 30
"""How long a person may take to answer whether to log out."""
LEFT_MINUTES: Final = 5
"""How long the page that tells it knows of which session."""
_FRAMES: Final = 40
"""Clients whose pages are loaded at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What has been logged out: everywhere or here alone, at whose wish, and whose pages are to hear of it."""

    everywhere: bool
    leaving: Leaving = field(default_factory=Leaving)
    told: Sequence[tuple[str, str]] = ()
    """Clients, each with the session as it knows it."""


class Logouts:
    """Logs people out. Every method may raise ``StorageUnavailable``: then nothing was changed that is not said."""

    def __init__(
        self, storage: Storage, hints: IdTokenHints, subjects: Subjects, issuer: str, keys: tuple[bytes, bytes], clock: Clock
    ) -> None:
        """Begin; ``keys`` are those of requests that wait for a person's answer, and of what the page after it knows."""
        self._storage = storage
        self._hints = hints
        self._subjects = subjects
        self._issuer = issuer
        self._waiting, self._ended = Seal(keys[0]), Seal(keys[1])
        self._clock = clock

    # -- the wish of a client --------------------------------------------------------------------------------------------------------

    async def read(self, parameters: Mapping[str, str]) -> Leaving:
        """Return what a request to log out means.

        Raises:
            Refusal: it is not in order; nobody is sent anywhere by it.
        """
        sent = {name: value for name, value in parameters.items() if value}
        hint = None
        if "id_token_hint" in sent:
            try:
                hint = await self._hints.read(sent["id_token_hint"])
            except BadJwt as problem:
                raise Refusal(Cause.INVALID_PARAMETER, "The id_token_hint is no ID token of this server.", detail=str(problem)) from None
        client_id = named_client(sent, hint.audience if hint is not None else None)
        leaving = Leaving(
            uri=sent.get("post_logout_redirect_uri"),
            state=sent.get("state"),
            subject=hint.subject if hint is not None else None,
            sid=hint.sid if hint is not None else None,
        )
        return await self._checked(leaving, client_id)

    async def _checked(self, leaving: Leaving, client_id: str | None) -> Leaving:
        if client_id is not None:
            client = await self._storage.look(lambda catalog: catalog.client(client_id))
            leaving = leaving._replace(client=client)
        return check_leaving(leaving, client_id, STANDARD)

    def close(self, leaving: Leaving) -> str:
        """Return a request as a token. It is good in any browser: one that comes from a client's form shows none of our cookies yet."""
        return self._waiting.close(self._closed(leaving), "")

    async def resume(self, token: str) -> Leaving | None:
        """Return the request of a token; ``None`` where it is none of ours, or too old.

        Raises:
            Refusal: it is not in order any more.
        """
        values = self._opened(self._waiting, token, "", timedelta(minutes=LEAVING_MINUTES))
        return await self._checked(_leaving(values), values["c"]) if values is not None else None

    def is_proved(self, leaving: Leaving, person: Person) -> bool:
        """Whether the client has shown that it speaks of this very person and session, so that they need not be asked (§2)."""
        client, sid = leaving.client, person.session.sid
        if client is None or sid is None or leaving.subject is None:
            return False
        return (leaving.subject, leaving.sid) == (self._subjects.of(client, person.user.id), session_name(client.client_id, sid))

    # -- the end ---------------------------------------------------------------------------------------------------------------------

    async def end(self, person: Person, leaving: Leaving, *, everywhere: bool) -> Left:
        """Log out of this browser; or of all, which ends what apps hold as well: somebody else may have let them in."""

        def work(catalog: Catalog) -> list[SessionClient]:
            told = catalog.session_clients(person.session.sid) if person.session.sid is not None else []
            if everywhere:
                catalog.end_sessions(person.user.id)
                catalog.revoke_grants(user_id=person.user.id)
            else:
                catalog.end_session(person.session.id_hash)
            hearing = (one for one in told if (client := catalog.client(one.client_id)) is not None and client.frontchannel_logout_uri)
            return list(hearing)

        told = await self._storage.transact(work)
        return Left(everywhere=everywhere, leaving=leaving, told=[(one.client_id, one.name) for one in told[:_FRAMES]])

    def close_left(self, left: Left, browser: str) -> str:
        """Return what the page that tells it has to know, for this browser."""
        return self._ended.close(self._closed(left.leaving) | {"e": left.everywhere, "f": list(left.told)}, browser)

    async def left(self, token: str, browser: str) -> Left | None:
        """Return what a token of that page knows; ``None`` where it is none of ours, of another browser, or too old."""
        values = self._opened(self._ended, token, browser, timedelta(minutes=LEFT_MINUTES))
        if values is None:
            return None
        try:
            leaving = await self._checked(_leaving(values), values["c"])
        except Refusal:
            leaving = Leaving()
        return Left(everywhere=values["e"], leaving=leaving, told=[(client_id, name) for client_id, name in values["f"]])

    async def frames(self, left: Left) -> list[str]:
        """Return the pages of clients that are loaded, so that these end what they keep in this browser (Front-Channel Logout §3).

        Nobody who has just been logged out is told that something went wrong: without a database there are none.
        """

        def look(catalog: Catalog) -> list[str]:
            found = []
            for client_id, name in left.told:
                client = catalog.client(client_id)
                uri = client.frontchannel_logout_uri if client is not None and client.disabled_at is None else None
                if uri is not None:
                    found.append(answer_uri(uri, [parameter("iss", self._issuer), parameter("sid", name)]))
            return found

        try:
            return await self._storage.look(look) if left.told else []
        except StorageUnavailable:
            return []

    # -- tokens ----------------------------------------------------------------------------------------------------------------------

    def _closed(self, leaving: Leaving) -> dict[str, Any]:
        client_id = leaving.client.client_id if leaving.client is not None else None
        moment = to_microseconds(self._clock.now())
        return {"c": client_id, "u": leaving.uri, "s": leaving.state, "p": leaving.subject, "i": leaving.sid, "t": moment}

    def _opened(self, seal: Seal, token: str, browser: str, lasts: timedelta) -> dict[str, Any] | None:
        values = seal.open(token, browser)
        at: datetime | None = from_microseconds(values["t"]) if values is not None else None
        return values if at is not None and at <= self._clock.now() < at + lasts else None


def _leaving(values: Mapping[str, Any]) -> Leaving:
    return Leaving(uri=values["u"], state=values["s"], subject=values["p"], sid=values["i"])
