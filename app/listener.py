"""Sockets and the HTTP protocol: uvicorn's, with a bound on how long and how large a request's head may be."""

import asyncio
import errno
import os
import socket
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.core.mistakes import ExitCode, Mistake

HEAD_SECONDS: Final = 10
"""How long a request's head may take, from the connection or its first byte on."""
HEAD_BYTES: Final = 64 * 1024
BACKLOG: Final = 2048


class _Corked:
    """A transport that sends the head of an answer together with its first bytes: one system call instead of two.

    ASGI says that a server does not start to send before the first body event, so nothing waits longer than it may.
    """

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send, or keep a head until what follows it."""
        if data.endswith(b"\r\n\r\n") and data.startswith(_FINAL_STATUS):
            self._head += data
        elif self._head:
            self._transport.write(self._head + data)
            self._head = b""
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send a head that has no body."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def close(self) -> None:
        """Send what waits, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a transport has)
        return getattr(self._transport, name)


_FINAL_STATUS: Final = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections whose request head does not end: in time, or in size (SECURITY: slow and endless heads)."""

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection."""
        self._corked = _Corked(transport)
        super().connection_made(self._corked)  # type: ignore[arg-type]  # it stands in for the transport
        self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def on_response_complete(self) -> None:
        """Send the head of an answer that had no body."""
        self._corked.flush()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self._in_head = False
        self._stop()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Let the parser read; while a head is incomplete, time and size are bounded."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response("The request head is too large.")
            elif self._timer is None:
                self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()


def bind(host: str, port: int, *, loopback: bool) -> list[socket.socket]:
    """Return listening sockets: on the host, or with ``loopback`` on both loopback addresses where the machine has them.

    Raises:
        Mistake: the address cannot be had.
    """
    hosts = ["127.0.0.1", "::1"] if loopback else [host]
    sockets: list[socket.socket] = []
    for each in hosts:
        try:
            sockets.append(_listen(each, sockets[0].getsockname()[1] if sockets else port))
        except OSError as error:
            if each == "::1" and error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                continue  # A machine without IPv6.
            for opened in sockets:
                opened.close()
            raise Mistake(_why_not(each, port, error), ExitCode.CANNOT_LISTEN) from None
    return sockets


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.set_inheritable(True)
    except OSError:
        listener.close()
        raise
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken: stop what listens there, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed for this user: choose one above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def uvicorn_options(**more: Any) -> dict[str, Any]:  # noqa: ANN401 (uvicorn's own options)
    """Return what every uvicorn of ours is configured with."""
    return {
        "http": GuardedProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "log_config": None,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 10,
        "backlog": BACKLOG,
        **more,
    }
