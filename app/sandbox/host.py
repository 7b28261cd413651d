"""The sandbox as an application: hands each request to its namespace, its pages or the control API.

Strangers are kept from the pages and the control API.
"""

import time
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.responses import JSONResponse, PlainTextResponse

from app.sandbox.front import Front, Message
from app.sandbox.paths import BASE, WORLD, is_brought, is_page
from app.sandbox.reach import LOOPBACK
from app.sandbox.worlds import PREFIX, World, Worlds

_WELL_KNOWN: Final = "/.well-known/"


class Host:
    """Serves all namespaces of a sandbox over one listener."""

    def __init__(self, worlds: Worlds, front: Front, hosts: frozenset[str] = frozenset()) -> None:
        """Serve at loopback, at the issuer's host, and under further names of ``hosts``."""
        self._worlds = worlds
        self._front = front
        self._control: FastAPI | None = None
        self._site: Any = None
        self._hosts = LOOPBACK | hosts | {urlsplit(worlds.issuer).hostname or "localhost"}

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI's)
        """Answer one request."""
        if scope["type"] != "http":
            return
        world, path = self._find(scope["path"])
        if world is None:
            await JSONResponse({"error": "invalid_request", "error_description": f"there is no namespace at {scope['path'][:60]}"}, 404)(
                scope, receive, send
            )
            return
        world.used_at = time.monotonic()
        inner = {**scope, "path": path, "raw_path": path.encode()}
        if path == BASE or path.startswith(f"{BASE}/"):
            problem = self._stranger(scope)
            if problem is not None:
                await JSONResponse({"error": "access_denied", "error_description": problem}, 403)(scope, receive, send)
                return
            await self._controls()({**inner, WORLD: world}, receive, send)
        elif is_page(scope["method"], path):
            problem = self._strange_host(scope) if is_brought(scope["method"], path) else self._stranger(scope)
            if problem is not None:
                await PlainTextResponse(problem, 403, headers={"Cache-Control": "no-store"})(scope, receive, send)
                return
            await self._pages()({**inner, WORLD: world}, receive, send)
        else:
            await self._front.serve(world, inner, receive, send)

    def stopping(self) -> None:
        """Let everybody go who follows what happens: the server waits for open answers before it stops."""
        for world in (self._worlds.own, *self._worlds):
            world.recorder.dismiss()

    def _controls(self) -> FastAPI:
        """Return the control API; it is built when it is first asked, since a sandbox has to be ready before."""
        if self._control is None:
            from app.sandbox.control import control_app

            self._control = control_app(self._worlds, self._front)
        return self._control

    def _pages(self) -> Any:  # noqa: ANN401 (an ASGI application)
        """Return the pages; as the control API, they are made when somebody looks at them."""
        if self._site is None:
            from app.sandbox.site import Site

            self._site = Site(self._worlds)
        return self._site

    def _find(self, path: str) -> tuple[World | None, str]:
        """Return the namespace of a path, and the path within it; metadata of one may have its path at the end (RFC 8414 §3.1)."""
        if path.startswith(PREFIX):
            name, slash, rest = path.removeprefix(PREFIX).partition("/")
            return self._worlds.find(name), f"{slash}{rest}" or "/"
        if path.startswith(_WELL_KNOWN) and PREFIX in path:
            return self._worlds.find(path.rpartition("/")[2]), path
        return self._worlds.own, path

    def _stranger(self, scope: Message) -> str | None:
        """Say why a request to the control API is not heard: web pages of others can send some, in the browser of whoever runs this.

        A page whose host was pointed at this machine names itself in ``Host``; any other page names itself in ``Origin``.
        """
        if (problem := self._strange_host(scope)) is not None:
            return problem
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != headers.get(b"host"):
            return "the sandbox's pages and its control API are not for pages of other origins"
        if scope["method"] in {"POST", "PUT", "PATCH"} and headers.get(b"content-length", "0") != "0":
            media_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
            if media_type != "application/json":
                return "the control API reads JSON: send Content-Type: application/json"
        return None

    def _strange_host(self, scope: Message) -> str | None:
        """Say why a request that names another host is not heard."""
        named = next((value.decode("latin-1") for name, value in reversed(scope["headers"]) if name == b"host"), "")
        if urlsplit(f"//{named}").hostname in self._hosts:
            return None
        return "the sandbox's pages and its control API are asked at localhost, or at a host that --allow-host names"
