"""Requests of ours to addresses that clients have registered: bounded in every way, and never to what only this server can reach.

Such an address is a stranger's word. The connection goes to an address that was looked at before, so that a name which means another
one the next moment gains nothing; no redirect is followed; and an answer that takes too long or grows too large is none.
"""

import asyncio
import socket
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from app.core.addresses import is_public

if TYPE_CHECKING:
    import ssl

    import h11

ANSWER_IN: Final = 2.0
"""Seconds from the first question, that for the address, to the last byte of the answer, where somebody waits for it."""
MAXIMUM_BODY: Final = 256 * 1024
_MAXIMUM_HEAD: Final = 32 * 1024
_CHUNK: Final = 16 * 1024
_TRIED: Final = 4
"""How many addresses of one name are tried."""
_PORTS: Final = {"https": 443, "http": 80}


class Unreachable(Exception):  # noqa: N818 (what became of a request, not an error of the program)
    """There is no usable answer. The text is for the operator's log and holds nothing that was sent or received."""


class Answer(NamedTuple):
    """An answer; the names of its headers are in lower case, and of several with one name the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Place(NamedTuple):
    """Where a request goes: the parts of its address."""

    scheme: str
    host: str
    port: int
    authority: str
    target: str


class Remote:
    """Sends requests. ``allow_private`` lets them go to private networks and to this machine too, and there without TLS as well."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def get(self, url: str, accept: str, *, within: float = ANSWER_IN, maximum: int = MAXIMUM_BODY) -> Answer:
        """Return the answer to a GET, with its body.

        Raises:
            Unreachable: there is none, in time and of a bearable size; or the address is one that is not asked.
        """
        return await self._send(url, "GET", {"Accept": accept}, b"", within, maximum)

    async def post(self, url: str, fields: Mapping[str, str], *, within: float = ANSWER_IN) -> Answer:
        """Post a form and return the answer without its body, which is not read.

        Raises:
            Unreachable: as :meth:`get` does.
        """
        body = urlencode(fields).encode("ascii")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        return await self._send(url, "POST", headers, body, within, None)

    async def _send(self, url: str, method: str, headers: Mapping[str, str], body: bytes, within: float, maximum: int | None) -> Answer:
        import h11

        place = _place(url)
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAXIMUM_HEAD)
        sent = {"Host": place.authority, "User-Agent": "Tokenry", "Accept-Encoding": "identity", "Connection": "close", **headers}
        try:
            request = connection.send(h11.Request(method=method, target=place.target, headers=list(sent.items()))) or b""
            request += (connection.send(h11.Data(data=body)) or b"") + (connection.send(h11.EndOfMessage()) or b"")
            async with asyncio.timeout(within):
                reader, writer = await self._connect(place)
                try:
                    writer.write(request)
                    return await _answer(connection, reader, maximum)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise Unreachable(f"no answer within {within:g} seconds") from None
        except h11.ProtocolError:
            raise Unreachable("no HTTP was answered") from None
        except OSError as problem:
            raise Unreachable(f"the connection failed ({type(problem).__name__})") from None

    async def _connect(self, place: _Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection to one of the addresses of a place."""
        secured = {"ssl": self._tls, "server_hostname": place.host} if place.scheme == "https" else {}
        problem = OSError()
        for address in await self._addresses(place):
            try:
                return await asyncio.open_connection(address, place.port, **secured)  # type: ignore[arg-type]  # of two kinds
            except OSError as error:
                problem = error
        raise problem

    async def _addresses(self, place: _Place) -> list[str]:
        """Return the addresses of a place's host, every one of which may be asked: a name that means both kinds is somebody's trick."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable("its host has no address") from None
        addresses = [str(address[4][0]) for address in found]
        public = [is_public(address) for address in addresses]
        if not self._allow_private and not all(public):
            raise Unreachable("its host is in a private network (see TOKENRY_PRIVATE_ADDRESSES)")
        if place.scheme != "https" and (not self._allow_private or any(public)):
            raise Unreachable("it is not https")
        return list(dict.fromkeys(addresses))[:_TRIED]

    @cached_property
    def _tls(self) -> "ssl.SSLContext":
        import ssl

        return ssl.create_default_context()


def _place(url: str) -> _Place:
    """Return where a request to an address goes.

    Raises:
        Unreachable: it is no address that can be asked.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise Unreachable("it is no address that can be asked") from None
    if not parts.hostname or "@" in parts.netloc or not url.isascii() or not url.isprintable() or " " in url:
        raise Unreachable("it is no address that can be asked")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Place(parts.scheme, parts.hostname, port, parts.netloc, target)


async def _answer(connection: "h11.Connection", reader: asyncio.StreamReader, maximum: int | None) -> Answer:
    """Read an answer; its body too, where there is a ``maximum`` of bytes."""
    import h11

    head: h11.Response | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.ConnectionClosed):
            raise Unreachable("the connection ended before the answer")
        if maximum is not None and len(body) > maximum:
            raise Unreachable(f"the answer has more than {maximum} bytes")
        if head is not None and (maximum is None or isinstance(event, h11.EndOfMessage)):
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
            return Answer(head.status_code, headers, body)
