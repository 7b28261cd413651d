"""The standard claims of OpenID Connect Core §5.1, and the scopes that ask for them (§5.4)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from app.core.scopes import scopes_of

OPENID: Final = "openid"
"""The scope that makes a request one of OpenID Connect."""
OFFLINE_ACCESS: Final = "offline_access"
"""The scope that lets a client keep its access when the person has left (OpenID Connect Core §11)."""
SCOPE_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website"),
        *("gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
SCOPES: Final = (OPENID, *SCOPE_CLAIMS, OFFLINE_ACCESS)
"""The scopes whose meaning is the standard's."""
SCOPE_OF: Final[Mapping[str, str]] = {claim: scope for scope, claims in SCOPE_CLAIMS.items() for claim in claims}
"""The scope that a claim belongs to."""
CLAIMS: Final = ("sub", *SCOPE_OF)
"""What can be known of a person."""
ADDRESS: Final = ("formatted", "street_address", "locality", "region", "postal_code", "country")
"""The members of the claim ``address`` (§5.1.1)."""
TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "openid": {"en": "Know who you are here", "zh": "识别您的身份"},
    "profile": {"en": "See your name and profile", "zh": "查看您的姓名和个人资料"},
    "email": {"en": "See your e-mail address", "zh": "查看您的邮箱地址"},
    "address": {"en": "See your postal address", "zh": "查看您的通讯地址"},
    "phone": {"en": "See your phone number", "zh": "查看您的电话号码"},
    "offline_access": {"en": "Keep access while you are away", "zh": "在您离开后继续访问"},
}
"""What the standard scopes mean to people, where an operator has not said it in other words."""


@lru_cache(maxsize=1024)
def claims_for(scope: str) -> frozenset[str]:
    """Return the claims that the scopes of a scope string ask for."""
    return frozenset(claim for name in scopes_of(scope) for claim in SCOPE_CLAIMS.get(name, ()))


def scopes_for(claims: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes that claims belong to, in the order of the standard."""
    wanted = {SCOPE_OF[claim] for claim in claims if claim in SCOPE_OF}
    return tuple(scope for scope in SCOPE_CLAIMS if scope in wanted)


def acr_of(amr: Iterable[str]) -> str:
    """Return how well a person has proved who they are: ``1`` by one factor, ``2`` by several (``mfa`` of RFC 8176 §2)."""
    return "2" if "mfa" in amr else "1"


ACRS: Final = ("1", "2")
"""All values of ``acr``."""
