"""The static files of the pages, under addresses that hold a digest of their content, so that a browser may keep them for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.browser.theme import Theme

STATIC: Final = Path(__file__).parents[1] / "static"
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
_TEXT: Final = {".css", ".js", ".svg"}
STATIC_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; ``packed`` is the same compressed by gzip, where that is worth it."""

    media_type: str
    content: bytes
    packed: bytes | None


class Assets:
    """All static files of a theme, by the name that their address ends with; ``more`` is a folder with further ones."""

    def __init__(self, theme: Theme, more: Path | None = None) -> None:
        folders = [STATIC, *([more] if more is not None else [])]
        contents = {path.name: path.read_bytes() for folder in folders for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}
        contents["pages.css"] += theme.stylesheet().encode()
        if theme.logo is not None:
            contents[theme.logo_name] = theme.logo.content
        self.by_address: Mapping[str, Asset] = {_address(name, content): _asset(name, content) for name, content in contents.items()}
        self._addresses = {name: _address(name, content) for name, content in contents.items()}

    def address(self, name: str) -> str:
        """Return the last part of a file's address.

        Raises:
            KeyError: there is no such file.
        """
        return self._addresses[name]


def _address(name: str, content: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"


def _asset(name: str, content: bytes) -> Asset:
    suffix = Path(name).suffix
    packed = gzip.compress(content, mtime=0) if suffix in _TEXT else None
    return Asset(MEDIA_TYPES[suffix], content, packed if packed is not None and len(packed) < len(content) else None)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is among what a client takes (RFC 9110 §12.5.3); a weight of zero means it is not."""
    entries = (entry.replace(" ", "").partition(";q=") for entry in accept_encoding.split(","))
    return any(name == "gzip" and (not weight or weight.strip("0.") != "") for name, _, weight in entries)
