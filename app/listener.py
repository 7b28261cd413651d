"""Sockets and the HTTP protocol: uvicorn's, bounded and strict."""

import asyncio
import errno
import logging
import os
import re
import socket
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.core.mistakes import ExitCode, Mistake

HEAD_SECONDS: Final = 10
"""How long a request's head may take, from the connection or its first byte on."""
BODY_SECONDS: Final = 10
"""How long a request's body may take, from the end of its head on."""
WRITE_SECONDS: Final = 10
"""How long a client may leave its answers unread."""
PIPELINED: Final = 64
"""Requests that may wait on a connection for the answers before them."""
HEAD_BYTES: Final = 64 * 1024
LAST_SECONDS: Final = 0.5
"""How long an idle connection stays open once the server stops: a request may be on its way, and gets the last answer."""
TRAILER_BYTES: Final = 8 * 1024
DROPPED_BYTES: Final = 16 * 1024 * 1024
"""Of a body that comes after its answer."""
# At its trace level uvicorn prints the paths and queries of requests, and people put secrets there.
logging.getLogger("uvicorn.asgi").addFilter(lambda record: record.levelno >= logging.INFO)
_UPGRADE: Final = re.compile(rb"\r\nupgrade[ \t]*:", re.IGNORECASE)
_FIRST, _LAST = b"!~"
"""Between these lies what can begin a method (RFC 9110 §5.6.2)."""
_HOSTS: Final = {"1.0": (0, 1), "1.1": (1,)}
"""How many Host fields a version takes."""
BACKLOG: Final = 2048
_DIRECT_METHODS: Final = (b"POST", b"GET")
HANG_UP: Final = "tokenry.hang_up"
"""Under this name among ASGI's extensions a request has a function that ends its connection at once, where this module is the server."""


class _Corked:
    """A transport that sends the head of an answer together with its first bytes: one system call instead of two.

    ASGI says that a server does not start to send before the first body event, so nothing waits longer than it may.
    """

    __slots__ = ("_head", "_last", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_closing = transport.is_closing
        self._last: asyncio.TimerHandle | None = None
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
        """Send what waits, then close; a client that does not read is let go all the same."""
        self.flush()
        self._transport.close()
        if self._last is None:
            self._last = asyncio.get_running_loop().call_later(WRITE_SECONDS, self._transport.abort)

    def closed(self) -> None:
        """Forget that somebody had to be let go: they went."""
        if self._last is not None:
            self._last.cancel()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a transport has)
        return getattr(self._transport, name)


