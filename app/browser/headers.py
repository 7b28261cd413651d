"""The headers of every page."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_YEAR: Final = 365 * 24 * 3600
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; "
    "form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
)
_PERMISSIONS: Final = (
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-create=(self), publickey-credentials-get=(self)"
)


def page_headers(issuer: str, redirect_uri: str | None = None, *, language: str | None = None) -> Mapping[str, str]:
    """Return the headers of a page.

    ``redirect_uri`` is where a form of the page may end up: the client's, already found registered. On an https issuer the browser is
    told to keep to https for a year.
    """
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": _POLICY.format(forms=_form_action(redirect_uri)),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if language is not None:
        headers["Content-Language"] = language
    if issuer.startswith("https:"):
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"
    return headers


def _form_action(redirect_uri: str | None) -> str:
    """Return the sources that forms may post to or be redirected to (CSP 3 §6.4.1)."""
    if redirect_uri is None:
        return "'self'"
    return f"'self' {_source(redirect_uri)}"


def _source(uri: str) -> str:
    """Return the origin of a web address, or the scheme of an app's own.

    An IPv6 address has no place in the grammar of sources, so there the scheme must do.
    """
    parts = urlsplit(uri)
    if parts.scheme not in {"http", "https"} or "[" in parts.netloc:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
