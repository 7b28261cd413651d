"""What is asked of clients' addresses, and above all what is not: over real sockets of this machine."""

import asyncio
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.proofs.remote import MAXIMUM_BODY, Remote, Unreachable

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=7\r\n\r\nok"


class Heard:
    """What a peer was sent."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []


@asynccontextmanager
async def peer(answer: bytes, heard: Heard, *, context: ssl.SSLContext | None = None, then: Peer | None = None) -> AsyncIterator[int]:
    """Answer every request by the same bytes on a port of this machine."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            heard.requests.append(head + await reader.readexactly(length))
            writer.write(answer)
            await writer.drain()
            if then is not None:
                await then(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_answer_is_returned_with_its_headers_and_body() -> None:
    heard = Heard()
    async with peer(OK, heard) as port:
        answer = await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/keys?x=1", "application/json")
    assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"ok", "max-age=7")
    assert heard.requests[0].startswith(b"GET /keys?x=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}\r\n".lower().encode() in heard.requests[0].lower()


async def test_form_is_posted_and_the_body_of_the_answer_is_left_unread() -> None:
    async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    heard = Heard()
    async with peer(b"HTTP/1.1 200 OK\r\n\r\n", heard, then=endless) as port:
        answer = await Remote(allow_private=True).post(f"http://127.0.0.1:{port}/out", {"logout_token": "a.b&c=d"})
    assert (answer.status, answer.body) == (200, b"")
    assert heard.requests[0].startswith(b"POST /out HTTP/1.1\r\n")
    assert heard.requests[0].endswith(b"\r\n\r\nlogout_token=a.b%26c%3Dd")


@pytest.mark.security("LG-18")
async def test_redirect_is_an_answer_and_is_not_followed() -> None:
    heard, other = Heard(), Heard()
    async with peer(OK, other) as elsewhere:
        redirect = f"HTTP/1.1 307 Go\r\nLocation: http://127.0.0.1:{elsewhere}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with peer(redirect, heard) as port:
            assert (await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*")).status == 307
            assert (await Remote(allow_private=True).post(f"http://127.0.0.1:{port}/", {})).status == 307
    assert (len(heard.requests), other.requests) == (2, [])


@pytest.mark.security("AD-12")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1"])  # noqa: S104 (bound by nobody)
async def test_nothing_on_this_machine_is_asked_unless_it_is_allowed(host: str) -> None:
    heard = Heard()
    async with peer(OK, heard) as port:
        for scheme in ("http", "https"):
            with pytest.raises(Unreachable, match=r"private network|no address"):
                await Remote(allow_private=False).get(f"{scheme}://{host}:{port}/", "*/*")
    assert heard.requests == []


async def test_public_address_is_never_asked_without_tls() -> None:
    for allowed in (False, True):
        with pytest.raises(Unreachable, match="not https"):
            await Remote(allow_private=allowed).get("http://8.8.8.8/", "*/*")


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "http://", "http://user@127.0.0.1/", "http://127.0.0.1:x/", "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/ä", ""],
)
async def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(Unreachable, match="no address that can be asked"):
        await Remote(allow_private=True).get(url, "*/*")


async def test_name_without_an_address_is_told() -> None:
    for host in ("nobody.invalid", "a" * 64 + ".invalid"):
        with pytest.raises(Unreachable, match="no address"):
            await Remote(allow_private=True).get(f"https://{host}/", "*/*")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_answer_that_is_no_whole_http_is_none(answer: bytes) -> None:
    async with peer(answer, Heard()) as port:
        with pytest.raises(Unreachable, match=r"no HTTP|connection"):
            await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*")


async def test_answer_may_be_as_large_as_the_limit_and_no_larger() -> None:
    for size, fits in ((MAXIMUM_BODY, True), (MAXIMUM_BODY + 1, False)):
        answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * size
        async with peer(answer, Heard()) as port:
            if fits:
                assert len((await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*")).body) == size
            else:
                with pytest.raises(Unreachable, match="more than"):
                    await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*")


async def test_peer_that_drips_is_left_in_time() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.01)

    async with peer(b"HTTP/1.1 200 OK\r\nX-Drip: ", Heard(), then=drip) as port:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="within"):
            await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*", within=0.2)
        assert time.monotonic() - began < 2


async def test_nobody_there_is_told() -> None:
    async with peer(OK, Heard()) as port:
        pass
    with pytest.raises(Unreachable, match="connection failed"):
        await Remote(allow_private=True).get(f"http://127.0.0.1:{port}/", "*/*")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for ``localhost`` that nobody trusts, with its key in the same file."""
    file, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + key.read_text())
    return file


async def test_certificate_is_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    heard = Heard()
    async with peer(OK, heard, context=context) as port:
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            await Remote(allow_private=True).get(f"https://localhost:{port}/", "*/*")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert (await Remote(allow_private=True).get(f"https://localhost:{port}/", "*/*")).body == b"ok"
        with pytest.raises(Unreachable, match="SSLCertVerificationError"):
            await Remote(allow_private=True).get(f"https://127.0.0.1:{port}/", "*/*")
    assert len(heard.requests) == 1
