"""What the engine and the storage say to each other: needs, facts, writes and the receipt.

One exchange loads once and commits once. A need starts at a key that the request names and follows fixed joins; the facts are what was
found; the writes are a list that wins or loses as a whole; the receipt says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from app.models import Attempt, AuthorizationCode, Client, Consent, Grant, Resource, Session, Shop, Token, UsedAssertion, User

Presented = TypeVar("Presented", AuthorizationCode, Token)


class StorageUnavailable(Exception):  # noqa: N818 (a state, not an error of the program)
    """The database cannot be reached, is too slow, or too many requests wait for it. The caller answers 503.

    After a commit it means that the outcome is unknown: nothing may be answered that relies on it.
    """


class WriteRefused(Exception):  # noqa: N818
    """The database refused these writes for what they are (a value it cannot hold). No other entry of the batch is touched."""


@dataclass(slots=True)
class Needs:
    """The keys from which a request's facts are found; ``None`` and empty mean not needed.

    ``client_id``: the client, with its secrets. ``shop``: the partner's code of a shop, looked up in that client's dialect and only
    among the shops granted to it. ``code_hash``, ``token_hash``, ``bearer_hash``: an authorization code, a presented token, and a token
    presented as Bearer, each with its grant, client, user and shop. ``login``: a user by the normalised user name or e-mail address.
    ``attempts``: failure counters. ``resources``: resources by their URIs.
    """

    client_id: str | None = None
    shop: str | None = None
    code_hash: bytes | None = None
    token_hash: bytes | None = None
    bearer_hash: bytes | None = None
    login: str | None = None
    attempts: tuple[bytes, ...] = ()
    resources: tuple[str, ...] = ()

    @property
    def is_of_client_alone(self) -> bool:
        """Whether nothing but a client and its failure counters is needed."""
        if self.resources:
            return False
        return self.shop is None and self.code_hash is None and self.token_hash is None and self.bearer_hash is None and self.login is None


@dataclass(slots=True)
class Held(Generic[Presented]):
    """A code or token that was found by its digest, and what it stands on.

    ``client`` is ``None`` only where the client was removed; ``shop`` is the grant's, where it is still granted to the client.
    ``successor_used`` tells of a rotated refresh token whether its successor was rotated too, so that it is no longer the immediate
    predecessor.
    """

    record: Presented
    grant: Grant
    client: Client | None
    user: User | None = None
    shop: Shop | None = None
    successor_used: bool = False


@dataclass(slots=True)
class Facts:
    """What was found for the needs; a shop is here only if it is granted to the client and enabled.

    ``remembered`` tells that the client comes from memory and that no counter was read: whoever allows something on the strength of it
    says so in the writes (``relies_on``), and whoever refuses decides again over loaded facts.
    """

    client: Client | None = None
    shop: Shop | None = None
    code: Held[AuthorizationCode] | None = None
    token: Held[Token] | None = None
    bearer: Held[Token] | None = None
    user: User | None = None
    attempts: Mapping[bytes, Attempt] = field(default_factory=dict)
    remembered: bool = False
    resources: Mapping[str, Resource] = field(default_factory=dict)


class Reliance(NamedTuple):
    """What must still be true when an entry is written: the client's version, and that a counter begun after ``since`` is below."""

    client_id: str
    version: int
    key: bytes | None
    below: int
    since: datetime


@dataclass(slots=True, kw_only=True)
class Visit:
    """What was found for a browser that asks for authorization.

    ``client`` is the one that the request names. ``session`` and ``user`` are those of the browser's cookie. ``consent`` is what the
    user allowed the client before. ``shops`` are those that the user manages and the client may act for, enabled, by their codes.
    ``is_told`` tells that the client hears of the session's end already. ``resources`` are those that the request names, by their URIs.
    """

    client: Client | None = None
    session: Session | None = None
    user: User | None = None
    consent: Consent | None = None
    shops: tuple[Shop, ...] = ()
    is_told: bool = False
    resources: Mapping[str, Resource] = field(default_factory=dict)


@dataclass(slots=True)
class Spend:
    """The guard of an entry: mark a code (or refresh token) used, if it is not. Losing it loses the whole entry."""

    record: AuthorizationCode | Token
    successor_hash: bytes | None = None
    successor_sealed: bytes | None = None


@dataclass(slots=True)
class Writes:
    """One entry of a batch: it wins or loses as a whole, and its insertions happen only if its guard wins.

    ``at`` is the moment that every stamp carries. ``once`` is an assertion that is used with this entry: where it was used before, the
    entry loses, and where the entry loses to its ``spend``, the assertion is used all the same. ``relies_on`` is checked in the same
    statement; an entry that relies on what is not so any more loses. ``revoke_grants`` ends families; ``revoke_access_of`` ends the
    access tokens that a family has at that moment; ``revoke_tokens`` ends single tokens. ``extend`` moves the end of tokens; ``touch``
    notes the use of refresh tokens. ``count`` adds one failure to each counter, whose window is ``window``; ``forget`` clears counters.
    """

    at: datetime
    spend: Spend | None = None
    once: UsedAssertion | None = None
    relies_on: Reliance | None = None
    grants: list[Grant] = field(default_factory=list)
    codes: list[AuthorizationCode] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    revoke_grants: list[str] = field(default_factory=list)
    revoke_access_of: list[str] = field(default_factory=list)
    revoke_tokens: list[Token] = field(default_factory=list)
    extend: list[tuple[Token, datetime]] = field(default_factory=list)
    touch: list[Token] = field(default_factory=list)
    count: list[bytes] = field(default_factory=list)
    forget: list[bytes] = field(default_factory=list)
    window: timedelta = timedelta(minutes=15)

    def __bool__(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.tokens or self.grants or self.codes or not self.only_inserts)

    @property
    def only_inserts(self) -> bool:
        """Whether nothing that is there already is touched."""
        return not (
            self.spend
            or self.once
            or self.revoke_grants
            or self.revoke_access_of
            or self.revoke_tokens
            or self.extend
            or self.touch
            or self.count
            or self.forget
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an entry.

    ``won`` is false only where its spend found the record used, where it relied on what was not so, or where its assertion had been
    used, which ``is_repeated`` tells; then nothing of it was written.

    ``attempts`` holds the counters of ``count`` as they stand after this entry and before any later one.
    """

    won: bool = True
    is_repeated: bool = False
    attempts: Mapping[bytes, Attempt] = field(default_factory=dict)
