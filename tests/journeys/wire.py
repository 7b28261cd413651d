"""HTTP over plain sockets: byte for byte what a test wants to send, and no more help than it wants with the answer."""

import asyncio
import base64
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came; ``status`` of 0 says that the connection ended without one."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    version: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


NOTHING = Answer(0, {}, b"")


def form(
    path: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None, headers: Sequence[str] = (), version: str = "1.1"
) -> bytes:
    """Return a request that posts a form."""
    body = urlencode(fields).encode()
    lines = [f"POST {path} HTTP/{version}", "Host: localhost", "Content-Type: application/x-www-form-urlencoded", *headers]
    if basic is not None:
        lines.append(f"Authorization: Basic {base64.b64encode(':'.join(basic).encode()).decode()}")
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def ask(port: int, data: bytes, *, host: str = "127.0.0.1", seconds: float = 10, method: str = "POST") -> Answer:
    """Send bytes over a connection of their own and return the first answer, or :data:`NOTHING` where the other side just closes."""
    with socket.create_connection((host, port), timeout=seconds) as connection:
        connection.sendall(data)
        return read(connection, method=method)


def read(connection: socket.socket, *, method: str = "POST") -> Answer:
    """Read one answer."""
    received = b""
    try:
        while b"\r\n\r\n" not in received:
            more = connection.recv(65536)
            if not more:
                return NOTHING
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        answer = _parse(head)
        length = 0 if method == "HEAD" else int(answer.headers.get("content-length", "0"))
        while len(body) < length:
            more = connection.recv(65536)
            if not more:
                break
            body += more
    except ConnectionResetError:
        return NOTHING
    return Answer(answer.status, answer.headers, body, answer.version)


def is_closed(connection: socket.socket, seconds: float = 5) -> bool:
    """Whether the other side closes the connection within some seconds, without another byte."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def _parse(head: bytes) -> Answer:
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = status_line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(status), headers, b"", version)


async def at_once(requests: Sequence[tuple[int, bytes]], *, seconds: float = 60) -> list[Answer]:
    """Send requests, each a port and its bytes, all at the same moment over connections that are open already."""
    connections = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for port, _ in requests))
    try:
        for (_, writer), (_, data) in zip(connections, requests, strict=True):
            writer.write(data)
        async with asyncio.timeout(seconds):
            return await asyncio.gather(*(receive(reader) for reader, _ in connections))
    finally:
        for _, writer in connections:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in connections), return_exceptions=True)


async def receive(reader: asyncio.StreamReader) -> Answer:
    """Read one answer from a stream."""
    try:
        answer = _parse((await reader.readuntil(b"\r\n\r\n"))[:-4])
        body = await reader.readexactly(int(answer.headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return NOTHING
    return Answer(answer.status, answer.headers, body, answer.version)
