"""Who is there: what one request shows of a browser, and the cookies that we give it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.browser import languages
from app.core.secrets import SecretFormat

_OURS: Final = "tokenry_"
SESSION: Final = "tokenry_session"
BROWSER: Final = "tokenry_browser"
DEVICES: Final = "tokenry_devices"
_DEVICE_DAYS: Final = 180
_LANGUAGE_DAYS: Final = 365
_DAY: Final = 24 * 3600
_VALUE: Final = re.compile(r"[A-Za-z0-9_~!-]{1,512}")
"""What a cookie of ours holds; anything else is none, and never comes back in a header."""
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
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
    """Reads and names our cookies: on https each is bound to this very host (RFC 6265bis §4.1.3.2).

    Cookies of a host are sent to all of its paths, so those of a service under a path, ``base``, bear it in their names.
    """

    def __init__(self, *, secure: bool, base: str = "") -> None:
        self.secure = secure
        place = _NO_NAME.sub("_", base.strip("/"))
        self._prefix = ("__Host-" if secure else "") + (f"{place}." if place else "")

    def read(self, fields: Iterable[str]) -> Mapping[str, str]:
        """Return our cookies in the ``Cookie`` fields of a request, by their names without the prefix.

        Names are compared byte for byte: a reader who strips more than a browser writes would take a cookie that another host has set
        for one under the prefix. Of two with one name nobody can say which is ours, so none is taken.
        """
        found: dict[str, str] = {}
        spoilt: set[str] = set()
        for pair in ";".join(fields).split(";"):
            name, _, value = pair.strip(" \t").partition("=")
            is_ours = name.startswith(self._prefix + _OURS)
            if is_ours and (not _VALUE.fullmatch(value) or found.setdefault(name, value) != value):
                spoilt.add(name)
        return {name.removeprefix(self._prefix): value for name, value in found.items() if name not in spoilt}

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
