"""Who is there: what one request shows of a browser, and the cookies that we give it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.browser import languages
from app.core.secrets import SecretFormat

SESSION: Final = "tokenry_session"
BROWSER: Final = "tokenry_browser"
DEVICES: Final = "tokenry_devices"
_DEVICE_DAYS: Final = 180
_LANGUAGE_DAYS: Final = 365
_DAY: Final = 24 * 3600
_LONGEST: Final = 512
"""Characters of a cookie of ours; a longer one is none."""
_FORMAT: Final = SecretFormat("urlsafe", 32)


class Cookie(NamedTuple):
    """A cookie to set; ``seconds`` of ``None`` lets it end with the browser's session, 0 takes it away."""

    name: str
    value: str
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A browser.

    ``session`` is the id of its session, ``browser`` binds forms and pending requests to it, ``devices`` tells which accounts logged in
    here before. ``language`` is that of its pages.
    """

    session: str | None = None
    browser: str | None = None
    devices: str = ""
    language: str = languages.DEFAULT
    user_agent: str | None = None
    address: str = ""


class CookieJar:
    """Reads and names our cookies: on https each is bound to this very host (RFC 6265bis §4.1.3.2)."""

    def __init__(self, *, secure: bool) -> None:
        self.secure = secure
        self._prefix = "__Host-" if secure else ""

    def read(self, cookies: Mapping[str, str], name: str) -> str | None:
        """Return the value of a cookie of ours, or ``None`` where there is none that can be."""
        value = cookies.get(self._prefix + name)
        return value if value and len(value) <= _LONGEST and value.isascii() else None

    def header(self, cookie: Cookie) -> str:
        """Return a cookie as the value of a ``Set-Cookie`` field."""
        parts = [f"{self._prefix}{cookie.name}={cookie.value}", "Path=/", "HttpOnly", "SameSite=Lax"]
        if cookie.seconds is not None:
            parts.append(f"Max-Age={cookie.seconds}")
        if self.secure:
            parts.append("Secure")
        return "; ".join(parts)


def new_cookie_value() -> str:
    """Return what nobody guesses."""
    return _FORMAT.generate()


def session_cookie(value: str) -> Cookie:
    """Return the cookie of a session; its limits are the server's to keep."""
    return Cookie(SESSION, value)


def no_session_cookie() -> Cookie:
    """Return what takes the session's cookie away."""
    return Cookie(SESSION, "", 0)


def devices_cookie(value: str) -> Cookie:
    """Return the cookie by which a browser is known to its owners' accounts."""
    return Cookie(DEVICES, value, _DEVICE_DAYS * _DAY)


def language_cookie(language: str) -> Cookie:
    """Return the cookie that keeps a choice of language."""
    return Cookie(languages.COOKIE, language, _LANGUAGE_DAYS * _DAY)
