"""What a grant hands out and for how long: the values a dialect chooses among."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core.secrets import SecretFormat


class RefreshRule(StrEnum):
    """What a refresh does to the tokens that were there.

    ``rotate`` replaces the refresh token (RFC 9700 §4.14.2); ``reuse`` keeps it; ``extend`` moves the end of the presented access
    token and hands out nothing new.
    """

    ROTATE = "rotate"
    REUSE = "reuse"
    EXTEND = "extend"


class ShopRule(StrEnum):
    """Whether a grant acts for a shop.

    ``optional`` and ``required``: for the one that the client names. ``picked``: for the one that the person picks when they allow the
    request, among those they manage for this client; for none where there is none to pick from.
    """

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"
    PICKED = "picked"


class RedirectUriRule(StrEnum):
    """When the token request must repeat the redirect URI.

    ``required``: always. ``repeated``: if the authorization request sent one (RFC 6749 §4.1.3). ``optional``: checked only if sent.
    """

    REQUIRED = "required"
    REPEATED = "repeated"
    OPTIONAL = "optional"


class PkceRule(StrEnum):
    """From whom the authorization endpoint demands a ``code_challenge`` (RFC 7636 §4.3); one that is sent is checked always.

    ``required``: everybody (RFC 9700 §2.1.1). ``nonce``: everybody but clients with a secret that send a ``nonce`` of OpenID Connect,
    which the ID token brings back. ``public``: clients that have no secret. ``optional``: nobody.
    """

    REQUIRED = "required"
    NONCE = "nonce"
    PUBLIC = "public"
    OPTIONAL = "optional"


class ConsentRule(StrEnum):
    """Whether a person who has allowed a client these scopes before is asked again: ``remembered`` is not, ``asked`` is each time."""

    REMEMBERED = "remembered"
    ASKED = "asked"


_CENTURY: Final = 100 * 366 * 86400
_BOUNDS: Final = {
    "access_token_expires_in": (1, 366 * 86400),
    "authorization_code_expires_in": (1, 3600),
    "refresh_token_expires_in": (0, _CENTURY),
    "refresh_token_idle_in": (0, _CENTURY),
    "family_expires_in": (0, _CENTURY),
    "grace_in": (0, 30),
    "id_token_expires_in": (60, 86400),
}
"""Seconds; a grace beyond half a minute would hide a theft, and no signed token outlives the publication of its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Formats, lifetimes in seconds and rules of one grant.

    ``refresh_token_expires_in`` and ``refresh_token_idle_in`` of 0 mean no such limit; the family still ends ``family_expires_in``
    after its grant unless that is 0 too. ``grace_in`` is how long a confidential client may repeat a rotation whose answer it lost.
    ``revoke_access_token``: a refresh ends the access tokens that the family had.

    Of the authorization endpoint: ``pkce`` and ``consent``; ``iss`` names this server in every answer (RFC 9207);
    ``any_loopback_port`` lets the port of a registered ``http://127.0.0.1`` or ``http://[::1]`` vary for a client without a secret
    (RFC 8252 §7.3). ``id_token``: with the scope ``openid`` the grant yields ID tokens (OpenID Connect Core §2), which live for
    ``id_token_expires_in``.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012 (read by the loader of dialect files, never changed)

    access_token: SecretFormat = SecretFormat()
    access_token_expires_in: int = 3600
    token_type: str = "Bearer"
    issue_refresh_token: bool = False
    refresh_token: SecretFormat = SecretFormat()
    refresh_token_expires_in: int = 30 * 86400
    refresh_token_idle_in: int = 0
    family_expires_in: int = 365 * 86400
    refresh_rule: RefreshRule = RefreshRule.ROTATE
    grace_in: int = 10
    revoke_access_token: bool = False
    authorization_code: SecretFormat = SecretFormat()
    authorization_code_expires_in: int = 60
    redirect_uri: RedirectUriRule = RedirectUriRule.REPEATED
    shop: ShopRule = ShopRule.NONE
    pkce: PkceRule = PkceRule.REQUIRED
    consent: ConsentRule = ConsentRule.REMEMBERED
    iss: bool = False
    any_loopback_port: bool = False
    id_token: bool = False
    id_token_expires_in: int = 3600

    def __post_init__(self) -> None:
        """Refuse lifetimes that cannot be, or that make a safeguard none.

        Raises:
            ValueError: with the name of the value.
        """
        for name, (least, most) in _BOUNDS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: must be from {least} to {most} seconds")
