"""Redirect URIs: what may be registered (RFC 9700 §2.1, RFC 8252 §7), how one is compared at use, and how an answer is added to it."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlsplit

MAXIMUM_LENGTH: Final = 2000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOOPBACK_ADDRESS: Final = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)")
_MAXIMUM_PORT: Final = 65535
_NEVER: Final = frozenset({"javascript", "data", "file", "vbscript", "blob", "about", "ftp", "ws", "wss"})


def redirect_uri_problem(uri: str) -> str | None:  # noqa: PLR0911 (one answer per rule reads better than a table)
    """Return why a URI may not be registered as a redirect URI, or ``None``."""
    if len(uri) > MAXIMUM_LENGTH:
        return f"longer than {MAXIMUM_LENGTH} characters"
    if not uri.isascii() or not uri.isprintable() or any(character in uri for character in ' "<>\\^`{|}*'):
        return "holds a character that no URI has (encode it), or a wildcard"
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return "not a URI"
    if "#" in uri:
        return "has a fragment"
    if not parts.scheme or parts.scheme in _NEVER:
        return "its scheme cannot receive an answer"
    if parts.scheme in {"http", "https"}:
        if not parts.hostname:
            return "has no host"
        if "@" in parts.netloc:
            return "holds a user name"
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            return "http is for loopback only: use https"
    return None


def is_registered(sent: str, registered: Iterable[str], *, any_loopback_port: bool = False) -> bool:
    """Whether a URI is among the registered ones: compared as a plain string, before anything is decoded (RFC 9700 §4.1.3).

    With ``any_loopback_port`` the port of a literal loopback address may be another, and nothing else (RFC 8252 §7.3); ``localhost`` is
    a name like any other.
    """
    registered = tuple(registered)
    if sent in registered:
        return True
    parts = _without_port(sent) if any_loopback_port else None
    return parts is not None and any(_without_port(one) == parts for one in registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return what stands before and behind the port of a literal loopback address, or ``None`` where it is none."""
    match = _LOOPBACK_ADDRESS.fullmatch(uri)
    return (match[1], match[3]) if match is not None and int(match[2] or 0) <= _MAXIMUM_PORT else None


def has_verified_origin(uri: str) -> bool:
    """Whether only the one who registered the URI can receive what is sent there: another application cannot claim an https origin."""
    return uri.startswith("https://")


def parameter(name: str, value: str) -> str:
    """Return a member of an answer, form-encoded so that no reader can take it for anything else."""
    return f"{name}={quote(value, safe='')}"


def answer_uri(redirect_uri: str, parameters: Iterable[str], *, in_fragment: bool = False) -> str:
    """Return a redirect URI with encoded parameters added to its query (RFC 6749 §4.1.2) or as its fragment (§4.2.2).

    A query that it has stays as it is, and so does everything before: nothing is parsed, so no custom scheme is bent.
    """
    added = "&".join(parameters)
    if in_fragment:
        return f"{redirect_uri}#{added}"
    if "?" not in redirect_uri:
        return f"{redirect_uri}?{added}"
    return f"{redirect_uri}{'' if redirect_uri.endswith(('?', '&')) else '&'}{added}"
