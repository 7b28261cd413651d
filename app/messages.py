"""What the wire and the engine say to each other: a request in RFC words, and its outcome.

Machines ask for tokens by a :class:`Request` and are told an :class:`Outcome`. A browser brings an :class:`AuthorizationRequest`, and
what was decided of it is an :class:`ErrorPage`, a :class:`Redirect` or an :class:`Ask`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

from app.core.causes import STANDARD_ANSWERS, Cause
from app.core.policy import Policy
from app.core.redirect_uris import answer_uri, parameter
from app.models import Client, Consent, Shop, User


class Refusal(Exception):  # noqa: N818 (an answer, not an error of the program)
    """A request is refused.

    ``cause`` decides the answer. ``description`` is for the client's developer (printable ASCII without quotes and backslashes, and
    never a value that was sent); ``detail`` is for the operator's log only. ``retry_in`` is in seconds. ``allow`` lists the methods
    of a door that was asked with another.
    """

    def __init__(
        self,
        cause: Cause,
        description: str | None = None,
        *,
        detail: str | None = None,
        retry_in: int | None = None,
        allow: str | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.description = description or STANDARD_ANSWERS[cause].description
        self.detail = detail
        self.retry_in = retry_in
        self.allow = allow

    def settled(self) -> "Refusal":
        """Return the refusal without the way it came.

        A stored traceback holds the frames of the request, and they hold the outcome that holds the refusal: such a ring keeps whole
        bodies until the collector comes by.
        """
        self.__context__ = None
        return self.with_traceback(None)


class Endpoint(StrEnum):
    """What a door is for."""

    AUTHORIZATION = "authorization"
    TOKEN = "token"
    INTROSPECTION = "introspection"
    REVOCATION = "revocation"
    USERINFO = "userinfo"


CLIENT_ASSERTION: Final = "client_assertion"
"""How a client authenticates that brings a JWT: by ``private_key_jwt`` or ``client_secret_jwt``, whichever it is registered for."""


class Credentials(NamedTuple):
    """How the client names itself (RFC 6749 §2.3), as the request says it."""

    client_id: str | None = None
    client_secret: str | None = None
    method: str = "none"
    """``client_secret_basic``, ``client_secret_post``, ``client_assertion`` or ``none``."""
    assertion: str | None = None
    """A JWT that the client has signed to prove itself (RFC 7523 §2.2); until somebody has checked it, a stranger's word."""
    paths: tuple[str, ...] = ()
    """With an assertion: the paths of the doors that it may be addressed to."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request as one dialect reads it, in the words of the RFCs.

    ``grant_type`` is the engine's grant, ``registered_grant`` the dialect's word for it, which a client's registration lists;
    ``refresh_grant`` is the dialect's word for the refresh token grant. ``is_spoken`` is false where the grant exists at this door, but
    in another dialect than this one. ``parameters`` holds only what was sent and is not empty. ``required`` maps the parameters without
    which the grant cannot be asked for to their names on the wire; ``invalid`` is the name on the wire of one whose value has not the
    form the dialect demands. ``accepts_anonymous``: a public client may be known by its code or refresh token alone.
    ``serves_public_clients``: whether clients without a secret are served at all. ``authenticates_by_bearer``: a presented access token
    stands for the client. ``wants_jwt``: the answer is to be signed (RFC 9701 §4).
    """

    endpoint: Endpoint
    dialect: str
    grant_type: str = ""
    registered_grant: str = ""
    parameters: Mapping[str, str]
    required: Mapping[str, str] = field(default_factory=dict)
    invalid: str | None = None
    credentials: Credentials = Credentials()
    bearer: str | None = None
    policy: Policy = Policy()
    refresh_grant: str = "refresh_token"
    is_spoken: bool = True
    accepts_anonymous: bool = False
    serves_public_clients: bool = True
    authenticates_by_bearer: bool = False
    address: str = ""
    wants_jwt: bool = False


