"""Redirect URIs: what may be registered (RFC 9700 §2.1, RFC 8252 §7). Comparison at use is of plain strings."""

from typing import Final
from urllib.parse import urlsplit

MAXIMUM_LENGTH: Final = 2000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
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
