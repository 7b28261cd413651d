"""Asking a server over its own protocol, and telling the ways apart in which it may not answer."""

import socket
import ssl
from collections.abc import Mapping
from enum import Enum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from app.core.mistakes import ExitCode, Mistake

_TIMEOUT: Final = 5.0
"""Seconds for each answer."""
_MAXIMUM: Final = 1024 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class Why(Enum):
    """Why there is no answer."""

    NO_HOST = "no host"
    REFUSED = "refused"
    SILENT = "silent"
    NO_HTTP = "no HTTP"
    UNTRUSTED = "untrusted"
    NO_TLS = "no TLS"
    OTHER = "other"


class NoAnswer(Exception):  # noqa: N818 (what became of a request)
    """Nobody answered; the text is the system's reason."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why = why


class Told(NamedTuple):
    """An answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Place(NamedTuple):
    """The parts of an address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def shown(self) -> str:
        """Host and port, in words."""
        return f"{self.host} port {self.port}"

    @property
    def origin(self) -> str:
        """The address without its path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def place_of(url: str) -> Place:
    """Read an address.

    Raises:
        Mistake: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise Mistake(f"{url} is no address: write http://localhost:6749 or https://id.example.com", ExitCode.USAGE) from None
    if (
        not parts.hostname
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or "@" in parts.netloc
        or parts.query
        or parts.fragment
    ):
        raise Mistake(f"{url} is no address of a server: name its scheme, host, port and path alone", ExitCode.USAGE)
    return Place(parts.scheme, parts.hostname, port, parts.path)


def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None, *, trusting: bool = False) -> Told:
    """Return the answer to a request, wherever it is and whoever vouches for it where ``trusting``; no redirect is followed.

    Raises:
        NoAnswer: there is none.
    """
    parts = urlsplit(url)
    place = place_of(parts._replace(query="", fragment="").geturl())
    context = _trusting() if trusting else ssl.create_default_context()
    connection = (
        HTTPSConnection(place.host, place.port, timeout=_TIMEOUT, context=context)
        if place.scheme == "https"
        else HTTPConnection(place.host, place.port, timeout=_TIMEOUT)
    )
    try:
        connection.request(method, (place.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=dict(headers or {}))
        answer = connection.getresponse()
        return Told(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read(_MAXIMUM))
    except (OSError, HTTPException, ValueError) as error:
        raise NoAnswer(_why(error), _reason(error)) from None
    finally:
        connection.close()


def certificate_at(place: Place) -> bytes:
    """Return the certificate that a server shows, as DER, whoever vouches for it.

    Raises:
        NoAnswer: it shows none.
    """
    try:
        with (
            socket.create_connection((place.host, place.port), timeout=_TIMEOUT) as plain,
            _trusting().wrap_socket(plain, server_hostname=place.host) as secured,
        ):
            return secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise NoAnswer(_why(error), _reason(error)) from None


def _trusting() -> ssl.SSLContext:
    """Return the side of a client that takes any certificate: what is told is looked at, and nothing secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _why(error: Exception) -> Why:
    kinds: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Why], ...] = (
        (ssl.SSLCertVerificationError, Why.UNTRUSTED),
        (ssl.SSLError, Why.NO_TLS),
        (socket.gaierror, Why.NO_HOST),
        (TimeoutError, Why.SILENT),
        (ConnectionRefusedError, Why.REFUSED),
        ((HTTPException, ConnectionResetError, BrokenPipeError, ValueError), Why.NO_HTTP),
    )
    return next((why for kind, why in kinds if isinstance(error, kind)), Why.OTHER)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
