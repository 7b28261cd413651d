"""The sandbox's own pages: the one that opens, the inspector and the playground. The service has none of them."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router

from app.browser import languages
from app.browser.assets import STATIC_HEADERS, takes_gzip
from app.browser.headers import page_headers, talking
from app.browser.pages import Pages
from app.browser.views import Frame
from app.browser.visitor import CookieJar, language_cookie
from app.sandbox import paths
from app.sandbox.home import home_page
from app.sandbox.inspecting import exchange_page, inspector_page
from app.sandbox.places import place_of
from app.sandbox.playing import flow_page, playground_page
from app.sandbox.views import CallbackPage, SandboxPage
from app.sandbox.worlds import World, Worlds

_ROOM: Final = Path(__file__).parent
_TEXT: Final = 2000
"""Characters of a parameter that the callback shows."""
_FORM: Final = 64 * 1024
"""Bytes of a form that is brought to the callback."""


class Site:
    """The pages of all namespaces, as an application."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._pages = Pages(base=f"{urlsplit(worlds.issuer).path}{paths.STATIC.removesuffix('/static')}", room=_ROOM)
        self._router = Router(
            [
                Route(paths.HOME, self._page(home_page)),
                Route(paths.INSPECTOR, self._page(inspector_page)),
                Route(f"{paths.INSPECTOR}/{{number:int}}", self._page(exchange_page)),
                Route(paths.PLAYGROUND, self._page(playground_page)),
                Route(f"{paths.PLAYGROUND}/{{flow}}", self._page(self._flow)),
                Route(paths.CALLBACK, self._page(_callback), methods=["GET", "POST"]),
                Mount(paths.STATIC, routes=[Route("/{address}", self._asset)]),
            ],
            redirect_slashes=False,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (ASGI's)
        """Answer one request; ``scope`` holds its namespace."""
        await self._router(scope, receive, send)

    def _page(self, view: "View") -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            world: World = request.scope[paths.WORLD]
            jar = CookieJar(secure=world.issuer.startswith("https:"), base=urlsplit(world.issuer).path)
            cookies = jar.read(value.decode("latin-1") for name, value in request.scope["headers"] if name == b"cookie")
            asked = request.query_params.get("ui_locales")
            language = languages.choose_language(asked, cookies.get(languages.COOKIE), request.headers.get("accept-language"))
            shown = await view(world, request, language)
            if shown is None:
                return Response("There is no such page.", HTTPStatus.NOT_FOUND, media_type="text/plain")
            frame = Frame(language=language, now=world.clock.now(), query=request.scope["query_string"].decode("ascii", "replace"))
            headers = dict(page_headers(language=language))
            headers["Content-Security-Policy"] = talking(headers["Content-Security-Policy"])
            response = HTMLResponse(self._pages.render(shown, frame), headers=headers)
            if asked is not None:
                response.headers.append("Set-Cookie", jar.header(language_cookie(language)))
            return response

        return page

    async def _flow(self, world: World, request: Request, language: str) -> SandboxPage | None:
        return await flow_page(world, request, language, self._worlds.issuer)

    async def _asset(self, request: Request) -> Response:
        asset = self._pages.assets.by_address.get(request.path_params["address"])
        if asset is None:
            return Response(status_code=HTTPStatus.NOT_FOUND)
        if asset.packed is not None and takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(asset.packed, media_type=asset.media_type, headers={**STATIC_HEADERS, "Content-Encoding": "gzip"})
        return Response(asset.content, media_type=asset.media_type, headers=STATIC_HEADERS)


View = Callable[[World, Request, str], Awaitable[SandboxPage | None]]
"""Makes what a page shows of a namespace, in a language; ``None`` where there is no such page."""


async def _callback(world: World, request: Request, _language: str) -> SandboxPage:
    """Return the page to which answers of the authorization endpoint come; its script takes them on to the flow that asked."""
    brought = await _brought(request)
    pairs = parse_qsl(request.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
    shown = tuple((name[:_TEXT], value[:_TEXT]) for name, value in (*pairs, *brought) if name != "ui_locales")
    return CallbackPage(place=place_of(world, request), parameters=shown, brought=dict(brought))


async def _brought(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _FORM:
            return []
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
