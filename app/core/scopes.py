"""Scopes: the string of RFC 6749 §3.3 and the set it means."""

import re
from typing import Final

MAXIMUM_SCOPES: Final = 100
MAXIMUM_LENGTH: Final = 4096
_WELL_FORMED: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: +[\x21\x23-\x5B\x5D-\x7E]+)*")


def scopes_of(scope: str) -> tuple[str, ...]:
    """Return the distinct scopes of a scope string in their order; only the space separates."""
    return tuple(dict.fromkeys(name for name in scope.split(" ") if name))


def is_well_formed(scope: str) -> bool:
    """Whether a scope string obeys the grammar of RFC 6749 §3.3 and stays within 100 scopes and 4096 characters."""
    return len(scope) <= MAXIMUM_LENGTH and _WELL_FORMED.fullmatch(scope) is not None and scope.count(" ") < MAXIMUM_SCOPES


def allowed_scope(requested: str | None, registered: str) -> str | None:
    """Return the scope to grant, or ``None`` where the request is malformed or goes beyond ``registered``.

    Nothing requested means everything registered (the pre-defined default of RFC 6749 §3.3).
    """
    if not requested:
        return registered
    if requested == registered:
        return registered
    if not is_well_formed(requested):
        return None
    names = scopes_of(requested)
    return " ".join(names) if set(names).issubset(scopes_of(registered)) else None
