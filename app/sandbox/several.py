"""What a sandbox of several processes says where a sandbox of one has its pages and its control API.

Namespaces, clocks, faults and what is inspected live in the memory of one process: of several each would have others. So there are none.
"""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.browser.languages import choose_language
from app.sandbox.banner import ABSENT
from app.sandbox.paths import BASE, HOME

_METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def absent_router() -> APIRouter:
    """Return the routes that say so."""
    router = APIRouter(include_in_schema=False)

    @router.api_route(BASE, methods=_METHODS)
    @router.api_route(f"{BASE}/{{rest:path}}", methods=_METHODS)
    async def no_control() -> Response:
        return JSONResponse({"error": "invalid_request", "error_description": ABSENT["en"]}, 404, headers={"Cache-Control": "no-store"})

    @router.get(HOME)
    @router.get("/sandbox/{rest:path}")
    async def no_page(request: Request) -> Response:
        language = choose_language(None, None, request.headers.get("accept-language"))
        return PlainTextResponse(f"{ABSENT[language]}\n", 404, headers={"Cache-Control": "no-store", "Content-Language": language})

    return router
