"""Browsers in front of the whole server, led by people and by those who mean them harm; and what every page must look like."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest

from app.admin import create_user
from app.models import User
from tests.browser.markup import Markup
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, CHALLENGE, World
from tests.security.doors import FORM, Answer, knock

PASSWORD: Final = "a-password-of-their-own"
SESSION, BROWSER, DEVICES = (f"__Host-tokenry_{name}" for name in ("session", "browser", "devices"))
DATABASES: Final = pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
"""The pages have one way in, so one world on each database is all there is to try."""
EVIL: Final = "https://evil.example"
_numbers: Final = itertools.count(1)

OpenVisit = Callable[..., Awaitable[Visit]]


@dataclass(frozen=True, slots=True)
class Gate:
    """An authorization door with a sound request of a client that it serves."""

    name: str
    path: str
    fields: Mapping[str, str]
    in_fragment: bool = False
    names_issuer: bool = False
    methods: tuple[str, ...] = ("GET",)

    def query(self, **changes: str | None) -> str:
        """Return the request as a query, with some parameters changed, added, or left out where they are ``None``."""
        return encoded({**self.fields, **changes})

    def address(self, **changes: str | None) -> str:
        return f"{self.path}?{self.query(**changes)}"


def encoded(fields: Mapping[str, str | None]) -> str:
    """Write a query, percent-encoding all that can be."""
    return "&".join(
        f"{name}={quote(value.encode('utf-8', 'surrogatepass'), safe='')}" for name, value in fields.items() if value is not None
    )


_ASKED: Final = {"redirect_uri": CALLBACK, "scope": "orders", "state": "s"}
_PKCE: Final = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
_CODE: Final = {"response_type": "code"}
GATES: Final = {
    gate.name: gate
    for gate in (
        Gate("standard", "/authorize", {**_CODE, "client_id": "demo-web", **_ASKED, **_PKCE}, names_issuer=True, methods=("GET", "POST")),
        Gate("youzan", "/oauth/authorize", {**_CODE, "client_id": "testclient", **_ASKED}),
        Gate("fantem", "/oauth/authorize", {**_CODE, "client_id": "alexa-demo", "redirect_uri": CALLBACK, "state": "s"}),
        Gate("platform", "/open/authorize/index", {**_CODE, "client_id": "platform-demo", **_ASKED}),
        Gate("implicit", "/open/implicit", {"response_type": "token", "client_id": "platform-demo", **_ASKED}, in_fragment=True),
    )
}
EVERY_GATE: Final = pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
STANDARD: Final = GATES["standard"]


# -- people ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def person(world: World) -> str:
    """The name of somebody whom no other test knows; their password is ``PASSWORD``."""
    return await somebody(world)


async def somebody(world: World, **members: Any) -> str:
    """Put a person there, and return their name."""
    name = f"visitor-{next(_numbers)}"
    await create_user(world.operator, {"username": name, "password": PASSWORD, "email": f"{name}@example.com", **members})
    return name


@pytest.fixture
async def visits(world: World) -> AsyncIterator[OpenVisit]:
    """Opens browsers that nobody used before; they are closed after the test."""
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> Visit:
            return await stack.enter_async_context(Visit(world, **options))

        yield opened


@pytest.fixture
async def visit(visits: OpenVisit) -> Visit:
    """One of them."""
    return await visits()


async def user_of(world: World, person: str) -> User:
    user = await world.storage.look(lambda catalog: catalog.user_by_login(person))
    assert user is not None
    return user


async def allowed(visit: Visit, address: str, person: str, password: str = PASSWORD, **decision: str) -> Mapping[str, str]:
    """Go through a request as somebody who allows it, and return what the client is told."""
    await visit.go(address)
    if visit.path.startswith("/login"):
        await visit.log_in(person, password)
    if visit.path.startswith("/consent"):
        await visit.send({"decision": "approve", **decision})
    return told(visit.answer)


def told(answer: httpx.Response | Answer) -> Mapping[str, str]:
    """Return what a redirect tells the client; a member that stands there twice is a fault."""
    location = location_of(answer)
    assert location.startswith(CALLBACK), location
    parts = urlsplit(location)
    pairs = parse_qsl(parts.fragment or parts.query, keep_blank_values=True, strict_parsing=True)
    assert len(dict(pairs)) == len(pairs), location
    return dict(pairs)


def location_of(answer: httpx.Response | Answer) -> str:
    """Return where an answer sends the browser; nowhere where it does not."""
    return plain(answer).header("location") or ""


def plain(answer: httpx.Response | Answer) -> Answer:
    """Return an answer as its bytes."""
    if isinstance(answer, Answer):
        return answer
    return Answer(answer.status_code, [(name.lower(), value) for name, value in answer.headers.raw], answer.content)


def cookies_of(visit: Visit) -> dict[str, str]:
    """Return the cookies of a browser."""
    return {cookie.name: cookie.value or "" for cookie in visit.client.cookies.jar}


def steal(thief: Visit, owner: Visit, *names: str) -> None:
    """Let a browser have cookies of another one; all of them where none is named."""
    for name, value in cookies_of(owner).items():
        if not names or name in names:
            thief.client.cookies.set(name, value, domain="id.example.com", path="/")


def field_of(visit: Visit, name: str) -> str:
    """Return the value of the first hidden field of a name."""
    return next(element.attributes["value"] for element in visit.page.all("input") if element.attributes.get("name") == name)


# -- requests that no browser would send ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Rogue:
    """A program that pretends to be a browser: it sends whatever bytes it likes."""

    world: World
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, query: str | bytes = b"", *headers: tuple[str | bytes, str | bytes], method: str = "GET") -> Answer:
        return await self._send(method, path, query, headers, b"")

    async def post(
        self, path: str, body: str | bytes | Mapping[str, str], *headers: tuple[str | bytes, str | bytes], query: str | bytes = b""
    ) -> Answer:
        if isinstance(body, Mapping):
            body = encoded(body)
        kind = [] if any(name == "content-type" for name, _ in headers) else [("content-type", FORM)]
        return await self._send("POST", path, query, [*kind, *headers], body.encode() if isinstance(body, str) else body)

    async def _send(self, method: str, path: str, query: str | bytes, headers: Any, body: bytes) -> Answer:
        shown = [("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))] if self.cookies else []
        query = query.encode() if isinstance(query, str) else query
        chunks = [body[at : at + 65536] for at in range(0, len(body), 65536)]
        return await knock(self.world.app, path, [*shown, *headers], chunks, method=method, query=query, address=self.world.address)


def split(address: str) -> tuple[str, str]:
    """Return path and query of an address of the site."""
    path, _, query = address.partition("?")
    return path, query


# -- what every answer to a browser must look like -----------------------------------------------------------------------------------

_STATUSES: Final = {200, 302, 303, 400, 401, 404, 405, 413, 414, 415, 429, 503}
_ALWAYS: Final = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_POLICY: Final = {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'", "script-src": "'self'", "style-src": "'self'"}


def complaints(answer: httpx.Response | Answer) -> list[str]:
    """Return what is wrong with an answer to a browser, be it a page or a redirect."""
    answer = plain(answer)
    wrong = [f"{name} is {answer.header(name)}" for name, value in _ALWAYS.items() if answer.header(name) != value]
    if answer.status not in _STATUSES:
        wrong.append(f"the status {answer.status} is never an answer to what a browser sends")
    names = [name for name, _ in answer.headers if name != b"set-cookie"]
    if len(set(names)) != len(names):
        wrong.append(f"a header stands there twice: {names}")
    if not answer.header("x-request-id"):
        wrong.append("nobody could find it in the log")
    wrong += [complaint for name, value in answer.headers for complaint in _of_header(name, value)]
    location = answer.header("location")
    if (location is not None) != (answer.status in {302, 303}):
        wrong.append(f"{answer.status} with the location {location}")
    if location is None:
        wrong += _of_page(answer)
    return wrong


def _of_header(name: bytes, value: bytes) -> list[str]:
    wrong = _of_cookie(value.decode("latin-1")) if name == b"set-cookie" else []
    if name in {b"server", b"x-powered-by", b"via"} or name.startswith(b"access-control"):
        wrong.append(f"{name!r} is there")
    if any(byte < ord(" ") or byte > ord("~") for byte in value):
        wrong.append(f"{name!r} holds {value!r}")
    return wrong


def _of_cookie(text: str) -> list[str]:
    pair, *attributes = text.split("; ")
    lasting = [attribute for attribute in attributes if not attribute.startswith("Max-Age=")]
    if not pair.startswith("__Host-tokenry_") or sorted(lasting) != ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]:
        return [f"the cookie {text}"]
    return []


def _of_page(answer: Answer) -> list[str]:
    wrong = []
    policy = dict(directive.strip().partition(" ")[::2] for directive in (answer.header("content-security-policy") or "").split(";"))
    wrong += [f"{name} of the policy is {policy.get(name)}" for name, value in _POLICY.items() if policy.get(name) != value]
    if "unsafe" in str(policy) or "*" in str(policy) or not policy.get("form-action", "").startswith("'self'"):
        wrong.append(f"the policy {policy}")
    if answer.header("content-type") != "text/html; charset=utf-8":
        return [*wrong, f"no page: {answer.header('content-type')} {answer.body[:200]!r}"]
    try:
        page = Markup.of(answer.body.decode())
    except AssertionError as broken:
        return [*wrong, f"the markup is broken: {broken}"]
    tags = {element.tag for element in page.elements}
    odd = [element.attributes for element in page.all("script") if not element.attributes.get("src", "").startswith("/static/")]
    inline = [name for element in page.elements for name in element.attributes if name.startswith("on") or name == "style"]
    if len(page.all("h1")) != 1 or odd or inline or tags & {"iframe", "object", "embed", "base", "style"}:
        wrong.append(f"what no page of ours holds: {odd} {inline} {sorted(tags)}")
    return wrong
