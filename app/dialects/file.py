"""The shape of a dialect file: what an operator may write, checked strictly.

Every table here is one of the file; a key that stands in none of them is a mistake and stops the start.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictStr, StringConstraints, Tag, field_validator

from app.core.causes import Cause
from app.dialects.codecs import JSON, MULTIPART, URLENCODED
from app.messages import Endpoint

Words = Mapping[Literal["en", "zh"], str]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.:-]*$", max_length=64)]
PolicyKeys = dict[str, object]
Path = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._~-]+)+$", max_length=200)]
ResponseTypeName = Literal["code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
EngineGrant = Literal["authorization_code", "client_credentials", "implicit", "password", "refresh_token"]
MACHINE_DOOR: Final = "|machine"
AUTHORIZATION_DOOR: Final = "|authorization"
USERINFO_DOOR: Final = "|userinfo"
"""Which kind a door is; the mark is no part of a key."""


class Table(BaseModel):
    """A table of the file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ParameterTable(Table):
    """``[parameters.NAME]``: a parameter by its name on the wire.

    ``means`` is the RFC's (or the core's) word for it, the same if absent. ``pattern`` and ``maximum`` bound its value; ``type`` is
    for the reader of the documents.
    """

    means: Name | None = None
    type: str = "string"
    pattern: str | None = None
    maximum: int | None = None
    description: Words = {}

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return pattern


class GrantTable(Table):
    """``[grants.WORD]``: a grant by the word that clients send and register.

    ``grant_type`` is the engine's grant behind it. ``required`` and ``optional`` name the parameters on the wire. ``policy`` and
    ``policy_with_shop`` override the dialect's. ``answer`` names the answer of success. ``requires_option`` opens the grant only to
    clients that have the option, as ``{ profile = "legacy" }``.
    """

    grant_type: EngineGrant
    title: Words = {}
    required: list[str] = []
    optional: list[str] = []
    answer: Name = "token"
    policy: PolicyKeys = {}
    policy_with_shop: PolicyKeys = {}
    requires_option: dict[str, str | bool] = {}


class DoorTable(Table):
    """``[[doors]]``: a path to which machines post.

    ``grants`` are the words accepted there, all if absent; with ``sends_grant_type = false`` there is exactly one and the path says it.
    ``authenticates_by`` is ``client`` (HTTP Basic or body), ``body`` (the body only; an Authorization header is ignored) or ``bearer``.
    ``parameters_first`` checks the parameters before the client. ``repeatable`` names parameters that may be sent more than once.
    ``cross_origin`` lets pages of a client's registered origins call the door from a browser.
    """

    path: Path
    endpoint: Endpoint = Endpoint.TOKEN
    title: Words = {}
    media_types: list[Literal["application/x-www-form-urlencoded", "multipart/form-data", "application/json"]] = [URLENCODED]
    grants: list[str] | None = None
    sends_grant_type: bool = True
    authenticates_by: Literal["client", "body", "bearer"] = "client"
    parameters_first: bool = False
    repeatable: list[str] = []
    cross_origin: bool = False


class AuthorizationDoorTable(Table):
    """``[[doors]]`` with ``endpoint = "authorization"``: a path to which clients send browsers (RFC 6749 §3.1).

    ``response_types`` are those served, the first of them the one by which requests are answered that name none; the policy of each is
    that of the grant behind it. ``response_modes`` are the ways in which a request may want its answer beside the usual one, which is
    the query for a code alone and the fragment for everything else. Where no parameter means response_type, there is exactly one and
    the path says it. ``required`` and ``optional`` name the parameters on the wire that are understood; every other one is ignored, and
    ``repeatable`` those that may be sent more than once. ``descriptions`` are the words for parameters that mean something else here
    than at the token door.
    """

    path: Path
    endpoint: Literal[Endpoint.AUTHORIZATION]
    title: Words = {}
    methods: Annotated[list[Literal["GET", "POST"]], Field(min_length=1)] = ["GET"]
    response_types: Annotated[list[ResponseTypeName], Field(min_length=1)] = ["code"]
    response_modes: list[Literal["query", "fragment", "form_post"]] = []
    required: list[str]
    optional: list[str] = []
    repeatable: list[str] = []
    descriptions: dict[str, Words] = {}

    def modes_of(self, response_type: str) -> tuple[str, ...]:
        """Return how answers of a response type may travel, the usual way first; no token goes into a query, where servers log it."""
        usual = "query" if response_type == "code" else "fragment"
        return (usual, *(mode for mode in self.response_modes if mode != usual and (mode != "query" or response_type == "code")))

    @property
    def modes(self) -> list[str]:
        """Return how any answer may travel."""
        return [mode for response_type in self.response_types for mode in self.modes_of(response_type)]


