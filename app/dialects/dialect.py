"""A dialect as the program holds it: frozen values made from its file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.core.causes import KEEPS_ITS_STATUS, STANDARD_ANSWERS, Cause
from app.core.policy import Policy
from app.dialects.file import AuthorizationDoorTable, DialectTables, DoorTable, GrantTable, QuirkTable, UserInfoDoorTable
from app.dialects.template import Template
from app.messages import Endpoint, Refusal

Options = Mapping[str, str | bool]
_WORDS: Final = ("code", "id_token", "token")
"""Of which response types are made, in the order in which they are written."""
GRANT_TYPES: Final[Mapping[str, str]] = {
    "code": "authorization_code",
    "token": "implicit",
    "id_token": "implicit",
    "id_token token": "implicit",
    "code id_token": "authorization_code",
    "code token": "authorization_code",
    "code id_token token": "authorization_code",
}
"""The engine's grant behind each response type, whose policy counts."""
_DIGITS = 40
"""Of a number on the wire; a longer one is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the dialect: its name on the wire, the word it means, and the form its value must have."""

    name: str
    means: str
    pattern: re.Pattern[str] | None = None
    maximum: int | None = None

    def accepts(self, value: str | None) -> bool:
        """Whether the value, if there is one, has the demanded form."""
        if value is None:
            return True
        if self.pattern is not None and self.pattern.fullmatch(value) is None:
            return False
        return self.maximum is None or (value.isascii() and value.isdigit() and len(value) <= _DIGITS and int(value) <= self.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPolicy:
    """The policies of one grant: by itself, and when it acts for a shop."""

    alone: Policy
    with_shop: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """What the dialect says to a cause; ``description`` of ``None`` leaves the refusal its own words."""

    status: int
    error: str
    description: str | None
    extra: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The dialect under one set of options: policies, templates and error table."""

    grants: Mapping[str, GrantPolicy]
    answers: Mapping[str, Template]
    statuses: Mapping[str, int]
    errors: Mapping[Cause, ErrorAnswer]

    def render_success(self, answer: str, members: Mapping[str, object], now: datetime) -> tuple[int, bytes]:
        """Return the status and the body of a success."""
        return self.statuses.get(answer, 200), self.answers[answer].render({**members, "now": now})

    def render_refusal(self, refusal: Refusal, now: datetime) -> tuple[int, bytes]:
        """Return the status and the body of a refusal."""
        answer = self.errors[refusal.cause]
        status = answer.status if refusal.cause in KEEPS_ITS_STATUS else self.statuses.get("error", answer.status)
        values = {**answer.extra, "error": answer.error, "description": answer.description or refusal.description, "now": now}
        return status, self.answers["error"].render(values)


class Dialect:
    """A partner's way to speak, as its file declares it."""

    def __init__(self, tables: DialectTables, variants: Mapping[frozenset[tuple[str, str]], Variant]) -> None:
        """Keep what the loader has checked; ``variants`` holds one for every combination of options."""
        self.name = tables.name
        self.tables = tables
        self.doors = [door for door in tables.doors if isinstance(door, DoorTable)]
        self.authorization_doors = [door for door in tables.doors if isinstance(door, AuthorizationDoorTable)]
        self.userinfo_doors = [door for door in tables.doors if isinstance(door, UserInfoDoorTable)]
        self.grants: Mapping[str, GrantTable] = tables.grants
        self.quirks: Mapping[str, QuirkTable] = tables.quirks
        self.token_grants = [word for word, grant in tables.grants.items() if grant.grant_type != "implicit"]
        self.accepts_anonymous = tables.accepts_anonymous
        self.serves_public_clients = tables.serves_public_clients
        self.parameters = {
            name: Parameter(
                name=name,
                means=table.means or name,
                pattern=re.compile(table.pattern, re.ASCII) if table.pattern else None,
                maximum=table.maximum,
            )
            for name, table in tables.parameters.items()
        }
        self.machine_parameters = {name: one for name, one in self.parameters.items() if name not in browser_names(tables)}
        self.token_paths = tuple(door.path for door in self.doors if door.endpoint is Endpoint.TOKEN)
        self.takes_assertions = {"client_assertion", "client_assertion_type"} <= {one.means for one in self.machine_parameters.values()}
        """Whether its clients may authenticate by what they sign (RFC 7523 §2.2)."""
        self.refresh_grant = self.grant_word("refresh_token") or ""
        self.plain = variants[frozenset()]
        served = dict.fromkeys(one for door in self.authorization_doors for one in door.response_types)
        self.response_types: Mapping[str, str] = {one: self.grant_word(GRANT_TYPES[one]) or "" for one in served}
        """The dialect's word for the grant behind each response type that one of its doors serves."""
        self.response_modes = tuple(dict.fromkeys(mode for door in self.authorization_doors for mode in door.modes))
        """How answers of its doors may travel."""
        self.speaks_openid = any(policies.alone.id_token for policies in self.plain.grants.values())
        """Whether any of its grants yields ID tokens."""
        self._variants = variants

    def words_behind(self, response_type: str) -> tuple[str, ...]:
        """Return the dialect's words for all grants that a client of a response type is registered for (OpenID Connect Registration §2)."""
        return tuple(word for grant in grants_behind(response_type) if (word := self.grant_word(grant)) is not None)

    def grant_word(self, grant_type: str) -> str | None:
        """Return the dialect's word for a grant of the engine's, the first if there are several, or ``None``."""
        return next((word for word, grant in self.grants.items() if grant.grant_type == grant_type), None)

    def wire_name(self, means: str) -> str:
        """Return the name on the wire of an RFC word."""
        return next((parameter.name for parameter in self.parameters.values() if parameter.means == means), means)

    def variant(self, options: Options) -> Variant:
        """Return the dialect under a client's options; a combination that was not declared counts as none."""
        if not options:
            return self.plain
        return self._variants.get(option_key(options), self.plain)

    def option_problem(self, options: Options) -> str | None:
        """Return what is wrong with the options of a client, or ``None``."""
        declared = self.tables.options
        for name, value in options.items():
            if name not in declared:
                return f"the dialect {self.name} has no option {name}" + (f": it has {', '.join(declared)}" if declared else "")
            if value is not False and option_text(value) not in declared[name]:
                return f"the option {name} is one of {', '.join(declared[name])}, not {option_text(value)!r}"
        return None


def grants_behind(response_type: str) -> tuple[str, ...]:
    """Return all the engine's grants behind a response type: what comes at once is of the implicit grant, whatever comes later."""
    words = response_type.split(" ")
    return (*(("authorization_code",) if "code" in words else ()), *(("implicit",) if words != ["code"] else ()))


def written_type(response_type: str) -> str:
    """Return a response type as it is written here: the order of its words says nothing (OAuth Multiple Response Types §3)."""
    words = response_type.split(" ")
    return " ".join(sorted(words, key=_WORDS.index)) if set(words).issubset(_WORDS) else response_type


def browser_names(tables: DialectTables) -> frozenset[str]:
    """Return the parameters that only browsers bring; the doors of machines ignore them, as whatever else they do not know."""
    machines = {name for grant in tables.grants.values() for name in (*grant.required, *grant.optional)}
    browsers = {name for door in tables.doors if isinstance(door, AuthorizationDoorTable) for name in (*door.required, *door.optional)}
    return frozenset(browsers - machines)


def option_text(value: str | bool) -> str:  # noqa: FBT001 (the value itself)
    """Return an option's value as the key it has in the file."""
    return str(value).lower() if isinstance(value, bool) else value


def option_key(options: Options) -> frozenset[tuple[str, str]]:
    """Return a client's options as a key; ``false`` is the same as absent."""
    return frozenset((name, option_text(value)) for name, value in options.items() if value is not False)


def standard_error(cause: Cause, extra: Mapping[str, object]) -> ErrorAnswer:
    """Return the RFC's answer to a cause."""
    answer = STANDARD_ANSWERS[cause]
    return ErrorAnswer(status=answer.status, error=answer.error, description=None, extra=extra)
