"""The control API: plain HTTP and JSON, so that a test in any language can drive a sandbox, break it, speed it up and question it.

Every namespace has it under its own issuer, at ``/sandbox/api``; namespaces are made and dropped at the sandbox's own.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Body, FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app import __version__
from app.admin import show_user
from app.core.clock import NEVER
from app.core.mistakes import Missing, Mistake, Taken
from app.ledger import StorageUnavailable
from app.sandbox.control_data import data_router, told
from app.sandbox.control_parts import (
    Advance,
    ClockSetting,
    Here,
    Language,
    Named,
    NewFault,
    NewNamespace,
    NewResponse,
    Search,
)
from app.sandbox.faults import Fault
from app.sandbox.front import Front
from app.sandbox.movable_clock import NO_SUCH_TIME
from app.sandbox.paths import BASE
from app.sandbox.recorder import MAXIMUM_BODY, Recorded
from app.sandbox.robot import HINTED
from app.sandbox.robot import Response as PersonsResponse
from app.sandbox.showing import har, line, shown
from app.sandbox.worlds import World, Worlds

T = TypeVar("T")
_HEARTBEAT: Final = 15.0
_STATUSES: Final[dict[type[Exception], int]] = {Missing: 404, Taken: 409}
"""The statuses of mistakes; 400 for all others."""


def control_app(worlds: Worlds, front: Front) -> FastAPI:
    """Return the control API as an application of its own; ``front`` takes what is sent once more."""
    app = FastAPI(title="Tokenry sandbox", version=__version__, docs_url=None, redoc_url=None, openapi_url=f"{BASE}/openapi.json")

    async def mistaken(_request: Request, problem: Exception) -> Response:
        return JSONResponse({"error": "invalid_request", "error_description": str(problem)}, _STATUSES.get(type(problem), 400))

    app.add_exception_handler(Mistake, mistaken)
    app.add_exception_handler(StorageUnavailable, lambda _request, problem: _busy(str(problem)))
    app.add_exception_handler(HTTPException, _refused)
    app.include_router(_namespaces(worlds))
    app.include_router(_exchanges(front))
    for router in (_overview(), data_router(), _time(), _responses(), _faults(), _snapshots()):
        app.include_router(router)
    return app


def _busy(text: str) -> Response:
    return JSONResponse({"error": "temporarily_unavailable", "error_description": text}, 503, headers={"Retry-After": "1"})


async def _refused(_request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    detail = problem.detail if isinstance(problem, HTTPException) else "server error"
    return JSONResponse({"error": "invalid_request", "error_description": detail}, status)


def _found(found: T | None, what: str) -> T:
    if found is None:
        raise HTTPException(404, f"there is no {what}")
    return found


# -- namespaces ------------------------------------------------------------------------------------------------------------------


def _namespace(world: World) -> dict[str, Any]:
    return {"name": world.name, "issuer": world.issuer, "api": f"{world.issuer}{BASE}", "now": world.clock.now().isoformat()}


def _namespaces(worlds: Worlds) -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/namespaces", tags=["Namespaces"])

    @router.post("", status_code=201, summary="Make an isolated world")
    async def make(new: Annotated[NewNamespace, Body()] = NewNamespace()) -> dict[str, Any]:  # noqa: B008 (pydantic copies it)
        world, changes = await worlds.make(new.name, demo=new.demo, declared=new.declared, now=_aware(new.now), idle=new.idle_seconds)
        return {**_namespace(world), "changes": [told(change) for change in changes]}

    @router.get("", summary="The namespaces that are there")
    async def all_of_them() -> list[dict[str, Any]]:
        return [_namespace(world) for world in worlds]

    @router.delete("/{name}", status_code=204, summary="Drop one with all its data")
    async def drop(name: str) -> Response:
        if not await worlds.drop(name):
            raise HTTPException(404, f"there is no namespace {name}")
        return Response(status_code=204)

    return router


def _overview() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Namespaces"])

    @router.get("", summary="This namespace")
    async def this(world: Here) -> dict[str, Any]:
        return {**_namespace(world), "clock": _clock(world), "faults": len(list(world.faults)), "exchanges": len(list(world.recorder))}

    return router


# -- time --------------------------------------------------------------------------------------------------------------------------


def _aware(moment: datetime | None) -> datetime | None:
    """Return a moment in UTC; one without a zone is.

    Raises:
        Mistake: it has a zone that leads out of all time.
    """
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=NEVER.tzinfo)).astimezone(NEVER.tzinfo)
    except OverflowError:
        raise Mistake(NO_SUCH_TIME) from None


def _clock(world: World) -> dict[str, Any]:
    return {"now": world.clock.now().isoformat(), "frozen": world.clock.is_frozen, "moved": world.clock.is_moved}


def _time() -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/clock", tags=["Clock"])

    @router.get("", summary="What time it is here")
    async def told(world: Here) -> dict[str, Any]:
        return _clock(world)

    @router.put("", summary="Jump to a moment, freeze the clock, or let it run on")
    async def put(world: Here, setting: ClockSetting) -> dict[str, Any]:
        if setting.frozen is True:
            world.clock.freeze()
        if (now := _aware(setting.now)) is not None:
            world.clock.jump(now)
        if setting.frozen is False:
            world.clock.resume()
        return _clock(world)

    @router.post("/advance", summary="Move the clock")
    async def advance(world: Here, by: Advance) -> dict[str, Any]:
        world.clock.advance(timedelta(seconds=by.seconds))
        return _clock(world)

    @router.delete("", summary="Tell the machine's time again")
    async def reset(world: Here) -> dict[str, Any]:
        world.clock.reset()
        return _clock(world)

    return router


# -- people ----------------------------------------------------------------------------------------------------------------------


def _responses() -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/responses", tags=["People"])

    @router.get("", summary="What the next logins and consents will answer")
    async def waiting(world: Here) -> list[dict[str, Any]]:
        return [asdict(response) for response in world.responses]

    @router.post("", status_code=201, summary="Let the next login and consent be answered without a person")
    async def add(world: Here, new: NewResponse) -> dict[str, Any]:
        if new.user is not None and new.user != HINTED:
            await show_user(world.operator, new.user)
        world.responses.add(PersonsResponse(**new.model_dump()))
        return new.model_dump()

    @router.delete("", status_code=204, summary="Leave them to a person again")
    async def clear(world: Here) -> Response:
        world.responses.clear()
        return Response(status_code=204)

    return router


# -- exchanges ---------------------------------------------------------------------------------------------------------------------


def _exchanges(front: Front) -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/exchanges", tags=["Exchanges"])

    @router.get("", summary="What happened here, the newest first")
    async def some(world: Here, search: Annotated[Search, Query()]) -> list[dict[str, Any]]:
        found = (recorded for recorded in reversed(list(world.recorder)) if search.finds(recorded))
        return [
            shown(world.recorder, recorded, world.issuer, search.language) if search.full else line(recorded)
            for recorded in itertools.islice(found, search.limit)
        ]

    @router.get("/har", summary="All of them as an HTTP Archive")
    async def archive(world: Here) -> Response:
        text = json.dumps(har(world.recorder, world.issuer), ensure_ascii=False)
        return Response(text, media_type="application/json", headers={"Content-Disposition": 'attachment; filename="tokenry.har"'})

    @router.get("/live", summary="Each new one as a server-sent event")
    async def live(world: Here) -> Response:
        queue = world.recorder.listen()
        if queue is None:
            raise HTTPException(503, "too many listen already")
        return StreamingResponse(_told_live(world, queue), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.get("/{number}", summary="One of them: as it was sent, understood and answered")
    async def one(world: Here, number: int, language: Language = "en", reveal: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        recorded = _found(world.recorder.find(number), f"exchange {number}")
        return shown(world.recorder, recorded, world.issuer, language, reveal=reveal)

    @router.post("/{number}/replay", status_code=201, summary="Send one once more, as it was received")
    async def replay(request: Request, world: Here, number: int) -> dict[str, Any]:
        recorded = _found(world.recorder.find(number), f"exchange {number}")
        if len(recorded.request_body) >= MAXIMUM_BODY:
            raise HTTPException(409, "its body was too large to be remembered")
        return line(await front.replay(world, request.scope, recorded))

    @router.delete("", status_code=204, summary="Forget them")
    async def forget(world: Here) -> Response:
        world.recorder.clear()
        return Response(status_code=204)

    return router


async def _told_live(world: World, queue: asyncio.Queue[Recorded | None]) -> AsyncIterator[str]:
    try:
        yield ": listening\n\n"
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT):
                    recorded = await queue.get()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            if recorded is None:
                return
            yield f"id: {recorded.number}\nevent: exchange\ndata: {json.dumps(line(recorded))}\n\n"
    finally:
        world.recorder.leave(queue)


# -- faults and snapshots ------------------------------------------------------------------------------------------------------------


def _fault(fault: Fault) -> dict[str, Any]:
    names = [*NewFault.model_fields, "number", "seen", "happened"]
    return {name: getattr(fault, name) for name in names}


def _faults() -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/faults", tags=["Faults"])

    @router.get("", summary="The faults that wait, and those that happened")
    async def all_of_them(world: Here) -> list[dict[str, Any]]:
        return [_fault(fault) for fault in world.faults]

    @router.post("", status_code=201, summary="Inject a fault")
    async def add(world: Here, new: NewFault) -> dict[str, Any]:
        return _fault(world.faults.add(Fault(**new.model_dump())))

    @router.delete("/{number}", status_code=204, summary="Take one away")
    async def remove(world: Here, number: int) -> Response:
        _found(world.faults.remove(number) or None, f"fault {number}")
        return Response(status_code=204)

    @router.delete("", status_code=204, summary="Take all away")
    async def clear(world: Here) -> Response:
        world.faults.clear()
        return Response(status_code=204)

    return router


def _snapshots() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Snapshots"])

    @router.get("/snapshots", summary="What was kept")
    async def kept(world: Here) -> list[str]:
        return list(world.snapshots)

    @router.post("/snapshots", status_code=201, summary="Keep the data as it is now")
    async def keep(world: Here, named: Named) -> dict[str, Any]:
        await world.keep(named.name)
        return {"name": named.name}

    @router.post("/reset", summary="Bring the data back to how it began, or to what was kept")
    async def reset(world: Here, named: Annotated[Named, Body()] = Named()) -> dict[str, Any]:  # noqa: B008 (pydantic copies it)
        await world.restore(named.name)
        return _namespace(world)

    return router
