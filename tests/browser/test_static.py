"""The static files over HTTP."""

import gzip
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.browser.pages import Pages
from app.main import create_app
from app.settings import Settings


@pytest.fixture
async def client(pages: Pages) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings(), pages=pages))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:6749") as opened:
        yield opened


async def test_every_file_of_the_pages_is_served_and_kept_for_ever(client: httpx.AsyncClient, pages: Pages) -> None:
    assert {re.sub(r"\.[0-9a-f]{16}", "", address) for address in pages.assets.by_address} == {
        "form-post.js",
        "icon.svg",
        "pages.css",
        "passkey.js",
        "signed-out.js",
    }
    for address, asset in pages.assets.by_address.items():
        answer = await client.get(f"/static/{address}", headers={"Accept-Encoding": "identity"})
        assert answer.status_code == 200
        assert answer.content == asset.content
        assert answer.headers["Content-Type"] == asset.media_type
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "Set-Cookie" not in answer.headers


async def test_a_text_file_comes_compressed_to_who_takes_it(client: httpx.AsyncClient, pages: Pages) -> None:
    address = pages.assets.address("pages.css")
    packed = pages.assets.by_address[address].packed
    assert packed is not None
    assert gzip.decompress(packed) == pages.assets.by_address[address].content
    answer = await client.get(f"/static/{address}", headers={"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) == len(packed) < 6_000
    refused = await client.get(f"/static/{address}", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in refused.headers


async def test_a_head_request_has_the_headers_alone(client: httpx.AsyncClient, pages: Pages) -> None:
    answer = await client.head(f"/static/{pages.assets.address('icon.svg')}")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    [
        "pages.css",
        "pages.0000000000000000.css",
        "..%2fmain.py",
        "%2e%2e/main.py",
        "../main.py",
        "",
        "pages.css%00",
        "../templates/base.html",
    ],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/static/{path}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