@dataclass(slots=True)
class Proofs:
    """What was found out between load and decision.

    ``password_is_right`` is ``None`` where no password was checked; ``blocked_in`` are the seconds until another may be tried;
    ``attempts`` are the counters that a success clears. ``client_keys`` are those by which the client's assertion is checked, as JWKs;
    ``assertion_is_used`` tells that an earlier try of the same exchange has written down its use. ``jwt_is_ours``: the presented
    token is a JWT that this server has signed.
    """

    password_is_right: bool | None = None
    blocked_in: int | None = None
    attempts: tuple[bytes, ...] = ()
    client_keys: Sequence[Mapping[str, Any]] = ()
    assertion_is_used: bool = False
    jwt_is_ours: bool = False


class Unsigned(NamedTuple):
    """A token that is decided and not signed yet: what it holds, and the algorithm that signs it (RFC 7519).

    ``typ`` is the type in its header (RFC 8725 §3.11). ``hashes`` are claims that hold the hash of another member of the answer, each
    with the name of that member: ``at_hash`` of an access token that may itself be unsigned yet.
    """

    typ: str
    algorithm: str
    claims: Mapping[str, object]
    hashes: Sequence[tuple[str, str]] = ()


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the engine decided.

    ``members`` are the answer's values by their RFC names (``expires_at`` is a datetime); ``refusal`` is set where there is no
    success. ``client`` is the authenticated client, whose options shape the answer. ``is_unsigned`` tells that some of the members are
    signed before they are sent; with a ``media_type`` the member ``token`` is the whole answer. ``user_id``, ``shop`` and ``replayed``
    are for the log.
    """

    members: Mapping[str, object] = field(default_factory=dict)
    refusal: Refusal | None = None
    client: Client | None = None
    user_id: str | None = None
    shop: str | None = None
    replayed: bool = False
    is_unsigned: bool = False
    media_type: str | None = None

    def render_token(self) -> bytes | None:
        """Return the answer that is one token, ``None`` where it is none."""
        return str(self.members["token"]).encode("ascii") if self.media_type is not None else None


class ResponseType(NamedTuple):
    """A ``response_type`` of an authorization door: the engine's grant behind it, the dialect's word for that grant, its policies.

    ``registered_grants`` are the dialect's words for all grants that a client must be registered for. ``modes`` are the ways in which
    answers may travel, the usual one first.
    """

    grant_type: str
    registered_grant: str
    policy: Policy
    policy_with_shop: Policy
    registered_grants: tuple[str, ...]
    modes: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class AuthorizationRequest(Request):
    """An authorization request (RFC 6749 §4.1.1, §4.2.1) as the client's dialect reads it.

    ``response_types`` are those of the door, the first of them the default for answers to a request that names none. ``policy`` is the
    one of the response type without a shop. ``state`` is kept as the pair that was sent, percent-encoding and all, so that it returns
    byte for byte. ``refusal`` is what is wrong with the parameters as such (one is sent twice, or is not text); where ``is_certain``,
    the client and its redirect URI can be relied on nevertheless.

    ``asked_at`` is when the browser first came with the request, ``None`` for now: ``prompt=login`` and ``max_age`` are met by a login
    since. ``subject`` is the one whom a verified ``id_token_hint`` names, as this client knows them.
    """

    response_types: Mapping[str, ResponseType]
    state: str | None = None
    refusal: Refusal | None = None
    is_certain: bool = True
    asked_at: datetime | None = None
    subject: str | None = None

    @property
    def response_type(self) -> str:
        """Return the response type that decides how answers are given: the one asked for, or the first of the door."""
        sent = self.parameters.get("response_type", "")
        return sent if sent in self.response_types else next(iter(self.response_types))

    @property
    def response_mode(self) -> str:
        """Return how answers travel: as the request wants it where that can be, or else as is usual for the response type."""
        modes = self.response_types[self.response_type].modes
        sent = self.parameters.get("response_mode", "")
        return sent if sent in modes else modes[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person answered on the consent page, and what the page had shown: to which user, and which scopes in their order.

    ``shop`` is the code of the one they picked. An answer to a page that showed something else than what is asked now is none.
    """

    approved: bool
    user_id: str
    scopes: tuple[str, ...]
    shop: str | None = None


