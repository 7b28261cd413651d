"""Below HTTP libraries: old versions, odd framing, slow and oversized senders, and both loopback addresses."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

import pytest

from tests.journeys.conftest import Sandbox
from tests.journeys.wire import NOTHING, ask, form, is_closed, read

FIELDS: Final = {"grant_type": "client_credentials"}
BASIC: Final = ("demo-service", "demo-service-secret")
GOOD: Final = form("/token", FIELDS, basic=BASIC)
BODY: Final = b"grant_type=client_credentials"
HEAD: Final = b"\r\n".join(
    [
        b"POST /token HTTP/1.1",
        b"Host: localhost",
        b"Authorization: Basic ZGVtby1zZXJ2aWNlOmRlbW8tc2VydmljZS1zZWNyZXQ=",
        b"Content-Type: application/x-www-form-urlencoded",
    ]
)


def is_well(sandbox: Sandbox) -> bool:
    """Whether the server still answers, and quickly."""
    started = time.monotonic()
    return ask(sandbox.port, GOOD).status == 200 and time.monotonic() - started < 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_loopback_addresses_answer(sandbox: Sandbox, host: str) -> None:
    assert ask(sandbox.port, GOOD, host=host).status == 200


def test_http_1_0_is_served_and_the_connection_closed(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        connection.sendall(form("/token", FIELDS, basic=BASIC, version="1.0"))
        assert read(connection).status == 200
        assert is_closed(connection)


def test_two_requests_in_one_packet_are_answered_in_order(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        connection.sendall(GOOD + b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.index(b"access_token") < received.index(b'{"status":"ok"}')


@pytest.mark.security("TK-02")
@pytest.mark.security("HD-01")
@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/oauth/token", "/third_party/oauth2/token", "/oauth2/password"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_a_door_takes_post_alone(sandbox: Sandbox, method: str, path: str) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = ask(sandbox.port, request, method=method)
    assert (answer.status, answer.headers.get("allow")) == (405, "POST")
    if method == "HEAD":
        assert answer.body == b""
    else:
        assert "invalid_request" in json.dumps(answer.json())


@contextmanager
def sent(sandbox: Sandbox, data: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        connection.sendall(data)
        yield connection


AMBIGUOUS = {
    "two_content_lengths": HEAD + b"\r\nContent-Length: 29\r\nContent-Length: 5\r\n\r\n" + BODY,
    "a_list_of_content_lengths": HEAD + b"\r\nContent-Length: 29, 5\r\n\r\n" + BODY,
    "length_and_chunked": HEAD + b"\r\nContent-Length: 29\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunked_and_length": HEAD + b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n1d\r\n" + BODY + b"\r\n0\r\n\r\n",
    "chunked_not_last": HEAD + b"\r\nTransfer-Encoding: chunked, identity\r\n\r\n1d\r\n" + BODY + b"\r\n0\r\n\r\n",
    "space_before_colon": HEAD + b"\r\nContent-Length : 29\r\n\r\n" + BODY,
    "signed_length": HEAD + b"\r\nContent-Length: +29\r\n\r\n" + BODY,
    "hexadecimal_length": HEAD + b"\r\nContent-Length: 0x1d\r\n\r\n" + BODY,
    "endless_length": HEAD + b"\r\nContent-Length: 99999999999999999999999\r\n\r\n" + BODY,
    "folded_header": HEAD + b"\r\nX-Folded: a\r\n b\r\nContent-Length: 29\r\n\r\n" + BODY,
    "nul_in_a_header": HEAD + b"\r\nX-Nul: a\x00b\r\nContent-Length: 29\r\n\r\n" + BODY,
    "lone_carriage_return": HEAD + b"\r\nX-Return: a\rContent-Length: 29\r\n\r\n" + BODY,
    "no_http": b"HELO localhost\r\n\r\n",
    "binary": bytes(range(256)),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}


@pytest.mark.security("DS-02")
@pytest.mark.security("F-15")
@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_framing_gets_no_token_and_an_end(sandbox: Sandbox, name: str) -> None:
    with sent(sandbox, AMBIGUOUS[name]) as connection:
        answer = read(connection)
        assert answer == NOTHING or 400 <= answer.status < 500
        assert answer == NOTHING or is_closed(connection)
    assert is_well(sandbox)


def test_chunks_are_read_like_one_body(sandbox: Sandbox) -> None:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:8], BODY[8:]))
    request = HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert ask(sandbox.port, request).status == 200


def test_a_request_in_pieces_is_read_like_one(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(GOOD), 16):
            connection.sendall(GOOD[start : start + 16])
            time.sleep(0.002)
        assert read(connection).status == 200


@pytest.mark.security("IN-04")
def test_eight_megabytes_are_refused_by_their_announcement(sandbox: Sandbox) -> None:
    started = time.monotonic()
    with sent(sandbox, HEAD + b"\r\nContent-Length: 8388608\r\n\r\n" + b"a" * 1024) as connection:
        assert read(connection).status == 413
    assert time.monotonic() - started < 1


@pytest.mark.security("IN-04")
def test_who_asks_before_sending_eight_megabytes_is_told_not_to(sandbox: Sandbox) -> None:
    with sent(sandbox, HEAD + b"\r\nContent-Length: 8388608\r\nExpect: 100-continue\r\n\r\n") as connection:
        assert read(connection).status == 413


@pytest.mark.security("IN-04")
def test_eight_megabytes_in_chunks_are_refused_once_they_are_too_many(sandbox: Sandbox) -> None:
    started = time.monotonic()
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused while it was still being sent
            connection.sendall(HEAD + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(128):
                connection.sendall(chunk)
        answer = read(connection)
    assert answer.status == 413 or answer == NOTHING
    assert time.monotonic() - started < 2
    assert is_well(sandbox)


@pytest.mark.security("IN-02")
def test_an_endless_head_is_ended(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"POST /token HTTP/1.1\r\n" + b"X-Long: " + b"a" * 1_000_000)
        answer = read(connection)
    assert answer == NOTHING or 400 <= answer.status < 500
    assert is_well(sandbox)


@pytest.mark.security("F-20")
def test_clients_that_vanish_leave_nothing_behind(sandbox: Sandbox) -> None:
    before = sandbox.server.processes()[0].num_fds()
    for _ in range(50):
        with sent(sandbox, GOOD):
            pass
        with sent(sandbox, GOOD[: len(GOOD) // 2]):
            pass
        with sent(sandbox, GOOD) as connection:
            connection.shutdown(socket.SHUT_WR)
            read(connection)
    deadline = time.monotonic() + 5
    while sandbox.server.processes()[0].num_fds() > before + 2:
        assert time.monotonic() < deadline, "connections are left open"
        time.sleep(0.05)
    assert is_well(sandbox)
    assert "Traceback" not in sandbox.server.errors
    assert '"level": "error"' not in sandbox.server.errors


@pytest.mark.security("DS-01")
@pytest.mark.security("DS-03")
@pytest.mark.security("F-14")
async def test_two_hundred_half_sent_heads_disturb_nobody_and_are_closed_in_time(sandbox: Sandbox) -> None:
    started = time.monotonic()
    with ExitStack() as stack:
        held = [stack.enter_context(sent(sandbox, GOOD[: len(GOOD) // 2])) for _ in range(200)]
        dripping = asyncio.gather(drip(sandbox, HEAD), drip(sandbox, HEAD + b"\r\nContent-Length: 29\r\n\r\n"))
        worst = 0.0
        while time.monotonic() - started < 9:
            asked_at = time.monotonic()
            answer = await asyncio.to_thread(ask, sandbox.port, GOOD)
            assert answer.status == 200
            worst = max(worst, time.monotonic() - asked_at)
            await asyncio.sleep(0.1)
        assert worst < 1
        await asyncio.sleep(max(0, started + 12 - time.monotonic()))
        assert all(is_ended(connection) for connection in held)
        assert max(await dripping) < 15
    assert is_well(sandbox)


def is_ended(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection, with or without a refusal."""
    connection.settimeout(0.01)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


async def drip(sandbox: Sandbox, start: bytes) -> float:
    """Send what follows ``start`` at a byte a second, and return after how many seconds the other side had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    started = time.monotonic()
    writer.write(start)
    try:
        while time.monotonic() - started < 20 and not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            try:
                async with asyncio.timeout(1):
                    if await reader.read(1024) == b"":
                        break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    finally:
        writer.close()
    return time.monotonic() - started