class UserInfoDoorTable(Table):
    """``[[doors]]`` with ``endpoint = "userinfo"``: a path at which an access token tells who granted it (OpenID Connect Core §5.3)."""

    path: Path
    endpoint: Literal[Endpoint.USERINFO]
    title: Words = {}
    cross_origin: bool = False


_KINDS: Final[Mapping[object, str]] = {Endpoint.AUTHORIZATION: AUTHORIZATION_DOOR, Endpoint.USERINFO: USERINFO_DOOR}
KINDS: Final = frozenset({MACHINE_DOOR, *_KINDS.values()})


def kind_of_door(value: object) -> str:
    """Return which kind of door a table of the file is."""
    endpoint = value.get("endpoint") if isinstance(value, Mapping) else getattr(value, "endpoint", None)
    return _KINDS.get(endpoint, MACHINE_DOOR) if isinstance(endpoint, str) else MACHINE_DOOR


AnyDoorTable = Annotated[
    Annotated[DoorTable, Tag(MACHINE_DOOR)]
    | Annotated[AuthorizationDoorTable, Tag(AUTHORIZATION_DOOR)]
    | Annotated[UserInfoDoorTable, Tag(USERINFO_DOOR)],
    Discriminator(kind_of_door),
]


class AnswerTable(Table):
    """``[answers.NAME]``: a JSON template; ``status`` replaces the status that the cause has."""

    body: dict[str, object]
    status: Annotated[int, Field(ge=200, le=599)] | None = None


class ErrorTable(BaseModel):
    """``[errors.CAUSE]``: the answer to a cause. Further keys are values for the error template (``number``, ``message``)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    error: str | None = None
    description: str | None = None


class VariantTables(Table):
    """What an option changes, and the dialect's own values of the same: policy, grants' policies, answers and errors."""

    policy: PolicyKeys = {}
    answers: dict[Name, AnswerTable] = {}
    errors: dict[Cause | Literal["default"], ErrorTable] = {}


class OptionTables(VariantTables):
    """``[options.NAME.VALUE]``: a named variation that a client's registration may choose."""

    grants: dict[str, PolicyKeys] = {}
    """Policy keys by grant word."""


class QuirkTable(Table):
    """``[quirks.NAME]``: how installations of the partner are seen to answer otherwise than its document says.

    A client's registration turns it on by ``option = value``. ``note`` says what the document has, and what is seen instead.
    """

    option: Name
    value: StrictStr | StrictBool
    title: Annotated[Words, Field(min_length=1)]
    note: Annotated[Words, Field(min_length=1)]


class DialectTables(VariantTables):
    """A whole dialect file.

    ``accepts_anonymous``: a public client may leave out its client_id, where its code or refresh token names it.
    ``serves_public_clients``: whether its token doors serve clients that have no secret. ``default_auth_method`` and
    ``default_grant_types`` complete a registration; absent, they mean HTTP Basic or body, and every grant.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    title: Words
    document: str = ""
    language: Literal["en", "zh"] = "en"
    accepts_anonymous: bool = False
    serves_public_clients: bool = True
    default_auth_method: Literal["client_secret_basic", "client_secret_post"] | None = None
    default_grant_types: list[str] | None = None
    doors: Annotated[list[AnyDoorTable], Field(min_length=1)]
    parameters: dict[Name, ParameterTable] = {}
    grants: dict[Name, GrantTable] = {}
    options: dict[Name, dict[str, OptionTables]] = {}
    quirks: dict[Name, QuirkTable] = {}


__all__ = [
    "JSON",
    "MULTIPART",
    "URLENCODED",
    "AuthorizationDoorTable",
    "DialectTables",
    "DoorTable",
    "GrantTable",
    "OptionTables",
    "ParameterTable",
    "QuirkTable",
    "UserInfoDoorTable",
]
