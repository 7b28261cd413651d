"""Requests as bytes over sockets: two readings of one request, requests that never end, and what is answered to noise."""

import concurrent.futures
import contextlib
import select
import socket
import time

import httpx
import pytest

from tests.fixtures.server import NO_TLS
from tests.security.doors import FORM
from tests.security.live import Live
from tests.security.wire import request, send

BODY = b"grant_type=client_credentials"
AUTH = ("Authorization", Live.basic("demo-service"))
TYPE = ("Content-Type", FORM)
HEAD_SECONDS = 10


def head(*lines: str, first: str = "POST /token HTTP/1.1", host: bool = True, auth: bool = True) -> bytes:
    """Write a head of whatever lines."""
    shown = [
        first,
        *(["Host: localhost"] if host else []),
        f"Content-Type: {FORM}",
        *([f"Authorization: {AUTH[1]}"] if auth else []),
        *lines,
    ]
    return "\r\n".join(shown).encode("latin-1") + b"\r\n\r\n"


def chunked(body: bytes = BODY, *, trailer: bytes = b"") -> bytes:
    return b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(body), body, trailer)


LENGTH = f"Content-Length: {len(BODY)}"
TWO_READINGS = {
    "two equal lengths": head(LENGTH, LENGTH) + BODY,
    "two different lengths": head(LENGTH, "Content-Length: 3") + BODY,
    "a list of lengths": head(f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY,
    "length before chunks": head(LENGTH, "Transfer-Encoding: chunked") + chunked(),
    "chunks before length": head("Transfer-Encoding: chunked", "Content-Length: 4") + chunked(),
    "an unknown coding": head("Transfer-Encoding: xchunked") + chunked(),
    "a coding after chunks": head("Transfer-Encoding: chunked, identity") + chunked(),
    "a coding before chunks": head("Transfer-Encoding: gzip, chunked") + chunked(),
    "chunks twice": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + chunked(),
    "chunks and identity": head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunked(),
    "a tab in the coding": head("Transfer-Encoding: \x0bchunked") + chunked(),
    "chunks in HTTP/1.0": head("Transfer-Encoding: chunked", first="POST /token HTTP/1.0") + chunked(),
    "a signed length": head("Content-Length: +29") + BODY,
    "a negative length": head("Content-Length: -1"),
    "a length in hexadecimal": head("Content-Length: 0x1d") + BODY,
    "an endless length": head("Content-Length: 99999999999999999999999999"),
    "a space before the colon": head(f"Content-Length : {len(BODY)}") + BODY,
    "a folded line": head("X: a\r\n b", LENGTH) + BODY,
    "NUL in a header": head("X: a\0b", LENGTH) + BODY,
    "a bare CR in a header": head("X: a\rb", LENGTH) + BODY,
    "a bare LF in a header": head(f"X: a\nTransfer-Encoding: chunked\r\n{LENGTH}") + BODY,
    "a header without a name": head(": a", LENGTH) + BODY,
    "no host": head(LENGTH, host=False) + BODY,
    "two hosts": head("Host: elsewhere", LENGTH) + BODY,
    "a fragment in the target": head(LENGTH, first="POST /token#x HTTP/1.1") + BODY,
    "a space in the target": head(LENGTH, first="POST /token x HTTP/1.1") + BODY,
    "raw bytes in the target": head(LENGTH, first="POST /token\xff HTTP/1.1") + BODY,
    "no version": b"POST /token\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "HTTP/1.2": head(LENGTH, first="POST /token HTTP/1.2") + BODY,
    "HTTP/3.0": head(LENGTH, first="POST /token HTTP/3.0") + BODY,
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS handshake": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
    "an unknown method": head(LENGTH, first="STEAL /token HTTP/1.1") + BODY,
    "CONNECT to a host": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "CONNECT to a door": b"CONNECT /token HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no chunk size": head("Transfer-Encoding: chunked") + b"zz\r\n\r\n",
    "a chunk size beyond any": head("Transfer-Encoding: chunked") + b"f" * 40 + b"\r\n",
    "a negative chunk": head("Transfer-Encoding: chunked") + b"-1\r\n\r\n",
    "a chunk longer than it says": head("Transfer-Encoding: chunked") + b"3\r\n" + BODY + b"\r\n0\r\n\r\n",
    "an absolute target without a host": head(LENGTH, first="POST http:///token HTTP/1.1") + BODY,
}


@pytest.mark.security("DS-02")
@pytest.mark.parametrize("name", TWO_READINGS)
def test_a_request_that_two_parties_could_read_in_two_ways_is_refused(lone: Live, name: str) -> None:
    exchange = send(lone.port, TWO_READINGS[name] + request("GET", "/livez"), wait=4)
    assert [answer.status for answer in exchange.answers] == [400]
    assert exchange.closed
    assert b"access_token" not in exchange.raw


FINE = {
    "with its length": head(LENGTH, "Connection: close") + BODY,
    "in chunks": head("Transfer-Encoding: chunked", "Connection: close") + chunked(),
    "in chunks of one byte with extensions": head("Transfer-Encoding: Chunked", "Connection: close")
    + b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in BODY)
    + b"0\r\n\r\n",
    "in HTTP/1.0": head(LENGTH, first="POST /token HTTP/1.0") + BODY,
    "in HTTP/1.0 without a host": head(LENGTH, first="POST /token HTTP/1.0", host=False) + BODY,
    "after line ends": b"\r\n\r\n" + head(LENGTH, "Connection: close") + BODY,
    "with an absolute target": head(LENGTH, "Connection: close", first="POST http://localhost/token HTTP/1.1") + BODY,
    "with a percent-encoded path": head(LENGTH, "Connection: close", first="POST /%74oken HTTP/1.1") + BODY,
    "with a body that waits for leave": head(LENGTH, "Expect: 100-continue", "Connection: close") + BODY,
    "by a client that offers HTTP/2": head(
        LENGTH, "Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"
    )
    + BODY,
    "by a client that offers a websocket": head(LENGTH, "Connection: upgrade, close", "UpGrade: websocket") + BODY,
}


