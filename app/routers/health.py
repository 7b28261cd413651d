"""Whether the process lives and whether it can serve."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from app.ledger import StorageUnavailable

router = APIRouter(include_in_schema=False)
_NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@router.get("/livez")
async def livez() -> JSONResponse:
    """Answer that the process lives; touches nothing."""
    return JSONResponse({"status": "ok"}, headers=_NO_STORE)


@router.get("/readyz")
@router.get("/healthz")
async def readyz(request: Request) -> JSONResponse:
    """Answer whether the database answers."""
    try:
        await request.app.state.storage.check()
    except StorageUnavailable:
        return JSONResponse({"status": "unavailable", "database": "unavailable"}, 503, headers={**_NO_STORE, "Retry-After": "1"})
    return JSONResponse({"status": "ok", "database": "ok"}, headers=_NO_STORE)
