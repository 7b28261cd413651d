"""The ``claims`` parameter: what a client wants to be told of a person, one by one (OpenID Connect Core §5.5)."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.core.causes import Cause
from app.core.claims import CLAIMS, SCOPE_OF, claims_for
from app.core.strict_json import strict_json
from app.messages import Refusal
from app.models import User

MAXIMUM_LENGTH: Final = 4096
"""Characters of the parameter."""
Wanted = Mapping[str, tuple[object, ...] | None]
"""Claims by name, each with the values that alone are wanted of it, ``None`` for any."""


@dataclass(frozen=True, slots=True)
class RequestedClaims:
    """What is wanted from the userinfo endpoint and in the ID token.

    ``subjects`` are those who alone may answer the request, ``acrs`` how they must have proved themselves; ``None`` for any.
    """

    userinfo: Wanted = field(default_factory=dict)
    id_token: Wanted = field(default_factory=dict)
    subjects: frozenset[object] | None = None
    acrs: frozenset[object] | None = None

    @property
    def names(self) -> frozenset[str]:
        """Return the claims that are wanted anywhere."""
        return frozenset((*self.userinfo, *self.id_token))

    def stored(self) -> str | None:
        """Return as JSON text what the family keeps of it."""
        if not self.names:
            return None
        return json.dumps({"userinfo": self.userinfo, "id_token": self.id_token}, ensure_ascii=False, separators=(",", ":"))


def read_claims(text: str, scopes: Collection[str]) -> RequestedClaims:
    """Read the parameter.

    A claim that nobody knows here, or that belongs to a scope which is not among ``scopes``, those that the client is registered for, is
    left out: no client learns more by asking in another way.

    Raises:
        Refusal: it is too long, or not of the form that §5.5 gives it.
    """
    if len(text) > MAXIMUM_LENGTH:
        raise _malformed()
    try:
        content = strict_json(text)
    except ValueError:
        raise _malformed() from None
    userinfo, id_token = (_members(content, part) for part in ("userinfo", "id_token"))
    acr = id_token.get("acr")
    is_demanded = isinstance(acr, dict) and acr.get("essential") is True
    return RequestedClaims(
        userinfo=_known(userinfo, scopes),
        id_token=_known(id_token, scopes),
        subjects=_set(_values(id_token.get("sub"))),
        acrs=_set(_values(acr)) if is_demanded else None,
    )


def _members(content: object, part: str) -> dict[str, Any]:
    """Return one part of the parameter; every claim in it is ``null`` or an object."""
    members = content.get(part) if isinstance(content, dict) else content
    members = {} if members is None and isinstance(content, dict) else members
    if not isinstance(members, dict) or any(demand is not None and not isinstance(demand, dict) for demand in members.values()):
        raise _malformed()
    return members


def _known(members: Mapping[str, Any], scopes: Collection[str]) -> Wanted:
    return {name: _values(demand) for name, demand in members.items() if name in CLAIMS and SCOPE_OF.get(name) in scopes}


def _values(demand: Mapping[str, Any] | None) -> tuple[object, ...] | None:
    """Return the values that alone are wanted of a claim.

    Raises:
        Refusal: ``values`` is no list.
    """
    if demand is None:
        return None
    if "value" in demand:
        return (demand["value"],)
    values = demand.get("values")
    if values is not None and not isinstance(values, list):
        raise _malformed()
    return tuple(values) if values else None


def _set(values: tuple[object, ...] | None) -> frozenset[object] | None:
    return None if values is None else frozenset(value for value in values if isinstance(value, str))


def _malformed() -> Refusal:
    return Refusal(Cause.INVALID_PARAMETER, "The parameter claims is not of the form of OpenID Connect Core section 5.5.")


def released(user: User, stored: str | None, part: str, scope: str = "") -> dict[str, Any]:
    """Return what is told of a person: what the scope asks for, and what the stored ``claims`` wants in this part of them.

    What is not known is left out, and so is a claim of which only other values are wanted (§5.5.1).
    """
    by_scope = claims_for(scope)
    if stored is None and not by_scope:
        return {}
    if stored is None:
        return {name: value for name, value in user.standard_claims.items() if name in by_scope}
    demanded: Mapping[str, Any] = json.loads(stored)[part]
    told = {}
    for name, value in user.standard_claims.items():
        values = demanded.get(name)
        if name in by_scope or (name in demanded and (values is None or value in values)):
            told[name] = value
    return told