@pytest.mark.security("DS-02")
@pytest.mark.parametrize("name", FINE)
def test_a_request_in_an_unusual_but_clear_form_is_served(lone: Live, name: str) -> None:
    exchange = send(lone.port, FINE[name], wait=4)
    final = [answer for answer in exchange.answers if answer.status != 100]
    assert [answer.status for answer in final] == [200], exchange.raw
    assert exchange.closed


@pytest.mark.security("DS-02")
@pytest.mark.parametrize("pause", [0, 0.2], ids=["one-packet", "two-packets"])
@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.0", "h2c, websocket"])
def test_the_body_of_a_request_that_offers_an_upgrade_is_never_a_request(lone: Live, offer: str, pause: float) -> None:
    hidden = b"GET /livez?hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
    lines = ("Connection: Upgrade", f"Upgrade: {offer}", f"Content-Length: {len(hidden)}")
    exchange = send(lone.port, [head(*lines, auth=False), *([pause] if pause else []), hidden], wait=3, quiet=0.7)
    assert len(exchange.answers) == 1
    assert b'"ok"' not in exchange.raw


@pytest.mark.security("DS-02")
@pytest.mark.parametrize("pause", [0, 0.2], ids=["one-packet", "two-packets"])
def test_a_field_after_the_body_is_no_header(lone: Live, pause: float) -> None:
    trailer = f"Authorization: {AUTH[1]}\r\n".encode()
    first = head("Transfer-Encoding: chunked", "Connection: close", auth=False)
    exchange = send(lone.port, [first, *([pause] if pause else []), chunked(trailer=trailer)], wait=4)
    assert exchange.status == 401
    alone = head("Transfer-Encoding: chunked", "Connection: close") + chunked(trailer=b"Content-Type: text/plain\r\nX-Other: 1\r\n")
    assert send(lone.port, alone, wait=4).status == 200


@pytest.mark.security("DS-02")
def test_pipelined_requests_are_answered_in_their_order(lone: Live) -> None:
    both = head(LENGTH) + BODY + request("GET", "/livez", close=False) + head(LENGTH, "Connection: close", auth=False) + BODY
    assert [answer.status for answer in send(lone.port, both, wait=4).answers] == [200, 200, 401]


@pytest.mark.security("IN-04")
@pytest.mark.parametrize("size", [70_000, 200_000, 1_000_000])
def test_a_head_beyond_64_kilobytes_is_refused(lone: Live, size: int) -> None:
    exchange = send(lone.port, head(f"X: {'x' * size}", LENGTH, "Connection: close") + BODY, wait=4)
    assert b"200 OK" not in exchange.raw
    assert exchange.closed


