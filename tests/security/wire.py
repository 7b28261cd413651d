"""Bytes over sockets: what no client library would send, and what comes back."""

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.security.doors import Answer


@dataclass(slots=True)
class Exchange:
    """What came back over one connection. ``closed`` tells that the server ended it."""

    raw: bytes
    closed: bool
    seconds: float

    @property
    def answers(self) -> list[Answer]:
        """The answers, by their Content-Length."""
        found, rest = [], self.raw
        while rest:
            head, gap, rest = rest.partition(b"\r\n\r\n")
            if not gap:
                break
            first, *lines = head.split(b"\r\n")
            answer = Answer(int(first.split(b" ")[1]), [_header(line) for line in lines])
            length = int(answer.header("content-length") or 0)
            answer.body, rest = rest[:length], rest[length:]
            found.append(answer)
        return found

    @property
    def status(self) -> int:
        """The status of the first answer, 0 where there was none."""
        answers = self.answers
        return answers[0].status if answers else 0


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


def send(
    port: int,
    data: bytes | Iterable[bytes | float],
    *,
    wait: float = 5,
    quiet: float | None = None,
    address: str = "127.0.0.1",
) -> Exchange:
    """Send bytes and read until the server closes, or for ``wait`` seconds, or until it was ``quiet`` for so long.

    A number among the data is a pause in seconds.
    """
    began = time.monotonic()
    raw = bytearray()
    closed = False
    with socket.create_connection(("127.0.0.1", port), timeout=wait, source_address=(address, 0)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in [data] if isinstance(data, bytes) else data:
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                else:
                    time.sleep(piece)
            while (left := began + wait - time.monotonic()) > 0:
                connection.settimeout(min(left, quiet or left))
                received = connection.recv(65536)
                if not received:
                    closed = True
                    break
                raw += received
        except TimeoutError:
            pass
        except OSError:
            closed = True
    return Exchange(bytes(raw), closed, time.monotonic() - began)


def request(
    method: str = "POST", target: str = "/token", headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, close: bool = True
) -> bytes:
    """Write a plain request with its length, on a connection that ends with it."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers)]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@contextlib.contextmanager
def held(port: int, first: bytes) -> Iterator[socket.socket]:
    """Open a connection and send something."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(first)
        yield connection
