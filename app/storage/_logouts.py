"""The catalogue's logouts: which clients a session was used for, what its end means to them, and what they are still to be told."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from app.core.claims import OFFLINE_ACCESS
from app.core.scopes import scopes_of
from app.core.secrets import new_id
from app.models import Client, Grant, LogoutNotice, Session, SessionClient
from app.storage._shelf import Shelf, first


class Logouts(Shelf):
    """What belongs to sessions, and ends with them."""

    has_notices = False
    """Whether somebody is to be told of what was done here."""

    def session_clients(self, sid: str) -> list[SessionClient]:
        """Return the clients that are told when a session ends."""
        return self._rows.find(SessionClient, sid=sid, order_by=["client_id"])

    def session_client(self, name: str) -> SessionClient | None:
        """Return the client that knows a session under this name."""
        return first(self._rows.find(SessionClient, name=name))

    def goes_on(self, session: Session) -> bool:
        """Whether a session has not been ended, whatever its id has become."""
        return bool(self._rows.find(Session, user_id=session.user_id, sid=session.sid))

    def note_session_client(self, client: SessionClient) -> None:
        """Note that a client is to be told when a session ends, which must go on."""
        self._put(client, name=client.name)

    def _hand_on(self, sid: str, expires_at: datetime) -> None:
        """Let what belongs to a session belong to the one that goes on in its place."""
        self._rows.change(SessionClient, {"expires_at": expires_at}, sid=sid)

    def _end_what_belongs_to(self, sessions: Collection[Session]) -> None:
        """Tell the clients of sessions that these have ended, and end what was granted for as long as they last.

        That is what came without ``offline_access`` (OpenID Connect Back-Channel Logout §2.7).
        """
        sids = [session.sid for session in sessions if session.sid is not None]
        if not sids:
            return
        told = self._rows.find(SessionClient, sid=sids, order_by=["client_id"])
        self._rows.remove(SessionClient, sid=sids)
        clients = self._rows.find(Client, client_id=sorted({one.client_id for one in told})) if told else []
        hearing = {client.client_id for client in clients if client.backchannel_logout_uri and client.disabled_at is None}
        for one in told:
            if one.client_id in hearing:
                self._add_notice(one)
        granted = self._rows.find(Grant, user_id=sorted({session.user_id for session in sessions}), sid=sids, revoked_at=None)
        bound = [grant.id for grant in granted if OFFLINE_ACCESS not in scopes_of(grant.scope)]
        if bound:
            self._rows.change(Grant, {"revoked_at": self._clock.now()}, id=bound, revoked_at=None)

    # -- what clients are still to be told -------------------------------------------------------------------------------------------

    def _add_notice(self, told: SessionClient) -> None:
        now = self._clock.now()
        notice = LogoutNotice(
            id=new_id(), client_id=told.client_id, user_id=told.user_id, name=told.name, created_at=now, due_at=now, tries=0
        )
        self._rows.insert(notice)
        self.has_notices = True

    def next_notice_at(self) -> datetime | None:
        """Return when the next client is to be told, ``None`` where none is."""
        notice = first(self._rows.find(LogoutNotice, order_by=["due_at"], limit=1))
        return notice.due_at if notice is not None else None

    def take_notices(self, most: int, each: int, under_way: Mapping[str, int], lease: timedelta, after: str = "") -> list[LogoutNotice]:
        """Take on up to ``most`` notices that are due, so that nobody else does before the lease is over.

        Of one client there are at most ``each`` under way here, and clients come by turns, those behind ``after`` first: one that does
        not answer holds up no other, however much it is to be told.
        """
        now, taken = self._clock.now(), list[LogoutNotice]()
        for client_id in sorted(self._waiting_clients(now), key=lambda client_id: (client_id <= after, client_id)):
            free = min(each - under_way.get(client_id, 0), most - len(taken))
            for notice in self._rows.find(LogoutNotice, client_id=client_id, order_by=["due_at"], limit=free) if free > 0 else ():
                if notice.due_at <= now:
                    mine = replace(notice, due_at=now + lease, tries=notice.tries + 1)
                    self._rows.change(LogoutNotice, {"due_at": mine.due_at, "tries": mine.tries}, id=notice.id)
                    taken.append(mine)
        return taken

    def _waiting_clients(self, now: datetime) -> Iterator[str]:
        """Yield the clients for whom something is due: each costs one look into the index, whatever waits for it."""
        last = ""
        while notice := first(self._rows.find(LogoutNotice, after=("client_id", last), order_by=["client_id", "due_at"], limit=1)):
            last = notice.client_id
            if notice.due_at <= now:
                yield last

    def put_off_notice(self, notice: LogoutNotice, due_at: datetime) -> None:
        """Let a notice be tried again; not where somebody else has taken it on meanwhile."""
        self._rows.change(LogoutNotice, {"due_at": due_at}, id=notice.id, tries=notice.tries)

    def remove_notice(self, notice: LogoutNotice) -> None:
        """Forget a notice: the client was told, or is never told."""
        self._rows.remove(LogoutNotice, id=notice.id)
