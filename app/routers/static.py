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


def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is among what a client takes (RFC 9110 §12.5.3); a weight of zero means it is not."""
    entries = (entry.replace(" ", "").partition(";q=") for entry in accept_encoding.split(","))
    return any(name == "gzip" and (not weight or weight.strip("0.") != "") for name, _, weight in entries)


def static_router(assets: Assets) -> APIRouter:
    """Return the route of the static files."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/{address}", methods=["GET", "HEAD"])
    async def static(request: Request) -> Response:
        # Not as an argument: for the first one that the framework is to convert it imports all of an older Pydantic.
        asset = assets.by_address.get(request.path_params["address"])
        if asset is None:
            raise HTTPException(404)
        if asset.packed is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(asset.packed, media_type=asset.media_type, headers={**_HEADERS, "Content-Encoding": "gzip"})
        return Response(asset.content, media_type=asset.media_type, headers=_HEADERS)

    return router
