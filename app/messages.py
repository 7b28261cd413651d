"""What the wire and the engine say to each other: a request in RFC words, and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from app.core.causes import STANDARD_ANSWERS, Cause
from app.core.policy import Policy
from app.models import Client


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

    TOKEN = "token"
    INTROSPECTION = "introspection"
    REVOCATION = "revocation"


class Credentials(NamedTuple):
    """How the client names itself (RFC 6749 §2.3), as the request says it."""

    client_id: str | None = None
    client_secret: str | None = None
    method: str = "none"
    """``client_secret_basic``, ``client_secret_post`` or ``none``."""


@dataclass(slots=True, kw_only=True)
class Request:
    """A request as one dialect reads it, in the words of the RFCs.

    ``grant_type`` is the engine's grant, ``registered_grant`` the dialect's word for it, which a client's registration lists;
    ``refresh_grant`` is the dialect's word for the refresh token grant. ``is_spoken`` is false where the grant exists at this door, but
    in another dialect than this one. ``parameters`` holds only what was sent and is not empty. ``required`` maps the parameters without
    which the grant cannot be asked for to their names on the wire; ``invalid`` is the name on the wire of one whose value has not the
    form the dialect demands. ``accepts_anonymous``: a public client may be known by its code or refresh token alone.
    ``serves_public_clients``: whether clients without a secret are served at all. ``authenticates_by_bearer``: a presented access token
    stands for the client.
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


@dataclass(slots=True)
class Proofs:
    """What was found out between load and decision.

    ``password_is_right`` is ``None`` where no password was checked; ``blocked_in`` are the seconds until another may be tried;
    ``attempts`` are the counters that a success clears.
    """

    password_is_right: bool | None = None
    blocked_in: int | None = None
    attempts: tuple[bytes, ...] = ()


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What the engine decided.

    ``members`` are the answer's values by their RFC names (``expires_at`` is a datetime); ``refusal`` is set where there is no
    success. ``client`` is the authenticated client, whose options shape the answer. ``user_id``, ``shop`` and ``replayed`` are for
    the log.
    """

    members: Mapping[str, str | int | bool | datetime] = field(default_factory=dict)
    refusal: Refusal | None = None
    client: Client | None = None
    user_id: str | None = None
    shop: str | None = None
    replayed: bool = False
