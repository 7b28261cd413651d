"""Everything that is not our server: a proxy that answers for every host itself, so that no test of a browser leaves this machine.

Clients register addresses such as ``http://127.0.0.1:9401/cb`` and ``https://pitangui.amazon.com/…``; a browser that uses this proxy
arrives here at any of them, and every arrival is kept.
"""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PAGE: Final = b'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>The client</title><h1>Back at the client</h1>'
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: %s; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"


class Elsewhere:
    """Hosts that a browser finds away from our server. ``arrived`` holds the addresses that it asked for, in their order.

    ``sites`` is what stands at an origin in place of a bare page: files by their paths, and by an empty one the page that all others are.
    """

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.sites: dict[str, dict[str, bytes]] = {}
        self.port = 0

    @property
    def proxy(self) -> str:
        """The address to name to a browser."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            method, target = await _request(reader)
            if method == "CONNECT":
                origin = f"https://{target.removesuffix(':443')}"
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                await writer.start_tls(_tls())
                method, path = await _request(reader)
                target = f"{origin}{path}"
            self.arrived.append(target)
            writer.write(self._answer(target))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return  # a browser opens connections that it does not use
        finally:
            writer.close()

    def _answer(self, address: str) -> bytes:
        parts = urlsplit(address)
        site = self.sites.get(f"{parts.scheme}://{parts.netloc}", {"": _PAGE})
        content = site.get(parts.path, site[""])
        return _ANSWER % (b"text/javascript" if parts.path.endswith(".js") else b"text/html", len(content), content)


@asynccontextmanager
async def elsewhere() -> AsyncIterator[Elsewhere]:
    """Run a proxy until the body is done."""
    there = Elsewhere()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    there.port = server.sockets[0].getsockname()[1]
    async with server:
        yield there


async def _request(reader: asyncio.StreamReader) -> tuple[str, str]:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    return method, target


@cache
def _tls() -> ssl.SSLContext:
    """Return the side of a server of any name, by a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "elsewhere")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "both.pem"
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(path)
    return context
