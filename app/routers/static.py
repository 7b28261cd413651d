"""The static files of the pages: kept for ever by who has them, since their addresses change with their content."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.browser.assets import STATIC_HEADERS, Assets, takes_gzip


def static_router(assets: Assets) -> APIRouter:
    """Return the route of the static files."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/static/{address}", methods=["GET", "HEAD"])
    async def static(request: Request) -> Response:
        # Not as an argument: for the first one that the framework is to convert it imports all of an older Pydantic.
        asset = assets.by_address.get(request.path_params["address"])
        if asset is None:
            raise HTTPException(404)
        if asset.packed is not None and takes_gzip(request.headers.get("accept-encoding", "")):
            return Response(asset.packed, media_type=asset.media_type, headers={**STATIC_HEADERS, "Content-Encoding": "gzip"})
        return Response(asset.content, media_type=asset.media_type, headers=STATIC_HEADERS)

    return router