_FINAL_STATUS: Final = (b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")


WholeAnswer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, header fields (their names in lower case, the content's length among them) and body."""


class DirectDoor(Protocol):
    """Takes whole requests from the server, past ASGI, its messages and what it allocates for each; others go ASGI's way.

    What it awaits runs in no task of its own: it may wait for futures and for tasks, and :mod:`asyncio`'s time limits belong into those.
    """

    @property
    def maximum_body(self) -> int:
        """How many bytes a body may have to come this way."""
        ...

    def take(
        self, method: str, headers: list[tuple[bytes, bytes]], body: bytes, address: str
    ) -> Coroutine[asyncio.Future[object], None, WholeAnswer]:
        """Answer a request that has arrived as a whole, at a path that is written plainly and without a query; never raises."""
        ...


class _Nobody:
    """Whom uvicorn tells that something came for a request: this one has all."""

    def set(self) -> None:
        """Do nothing."""


class _Direct:
    """A request on its way to a direct door: stands where uvicorn has its cycle of a request and an answer.

    It drives its answer itself, called by the loop at first and then by whatever the answer has waited for. That is what a task does;
    without one an exchange costs 2 µs less.
    """

    __slots__ = ("_answering", "_protocol", "body", "disconnected", "door", "headers", "keep_alive", "method", "response_complete")
    message_event: Final = _Nobody()

    def __init__(self, protocol: "GuardedProtocol", door: DirectDoor, method: str, headers: list[tuple[bytes, bytes]]) -> None:
        self._protocol = protocol
        self._answering: Coroutine[asyncio.Future[object], None, WholeAnswer] | None = None
        self.door = door
        self.method = method
        self.headers = headers
        self.keep_alive = True
        self.body = b""
        self.disconnected = False
        self.response_complete = False

    def __call__(self, _waited_for: "asyncio.Future[object] | None" = None) -> None:
        """Go on until the answer is there, or has to wait for something."""
        if self._answering is None:
            self._answering = self.door.take(self.method, self.headers, self.body, self._protocol.address_of(self.headers))
        try:
            awaited = self._answering.send(None)
        except StopIteration as end:
            self._protocol.send(self, end.value)
        except BaseException:
            self._protocol.transport.close()
            raise
        else:
            awaited._asyncio_future_blocking = False  # noqa: SLF001 (asyncio's handshake between a future and what awaits it)
            awaited.add_done_callback(self)


class MalformedRequest(Exception):  # noqa: N818 (what the client sent)
    """The request breaks the protocol; it is answered 400 and the connection closed."""


class _Trailer(list[tuple[bytes, bytes]]):
    """Stands where the header fields of a message were, once its head is over: counts and drops what still comes."""

    _bytes = 0

    def append(self, field: tuple[bytes, bytes]) -> None:
        """Drop a field of the trailer.

        Raises:
            MalformedRequest: there is more of it than anybody needs.
        """
        self._bytes += len(field[0]) + len(field[1])
        if self._bytes > TRAILER_BYTES:
            raise MalformedRequest


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds on time and size, and without what only a smuggler or a scanner sends.

    A head and a body each have a deadline, which no trickle of bytes moves; a body that comes after its answer is read and dropped
    within the same bounds, so that the answer arrives. Trailer fields are dropped (RFC 9110 §6.5.1), an ``Upgrade`` is not heard
    (RFC 9110 §7.8), and framing that two parties could read in two ways is refused (RFC 9112 §3.2, §6.1).
    """

    cycle: "RequestResponseCycle | _Direct | None"  # type: ignore[assignment]  # uvicorn's has no door, and it says nothing of None
    _timer: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _in_head = False
    """Whether the parser has begun a head that it has not ended; one that is held back has not begun for it."""
    _in_body = False
    _held = b""
    _head_bytes = 0
    _dropped_bytes = 0
    _is_stopping = False

    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio says less than it gives
        """Start the clock with the connection."""
        self._plain = transport
        self._corked = _Corked(transport)
        app: Any = self.app
        self._proxies = app.trusted_hosts if isinstance(app, ProxyHeadersMiddleware) else None
        self._doors: Mapping[bytes, DirectDoor] = getattr(app if self._proxies is None else app.app, "direct_doors", {})
        super().connection_made(self._corked)  # type: ignore[arg-type]  # it stands in for the transport
        self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop()
        self._written()
        self._corked.closed()
        self.pipeline.clear()
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def pause_writing(self) -> None:
        """Start the clock of a client that does not read."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop that clock: the client reads."""
        self._written()
        super().resume_writing()

    def _written(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def data_received(self, data: bytes) -> None:
        """Hold a head back until it is complete, then let the parser read.

        The head of a pipelined request may begin in the packet that ends another one; that one is counted instead.
        """
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.send_400_response("The request head is too large.")
                return
        elif not self._in_body:
            data = (self._held + data).lstrip(b"\r\n")
            end = data.find(b"\r\n\r\n")
            if data and not _FIRST <= data[0] <= _LAST:
                self.send_400_response("This is no HTTP request: is https meant?")
                return
            if max(end, len(data) if end < 0 else 0) > HEAD_BYTES:
                self.send_400_response("The request head is too large.")
                return
            if end < 0:
                self._held = data
                if self._timer is None:
                    self._timer = self.loop.call_later(HEAD_SECONDS, self._give_up)
                return
            self._held = b""
            if b"pgrade" in data or b"PGRADE" in data:
                data = _UPGRADE.sub(b"\r\nx-not-heard:", data[: end + 2]) + data[end + 2 :]
        super().data_received(data)
        if (self._in_head or self._in_body) and self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(BODY_SECONDS if self._in_body else HEAD_SECONDS, self._give_up)

    def on_message_begin(self) -> None:
        """Note that the parser is in a head; what ASGI needs is made once it is known that the request goes ASGI's way."""
        self._in_head = True
        self._head_bytes = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        """Check the framing, and note that the head is over."""
        parser = self.parser
        version = parser.get_http_version()
        hosts = encodings = length = 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                encodings += 1 if version == "1.1" and value.lower() == b"chunked" else 2
        if version not in _HOSTS or hosts not in _HOSTS[version] or encodings > 1 or parser.should_upgrade() or b"#" in self.url:
            raise MalformedRequest
        if len(self.pipeline) >= PIPELINED:
            raise MalformedRequest
        self._in_head = False
        self._in_body = True
        self._dropped_bytes = 0
        self._stop()
        method, door = parser.get_method(), self._doors.get(self.url)
        if door is None or encodings or length > door.maximum_body or method not in _DIRECT_METHODS or not self._is_free:
            self._go_the_way_of_asgi()
            self.headers = _Trailer()
        else:
            self.cycle = _Direct(self, door, method.decode(), self.headers)
            self.cycle.keep_alive = version != "1.0" and parser.should_keep_alive()
        if self._is_stopping and self.cycle is not None:
            self.cycle.keep_alive = False

    @property
    def _is_free(self) -> bool:
        """Whether an answer can be sent as soon as it is there, and the client does not wait to be asked for the body."""
        return self._is_idle and not self.flow.write_paused and not self.expect_100_continue

    def _go_the_way_of_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += headers  # the list that the scope holds
        self.scope["extensions"] = {HANG_UP: self.transport.abort}  # type: ignore[dict-item]  # uvicorn's are dictionaries
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, or drop it where the answer was already given."""
        cycle = self.cycle
        if self._is_idle:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > DROPPED_BYTES:
                self.transport.close()
        elif isinstance(cycle, _Direct):
            cycle.body += body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the next byte begins a head, and bring a whole request to its door."""
        self._in_body = False
        self._stop()
        if isinstance(self.cycle, _Direct):
            self.loop.call_soon(self.cycle)
        else:
            super().on_message_complete()

    def send(self, cycle: _Direct, answer: WholeAnswer) -> None:
        """Send a direct answer, if somebody is there to read it."""
        if self._plain.is_closing():
            return
        status, headers, body = answer
        cycle.response_complete = True
        lines = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers + headers:
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        lines.append(body)
        self._plain.write(b"".join(lines))
        if not cycle.keep_alive:
            self._corked.close()
        self.on_response_complete()

    def address_of(self, headers: list[tuple[bytes, bytes]]) -> str:
        """Return where a request comes from, which a trusted proxy tells."""
        address = self.client[0] if self.client else ""
        if self._proxies is None or address not in self._proxies:
            return address
        forwarded = b", ".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        return (forwarded and self._proxies.get_trusted_client_address(forwarded)[0]) or address

    def on_response_complete(self) -> None:
        """Send the head of an answer that had no body; then it is the next request's turn."""
        self._corked.flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            if self.pipeline:
                self.flow.pause_reading()  # uvicorn reads on after each answer; here the queue is answered first
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """Let the timer run: when it rings, it looks how long the connection has been idle, which is cheaper than to set it anew."""

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle too long, and look again after the rest of that time at one that was not."""
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        is_idle = self._is_idle and not self._in_head and not self._held
        if is_idle and left <= 0:
            self.timeout_keep_alive_task = None
            super().timeout_keep_alive_handler()
        else:
            wait = left if left > 0 else self.timeout_keep_alive
            self.timeout_keep_alive_task = self.loop.call_later(wait, self.timeout_keep_alive_handler)

    def shutdown(self) -> None:
        """Let the next answer be the last one; closing at once would lose a request that is on its way."""
        self._is_stopping = True
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(LAST_SECONDS, self._leave)
        else:
            self.cycle.keep_alive = False

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _leave(self) -> None:
        if self._is_idle and not self.transport.is_closing():
            self.transport.close()

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


def check_certificate(certificate: Path, key: Path) -> None:
    """Make sure that https can be served with these files.

    Raises:
        Mistake: one cannot be read, or they are no pair.
    """
    import ssl

    try:
        # Without a passphrase to give, a key that is under one is refused instead of asked about at a terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # an SSLError is one
        reason = error.strerror if not isinstance(error, ssl.SSLError) else "they are no certificate chain and its private key, as PEM"
        raise Mistake(f"TOKENRY_TLS_CERT {certificate} and TOKENRY_TLS_KEY {key}: {reason}", ExitCode.CONFIGURATION) from None


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