class Step(StrEnum):
    """What comes next for a sound authorization request."""

    LOGIN = "login"
    CONSENT = "consent"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """The request is answered to the person alone: there is no redirect URI that can be trusted."""

    refusal: Refusal
    client: Client | None = None

    @property
    def status(self) -> int:
        """Return the HTTP status of the page."""
        return STANDARD_ANSWERS[self.refusal.cause].status


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The browser goes back to the client, with what was asked for or with an error.

    ``members`` is what it brings to ``redirect_uri``, by ``response_mode``; some may have to be signed first. ``state`` is the pair as it
    was sent. ``issuer`` names this server, where the dialect does (RFC 9207). ``refusal`` is the error that it tells. ``consent`` is
    what is to be remembered before the browser is sent away. ``user_id`` and ``shop`` (its code) are for the log.
    """

    redirect_uri: str
    members: tuple[tuple[str, "str | Unsigned"], ...] = field(repr=False)
    response_mode: str
    state: str | None = field(default=None, repr=False)
    issuer: str | None = None
    client: Client
    refusal: Refusal | None = None
    consent: Consent | None = None
    user_id: str | None = None
    shop: str | None = None

    @property
    def is_unsigned(self) -> bool:
        """Whether some of the members have to be signed before the browser is sent away."""
        return any(isinstance(value, Unsigned) for _, value in self.members)

    @property
    def location(self) -> str:
        """Return the redirect URI with all that the browser brings: the state byte for byte as it came."""
        parameters = [parameter(name, str(value)) for name, value in self.members]
        if self.state is not None:
            parameters.append(self.state)
        if self.issuer is not None:
            parameters.append(parameter("iss", self.issuer))
        return answer_uri(self.redirect_uri, parameters, in_fragment=self.response_mode == "fragment")

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return the same as the fields of a form (OAuth 2.0 Form Post Response Mode)."""
        fields = [(name, str(value)) for name, value in self.members]
        if self.state is not None:
            name, _, raw = self.state.partition("=")
            fields.append((name, unquote_plus(raw)))
        if self.issuer is not None:
            fields.append(("iss", self.issuer))
        return tuple(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The person is asked: to log in, or to allow the request.

    ``redirect_uri`` is where the answer will go. ``prompt`` holds what the client demanded (``login``, ``consent``, ``select_account``),
    and ``login_hint`` and ``ui_locales`` its wishes for the page. For a consent: ``user`` is asked about ``scopes``, of
    which ``new_scopes`` were not allowed before; the client would act for one of ``shops``, if there are any; an access token lasts
    ``access_token_expires_in`` seconds, and the client may renew it for ``renewable_in`` seconds (``None``: not at all, 0: until it is
    revoked); ``is_remembered`` tells whether the same request is asked about again.
    """

    step: Step
    client: Client
    redirect_uri: str
    prompt: frozenset[str] = frozenset()
    login_hint: str | None = None
    ui_locales: str | None = None
    user: User | None = None
    scopes: tuple[str, ...] = ()
    new_scopes: tuple[str, ...] = ()
    shops: tuple[Shop, ...] = ()
    access_token_expires_in: int = 0
    renewable_in: int | None = None
    is_remembered: bool = False

    def answered(self, *, approved: bool, shop: str | None = None) -> Decision:
        """Return the person's answer to this page."""
        return Decision(approved=approved, user_id=self.user.id if self.user is not None else "", scopes=self.scopes, shop=shop)


Decided = ErrorPage | Redirect | Ask
