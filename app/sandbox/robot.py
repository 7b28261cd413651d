"""A person on demand: logs in and answers the consent page by itself, so that a test gets its code with one request.

What is done is done on the real pages, as by a browser without scripts; only the password is not asked.
"""

import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from app.browser.sessions import SessionLimits, Sessions
from app.browser.visitor import CookieJar, Visitor, session_cookie
from app.core.clock import Clock
from app.core.mistakes import Missing, Taken
from app.core.passwords import login_key
from app.storage import Catalog, Storage

_STEPS: Final = 6
"""Pages that lie at most between a request and its answer."""
_WAITING: Final = 1000
_CSRF: Final = re.compile(rb'name="csrf" value="([^"]+)"')
HINTED: Final = "@login_hint"
"""In the place of a user: whoever the request's ``login_hint`` names."""


@dataclass(slots=True, kw_only=True)
class Response:
    """What the person at the next login or consent does: logs in as ``user``, then approves or denies, for ``shop``.

    What is ``None`` is left to whoever sits at the browser. ``times`` is how often it is done, ``None`` for ever.
    """

    user: str | None = None
    decision: Literal["approve", "deny"] | None = "approve"
    shop: str | None = None
    times: int | None = 1


class Responses:
    """The responses that wait; the first one is used until it is used up."""

    def __init__(self) -> None:
        self._waiting: deque[Response] = deque()

    def __iter__(self) -> Iterator[Response]:
        """Go through those that wait."""
        return iter(list(self._waiting))

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._waiting)

    def add(self, response: Response) -> None:
        """Let one more wait.

        Raises:
            Taken: too many do.
        """
        if len(self._waiting) >= _WAITING:
            raise Taken(f"{_WAITING} responses wait already")
        self._waiting.append(response)

    def take(self) -> Response:
        """Return the next one."""
        response = self._waiting[0]
        if response.times is not None:
            response.times -= 1
            if not response.times:
                self._waiting.popleft()
        return response

    def clear(self) -> None:
        """Let none wait."""
        self._waiting.clear()


class Reply(Protocol):
    """An answer of the application."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


Ask = Callable[[str, str, str, str, bytes], Awaitable[Reply]]
"""Asks the application: method, path, query, ``Cookie`` field and body."""


@dataclass(slots=True)
class _Browser:
    """The cookies of the browser that asked, and those that it is to be given."""

    cookies: dict[str, str]
    given: list[bytes] = field(default_factory=list)

    def take(self, reply: Reply) -> None:
        for name, value in reply.headers:
            if name.lower() == b"set-cookie":
                self.set(value)

    def set(self, header: bytes) -> None:
        self.given.append(header)
        name, _, rest = header.decode("latin-1").partition("=")
        self.cookies[name.strip()] = rest.partition(";")[0]

    @property
    def field(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


class Robot:
    """Goes the way of a person through the pages of one issuer."""

    def __init__(self, issuer: str, storage: Storage, clock: Clock, responses: Responses, ask: Ask) -> None:
        parts = urlsplit(issuer)
        self._base = parts.path
        self._jar = CookieJar(secure=parts.scheme == "https", base=parts.path)
        self._storage = storage
        self._sessions = Sessions(clock, SessionLimits())
        self._responses = responses
        self._ask = ask

    async def lead(self, path: str, cookies: str, hint: str | None, reply: Reply) -> Reply:
        """Go on from the answer to a request at an authorization endpoint, for as long as the responses say what to do.

        Raises:
            Missing: nobody has the name that a response gives.
        """
        browser = _Browser(dict(pair.strip().partition("=")[::2] for pair in cookies.split(";") if "=" in pair))
        response: Response | None = None
        for _ in range(_STEPS):
            step, token = self._step(reply)
            if step is None or not (response or self._responses):
                break
            response = response or self._responses.take()
            if (response.user if step == "/login" else response.decision) is None:
                break
            browser.take(reply)
            if step == "/login":
                await self._log_in(browser, response, hint)
                reply = await self._ask("GET", path, f"continue={token}", browser.field, b"")
            else:
                reply = await self._answer(browser, response, token)
        if browser.given:
            own = [pair for pair in reply.headers if pair[0].lower() == b"set-cookie"]
            reply.headers += [(b"set-cookie", each) for each in browser.given if (b"set-cookie", each) not in own]
        return reply

    def _step(self, reply: Reply) -> tuple[str | None, str]:
        """Return the page that an answer sends to, and the request that waits there."""
        location = next((value for name, value in reply.headers if name.lower() == b"location"), b"").decode("latin-1")
        parts = urlsplit(location)
        if parts.netloc or not parts.path.startswith(self._base):
            return None, ""
        step = parts.path.removeprefix(self._base)
        return (step, parse_qs(parts.query).get("request", [""])[0]) if step in {"/login", "/consent"} else (None, "")

    async def _log_in(self, browser: _Browser, response: Response, hint: str | None) -> None:
        name = hint if response.user == HINTED else response.user

        def begin(catalog: Catalog) -> str | None:
            user = catalog.user_by_login(login_key(name or ""))
            if user is None:
                raise Missing(f"there is no user {name} to log in as")
            return self._sessions.begin(catalog, user, ["pwd"], Visitor(user_agent="sandbox"))

        value = await self._storage.transact(begin)
        if value is not None:
            browser.set(self._jar.header(session_cookie(value)).encode("latin-1"))

    async def _answer(self, browser: _Browser, response: Response, token: str) -> Reply:
        query = urlencode({"request": token})
        page = await self._ask("GET", "/consent", query, browser.field, b"")
        found = _CSRF.search(page.body)
        if found is None:
            return page
        form = {"csrf": found[1].decode(), "decision": "approve" if response.decision == "approve" else "refuse"}
        if response.shop is not None:
            form["shop"] = response.shop
        return await self._ask("POST", "/consent", query, browser.field, urlencode(form).encode())
