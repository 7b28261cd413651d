"""What an operator may say of a person beyond their name and address: the standard claims (OpenID Connect Core §5.1)."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from app.admin.fields import Fields, Refused
from app.core.claims import ADDRESS

_MAXIMUM: Final = 400
_TEXTS: Final = ("given_name", "family_name", "middle_name", "nickname", "gender", "phone_number")
_URLS: Final = ("profile", "picture", "website")
_LINES: Final = ("formatted", "street_address")
"""The members of an address that may have several lines (§5.1.1)."""
_FLAGS: Final = ("email_verified", "phone_number_verified")
_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    "birthdate": (re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))?"), "date as 1990-12-31, 0000-12-31 or a year"),
    "zoneinfo": (re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}"), "time zone as Europe/Paris"),
    "locale": (re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}"), "language as en or zh-CN"),
}
KEYS: Final = (*_TEXTS, *_URLS, *_FORMS, *_FLAGS, "address")
VERIFIED: Final = {"email": "email_verified", "phone_number": "phone_number_verified"}
"""What was verified of an address or number says nothing of another one."""


def declared_claims(fields: Fields) -> dict[str, Any] | None:
    """Read the table ``claims``; an empty value takes a claim away.

    Raises:
        Refused: with the first claim that cannot be, and why.
    """
    table = fields.table("claims")
    if table is None:
        return None
    try:
        return _read(Fields(table))
    except Refused as refused:
        raise Refused(f"claims.{refused.key}", refused.reason) from None


def _read(claims: Fields) -> dict[str, Any]:
    claims.allow(KEYS)
    found: dict[str, Any] = {key: claims.text(key, _MAXIMUM) for key in (*_TEXTS, *_FORMS)}
    found |= {key: claims.url(key) for key in _URLS} | {key: claims.flag(key) for key in _FLAGS}
    for key, (form, shown) in _FORMS.items():
        if found[key] and form.fullmatch(found[key]) is None:
            raise Refused(key, f"is no {shown}")
    return {key: value for key, value in {**found, "address": _address(claims)}.items() if value is not None}


def _address(claims: Fields) -> dict[str, str] | None:
    table = claims.table("address")
    if table is None:
        return None
    members = Fields(table)
    try:
        members.allow(ADDRESS)
        found = {key: members.lines(key, _MAXIMUM) if key in _LINES else members.text(key, _MAXIMUM) for key in ADDRESS}
    except Refused as refused:
        raise Refused(f"address.{refused.key}", refused.reason) from None
    return {key: value for key, value in found.items() if value}


def merged_claims(stored: str | None, declared: Mapping[str, Any] | None, changed: set[str]) -> str | None:
    """Return the JSON text of what is known of a person with what is declared; ``changed`` are addresses and numbers that are new."""
    there: dict[str, Any] = json.loads(stored) if stored is not None else {}
    declared = declared or {}
    if declared.get("phone_number", there.get("phone_number")) != there.get("phone_number"):
        changed = changed | {"phone_number"}
    kept = {key: value for key, value in there.items() if key not in {VERIFIED[name] for name in changed}}
    known = {key: value for key, value in {**kept, **declared}.items() if value not in ("", {})}
    if known == there:
        return stored
    return json.dumps(known, ensure_ascii=False, separators=(",", ":")) if known else None
