"""The static files of the pages: kept for ever by who has them, since their addresses change with their content."""

from typing import Final

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.browser.assets import Assets

_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def static_router(assets: Assets) -> APIRouter:
    """Return the route of the static files."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/{address}", methods=["GET", "HEAD"])
    async def static(request: Request, address: str) -> Response:
        asset = assets.by_address.get(address)
        if asset is None:
            raise HTTPException(404)
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, media_type=asset.media_type, headers={**_HEADERS, "Content-Encoding": "gzip"})
        return Response(asset.content, media_type=asset.media_type, headers=_HEADERS)

    return router