@pytest.mark.security("IN-04")
@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("path", ["/token", "/third_party/oauth2/token"])
def test_a_body_of_four_megabytes_is_too_large(lone: Live, path: str, framing: str) -> None:
    media_type = FORM if path == "/token" else "application/json"
    size = 4 * 2**20
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}"]
    if framing == "length":
        data = "\r\n".join([*lines, f"Content-Length: {size}"]).encode() + b"\r\n\r\n" + b"a" * size
    else:
        data = (
            "\r\n".join([*lines, "Transfer-Encoding: chunked"]).encode()
            + b"\r\n\r\n"
            + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 64
            + b"0\r\n\r\n"
        )
    began = time.monotonic()
    exchange = send(lone.port, data, wait=6, quiet=0.5)
    assert exchange.status == 413
    assert exchange.answers[0].json().get("error", "invalid_request") == "invalid_request"
    assert time.monotonic() - began < 4


def lifetime(port: int, first: bytes, drip: bytes, *, every: float = 1.5, limit: float = 2.6 * HEAD_SECONDS) -> float:
    """Return after how many seconds the server ends a connection on which something drips, or the limit."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(first)
        while (passed := time.monotonic() - began) < limit:
            connection.settimeout(every)
            try:
                while connection.recv(65536):
                    pass
            except TimeoutError:
                pass
            except OSError:
                return passed
            else:
                return time.monotonic() - began
            try:
                connection.sendall(drip)
            except OSError:
                return passed
    return limit


SERVED = head(LENGTH) + BODY
SLOW = {
    "nothing at all": (b"", b""),
    "half a head": (b"POST /token HTTP/1.1\r\nHost: ", b"x"),
    "line ends alone": (b"\r\n", b"\r\n"),
    "a head and no body": (head(LENGTH), b""),
    "a head and a body by the byte": (head("Content-Length: 1000"), b"a"),
    "a chunk that never comes": (head("Transfer-Encoding: chunked"), b""),
    "an endless chunk extension": (head("Transfer-Encoding: chunked") + b"1;", b"x"),
    "an endless trailer": (head("Transfer-Encoding: chunked") + b"0\r\n", b"X: y\r\n"),
    "line ends after an answer": (SERVED, b"\r\n"),
    "a second head by the byte": (SERVED + b"POST /tok", b"e"),
    "a body that nobody asked for": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n", b"x"),
    "the body of a refused method": (b"GET /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n", b"x"),
    "the body of a refused size": (head("Content-Length: 1000000000"), b"x"),
    "a body after leave was asked": (head("Content-Length: 1000", "Expect: 100-continue"), b""),
}


@pytest.mark.security("DS-01")
@pytest.mark.security("DS-03")
def test_no_drip_of_bytes_holds_a_connection(lone: Live) -> None:
    with concurrent.futures.ThreadPoolExecutor(len(SLOW)) as pool:
        lifetimes = dict(zip(SLOW, pool.map(lambda name: lifetime(lone.port, *SLOW[name]), SLOW), strict=True))
    assert {name: seconds for name, seconds in lifetimes.items() if seconds > 1.5 * HEAD_SECONDS} == {}
    assert httpx.get(f"{lone.server.url}/readyz", verify=NO_TLS).status_code == 200


@pytest.mark.security("DS-01")
def test_two_hundred_half_sent_requests_stop_nobody(lone: Live) -> None:
    halves = [head(LENGTH), head(LENGTH) + BODY[:5], b"POST /token HTTP/1.1\r\nHost:", head("Transfer-Encoding: chunked") + b"5\r\nab"]
    open_ones = [socket.create_connection(("127.0.0.1", lone.port), timeout=5) for _ in range(200)]
    try:
        for number, connection in enumerate(open_ones):
            connection.sendall(halves[number % len(halves)])
        slowest = 0.0
        for _ in range(20):
            exchange = send(lone.port, head(LENGTH, "Connection: close") + BODY, wait=4)
            assert exchange.status == 200
            slowest = max(slowest, exchange.seconds)
        assert slowest < 1
    finally:
        for connection in open_ones:
            connection.close()


def resident(lone: Live) -> float:
    """Return the megabytes that the server holds."""
    return sum(process.memory_info().rss for process in lone.server.processes()) / 2**20


def until_let_go(port: int, *, limit: float) -> float:
    """Ask a great deal on one connection, read nothing, and return after how many seconds the server ends it, or the limit."""
    asked = b"GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(0)
        watch = select.poll()
        watch.register(connection, select.POLLHUP | select.POLLERR)
        began, rest = time.monotonic(), b""
        while (passed := time.monotonic() - began) < limit:
            if watch.poll(50):
                return passed
            rest = rest or (asked if passed < 4 else b"")
            with contextlib.suppress(BlockingIOError, ConnectionError):
                rest = rest[connection.send(rest) :] if rest else rest
    return limit


@pytest.mark.security("DS-01")
@pytest.mark.security("DS-03")
def test_answers_that_nobody_reads_hold_nothing_for_long(lone: Live) -> None:
    before = resident(lone)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        lifetimes = list(pool.map(lambda _: until_let_go(lone.port, limit=2 * HEAD_SECONDS), range(4)))
    assert resident(lone) - before < 15
    assert max(lifetimes) < 2 * HEAD_SECONDS
    assert httpx.get(f"{lone.server.url}/readyz", verify=NO_TLS).status_code == 200


@pytest.mark.security("IN-04")
@pytest.mark.security("DS-03")
def test_an_endless_trailer_does_not_fill_the_memory(lone: Live) -> None:
    block = b"".join(b"X-%07d: %b\r\n" % (number, b"a" * 200) for number in range(2000))
    before = after = resident(lone)
    with socket.create_connection(("127.0.0.1", lone.port), timeout=3) as connection:
        connection.sendall(head("Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY))
        try:
            for _ in range(200):
                connection.sendall(block)
                after = max(after, resident(lone))
        except OSError:
            pass
    assert after - before < 30


@pytest.mark.security("DS-03")
@pytest.mark.parametrize("form", ["client_id", "basic", "json"])
def test_names_that_nobody_has_are_not_remembered(lone: Live, form: str) -> None:
    before = resident(lone)
    address, size, count = lone.address(), 60_000, 700
    transport = httpx.HTTPTransport(local_address=address, verify=NO_TLS)
    with httpx.Client(transport=transport, trust_env=False, base_url=lone.server.url) as client:
        for number in range(count):
            name = f"{number:08}" + "n" * (size if form != "basic" else size // 2)
            if form == "json":
                members = {"client_id": name + "n" * 100_000, "client_secret": "s", "store_id": "s"}
                answer = client.post("/third_party/oauth2/token", json=members)
            elif form == "basic":
                answer = client.post("/token", content=BODY, headers={"Content-Type": FORM, "Authorization": lone.basic(name, "s")})
            else:
                answer = client.post(
                    "/oauth2/client-credentials", data={"grant_type": "client_credentials", "client_id": name, "client_secret": "s"}
                )
            assert answer.status_code in {400, 401, 429}
    assert resident(lone) - before < 20


@pytest.mark.security("HD-01")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"])
@pytest.mark.parametrize("path", ["/token", "/oauth/token", "/third_party/oauth2/token", "/introspect", "/revoke", "/livez", "/readyz"])
def test_only_the_documented_method_is_answered(lone: Live, method: str, path: str) -> None:
    exchange = send(lone.port, request(method, path, [("X-Mirror", "reflect me")]), wait=4)
    if path in {"/livez", "/readyz"}:
        assert exchange.status == (200 if method == "GET" else 405)
    else:
        assert exchange.status == 405
        assert exchange.answers[0].header("allow") == "POST"
    assert b"reflect me" not in exchange.raw
    assert exchange.closed


@pytest.mark.security("HI-01")
def test_no_byte_of_a_request_comes_back_as_a_header(lone: Live) -> None:
    target = "/token?state=%0d%0aSet-Cookie:%20a=b&x=%E5%98%8A%E5%98%8DSet-Cookie:a=b"
    exchange = send(lone.port, request("POST", target, [TYPE], b"state=%0d%0aSet-Cookie:%20a=b&grant_type=a%0d%0ab"), wait=4)
    assert exchange.status == 400
    assert b"set-cookie" not in exchange.raw.lower()


@pytest.mark.security("IN-10")
@pytest.mark.parametrize(
    "path", ["//token", "/token/", "/./token", "/x/../token", "/token;x", "/token%00", "/token%2f", "/TOKEN", "/%2574oken", "*"]
)
def test_a_path_that_is_nearly_a_door_is_none(lone: Live, path: str) -> None:
    exchange = send(lone.port, request("POST", path, [TYPE, AUTH], BODY), wait=4)
    assert exchange.status == 404
    assert b"access_token" not in exchange.raw
