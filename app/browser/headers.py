"""The headers of every page."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from app.browser.languages import TAGS

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; "
    "form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
)
_PERMISSIONS: Final = (
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)"
)

REDIRECT_HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
"""Of an answer that only sends the browser elsewhere."""


def page_headers(redirect_uri: str | None = None, *, language: str | None = None) -> Mapping[str, str]:
    """Return the headers of a page.

    ``redirect_uri`` is where a form of the page may end up: the client's, already found registered. A page on the way back to a client
    keeps its opener: apps that sign people in by a pop-up of their own wait there for the answer.
    """
    headers = REDIRECT_HEADERS | {
        "Content-Security-Policy": _POLICY.format(forms=_form_action(redirect_uri)),
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "unsafe-none" if redirect_uri else "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if language is not None:
        headers["Content-Language"] = TAGS[language]
    return headers


def framing(policy: str, pages: Iterable[str]) -> str:
    """Return the policy of a page that frames other sites' pages: those sites and no others (CSP 3 §6.1.5)."""
    origins = dict.fromkeys("{0.scheme}://{0.netloc}".format(urlsplit(page)) for page in pages)
    return f"{policy}; frame-src {' '.join(origins)}"


def talking(policy: str) -> str:
    """Return the policy of a page whose script asks its own origin (CSP 3 §6.1.2)."""
    return f"{policy}; connect-src 'self'"


def _form_action(redirect_uri: str | None) -> str:
    """Return the sources that forms may post to or be redirected to (CSP 3 §6.4.1).

    Browsers hold every redirect of the answer to it, also those that the client's own callback answers with, to addresses that we
    cannot know. So the client's scheme is named and not its origin.
    """
    return f"'self' {urlsplit(redirect_uri).scheme}:" if redirect_uri else "'self'"
