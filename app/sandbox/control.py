"""The control API: plain HTTP and JSON, so that a test in any language can drive a sandbox, break it, speed it up and question it.

Every namespace has it under its own issuer, at ``/sandbox/api``; namespaces are made and dropped at the sandbox's own.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeVar

from fastapi import APIRouter, Body, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from app import __version__
from app.admin import (
    Change,
    CodeRequest,
    apply,
    create_client,
    create_shop,
    create_user,
    export,
    issue_code,
    list_clients,
    list_shops,
    list_users,
    parse_document,
    set_password,
    show_client,
    show_shop,
    show_user,
    update_client,
    update_shop,
    update_user,
)
from app.core.causes import Cause
from app.core.clock import NEVER
from app.core.mistakes import Mistake
from app.ledger import StorageUnavailable
from app.sandbox.explanations import origin_of
from app.sandbox.faults import Fault, FaultKind
from app.sandbox.front import Front
from app.sandbox.minting import Wanted, mint
from app.sandbox.recorder import MAXIMUM_BODY, Recorded
from app.sandbox.robot import HINTED
from app.sandbox.robot import Response as PersonsResponse
from app.sandbox.showing import har, line, view
from app.sandbox.worlds import IDLE_SECONDS, START, World, Worlds

T = TypeVar("T")
WORLD: Final = "tokenry.world"
"""Under this name a request has its namespace in ASGI's scope."""
BASE: Final = "/sandbox/api"
_HEARTBEAT: Final = 15.0
Values = Annotated[dict[str, Any], Body()]
Language = Annotated[Literal["en", "zh"], Query(description="The language of explanations.")]


def _world(request: Request) -> World:
    world: World = request.scope[WORLD]
    return world


Here = Annotated[World, Depends(_world)]


class _Told(BaseModel):
    """Something that is told to the control API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class NewNamespace(_Told):
    """A namespace to make."""

    name: str | None = Field(None, description="Up to 40 of a-z, 0-9 and -; made up where it is not given.")
    demo: bool = Field(default=True, description="Whether it begins with the demo identities.")
    declared: dict[str, Any] | None = Field(None, description="What `tokenry apply` would read from a file: users, clients, shops, scopes.")
    now: datetime | None = Field(None, description="The time that it begins with; the machine's where it is not given.")
    idle_seconds: float = Field(IDLE_SECONDS, ge=1, le=86_400, description="How long it stays when nobody asks it.")


class ClockSetting(_Told):
    """Where the clock is put."""

    now: datetime | None = Field(None, description="The moment to jump to.")
    frozen: bool | None = Field(None, description="Whether it stands.")


class Advance(_Told):
    """How far the clock is moved."""

    seconds: float = Field(description="May be negative.", ge=-4e9, le=4e9)


class NewToken(_Told):
    """A token to mint."""

    client_id: str
    kind: Literal["access", "refresh", "id"] = "access"
    user: str | None = None
    scope: str | None = None
    shop: str | None = None
    expires_in: int | None = Field(None, description="Seconds; negative for one that has expired.")
    claims: dict[str, Any] = Field(default_factory=dict, description="Of an ID token: put in, or in the place of the usual ones.")


class NewCode(_Told):
    """A code to issue, as if the person had allowed the request."""

    client_id: str
    user: str
    shop: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None


class NewFault(_Told):
    """A fault to inject, and the exchanges that it befalls."""

    kind: FaultKind
    client_id: str | None = None
    grant: str | None = Field(None, description="The dialect's word for it.")
    path: str | None = Field(None, description="The door's path, such as /token.")
    nth: int | None = Field(None, ge=1, description="Only the nth exchange of these.")
    times: int | None = Field(1, ge=1, description="How often it happens; null for ever.")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(1.0, ge=0, le=60, description="Of latency and slow_body.")
    status: int = Field(500, ge=400, le=599, description="Of status.")
    retry_after: int | None = Field(None, ge=0, le=86_400)
    cause: Cause = Field(Cause.SERVER_ERROR, description="Of refuse: why the door is to refuse.")


class NewResponse(_Told):
    """What the person at the next login or consent page does; what is null is left to whoever sits at the browser."""

    user: str | None = Field(None, description="User name or e-mail address; @login_hint for whomever the request names.")
    decision: Literal["approve", "deny"] | None = "approve"
    shop: str | None = Field(None, description="The code of the shop to pick, where one is to be picked.")
    times: int | None = Field(1, ge=1, description="How often; null for ever.")


class Named(_Told):
    """The name of a snapshot."""

    name: str = START


class Search(_Told):
    """Which exchanges are wanted."""

    path: str | None = None
    client_id: str | None = None
    cause: str | None = None
    status: int | None = None
    search: str | None = Field(None, max_length=200, description="Words that stand anywhere in it.")
    after: int = Field(0, description="Only those with a higher number.")
    limit: int = Field(100, ge=1, le=500)
    full: bool = Field(default=False, description="Whole exchanges instead of a line for each.")
    language: Literal["en", "zh"] = "en"

    def finds(self, recorded: Recorded) -> bool:
        """Whether an exchange is wanted."""
        short = line(recorded)
        wanted = {"path": self.path, "client_id": self.client_id, "cause": self.cause, "status": self.status}
        if recorded.number <= self.after or any(value is not None and short[name] != value for name, value in wanted.items()):
            return False
        shown = json.dumps(view(recorded, self.language), ensure_ascii=False, default=str) if self.search else ""
        return not self.search or self.search.lower() in shown.lower()


def control_app(worlds: Worlds, front: Front) -> FastAPI:
    """Return the control API as an application of its own; ``front`` takes what is sent once more."""
    app = FastAPI(title="Tokenry sandbox", version=__version__, docs_url=None, redoc_url=None, openapi_url=f"{BASE}/openapi.json")

    async def mistaken(_request: Request, problem: Exception) -> Response:
        return JSONResponse({"error": "invalid_request", "error_description": str(problem)}, _status_of(problem))

    app.add_exception_handler(Mistake, mistaken)
    app.add_exception_handler(StorageUnavailable, lambda _request, problem: _busy(str(problem)))
    app.add_exception_handler(HTTPException, _refused)
    app.include_router(_namespaces(worlds))
    app.include_router(_exchanges(front))
    for router in (_overview(), _users(), _clients(), _shops(), _tokens(), _time(), _responses(), _faults(), _snapshots()):
        app.include_router(router)
    return app


def _status_of(problem: Exception) -> int:
    """There is no such thing, it is there already, or it cannot be."""
    text = str(problem)
    if text.startswith("there is no ") and "such" not in text:
        return 404
    return 409 if "already" in text else 400


def _busy(text: str) -> Response:
    return JSONResponse({"error": "temporarily_unavailable", "error_description": text}, 503, headers={"Retry-After": "1"})


async def _refused(_request: Request, problem: Exception) -> Response:
    status = problem.status_code if isinstance(problem, HTTPException) else 500
    detail = problem.detail if isinstance(problem, HTTPException) else "server error"
    return JSONResponse({"error": "invalid_request", "error_description": detail}, status)


def _told(change: Change) -> dict[str, Any]:
    told: dict[str, Any] = {"noun": change.noun, "name": change.name, "status": change.status, "members": list(change.members)}
    return told | ({"secret": change.secret} if change.secret is not None else {})


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
        return {**_namespace(world), "changes": [_told(change) for change in changes]}

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


# -- users, clients, shops, tokens -------------------------------------------------------------------------------------------------


def _users() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Users"])

    @router.post("/apply", summary="Declare users, clients, shops and scopes, as a file does")
    async def declare(world: Here, values: Values) -> list[dict[str, Any]]:
        document = parse_document(values, "document", world.operator.dialects)
        return [_told(change) for change in await apply(world.operator, document)]

    @router.get("/export", summary="All that can be declared, as the TOML file that tokenry apply and --config read")
    async def kept(world: Here) -> Response:
        return Response(await export(world.operator), media_type="application/toml", headers={"Cache-Control": "no-store"})

    @router.get("/users", summary="All users")
    async def users(world: Here) -> list[dict[str, Any]]:
        return [dict(each) for each in await list_users(world.operator)]

    @router.post("/users", status_code=201, summary="Create a user")
    async def new_user(world: Here, values: Values) -> dict[str, Any]:
        return _told(await create_user(world.operator, values))

    @router.get("/users/{name}", summary="A user, by user name or e-mail address")
    async def user(world: Here, name: str) -> dict[str, Any]:
        return dict(await show_user(world.operator, name))

    @router.patch("/users/{name}", summary="Change a user")
    async def changed_user(world: Here, name: str, values: Values) -> list[dict[str, Any]]:
        password = values.pop("password", None)
        changes = [await update_user(world.operator, name, values)] if values else []
        changes += [await set_password(world.operator, name, str(password))] if password is not None else []
        return [_told(change) for change in changes]

    @router.delete("/users/{name}", status_code=204, summary="Delete a user; what they granted dies with them")
    async def no_user(world: Here, name: str) -> Response:
        user_id = (await show_user(world.operator, name))["id"]
        return await _removed(world, lambda catalog: catalog.remove_user(str(user_id)))

    return router


def _clients() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Clients"])

    @router.get("/clients", summary="All clients")
    async def clients(world: Here) -> list[dict[str, Any]]:
        return [dict(each) for each in await list_clients(world.operator)]

    @router.post("/clients", status_code=201, summary="Create a client; a secret that is made is told once")
    async def new_client(world: Here, values: Values) -> dict[str, Any]:
        return _told(await create_client(world.operator, values))

    @router.get("/clients/{client_id}", summary="A client")
    async def client(world: Here, client_id: str) -> dict[str, Any]:
        return dict(await show_client(world.operator, client_id))

    @router.patch("/clients/{client_id}", summary="Change a client")
    async def changed_client(world: Here, client_id: str, values: Values) -> dict[str, Any]:
        return _told(await update_client(world.operator, client_id, values))

    @router.delete("/clients/{client_id}", status_code=204, summary="Delete a client; its tokens die with it")
    async def no_client(world: Here, client_id: str) -> Response:
        await show_client(world.operator, client_id)
        return await _removed(world, lambda catalog: catalog.remove_client(client_id))

    return router


def _shops() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Shops"])

    @router.get("/shops", summary="All shops")
    async def shops(world: Here) -> list[dict[str, Any]]:
        return [dict(each) for each in await list_shops(world.operator)]

    @router.post("/shops", status_code=201, summary="Create a shop")
    async def new_shop(world: Here, values: Values) -> dict[str, Any]:
        return _told(await create_shop(world.operator, values))

    @router.get("/shops/{dialect}/{code}", summary="A shop")
    async def shop(world: Here, dialect: str, code: str) -> dict[str, Any]:
        return dict(await show_shop(world.operator, dialect, code))

    @router.patch("/shops/{dialect}/{code}", summary="Change a shop")
    async def changed_shop(world: Here, dialect: str, code: str, values: Values) -> dict[str, Any]:
        return _told(await update_shop(world.operator, {**values, "dialect": dialect, "code": code}))

    @router.delete("/shops/{dialect}/{code}", status_code=204, summary="Delete a shop; tokens that act for it die with it")
    async def no_shop(world: Here, dialect: str, code: str) -> Response:
        await show_shop(world.operator, dialect, code)
        return await _removed(world, lambda catalog: catalog.remove_shop(dialect, code))

    return router


def _tokens() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Tokens"])

    @router.post("/tokens", status_code=201, summary="Mint any token")
    async def new_token(world: Here, new: NewToken) -> dict[str, Any]:
        minted = await mint(world, Wanted(**new.model_dump()))
        return {"token": minted.token, "kind": minted.kind, "expires_at": minted.expires_at.isoformat()}

    @router.post("/codes", status_code=201, summary="Issue an authorization code without a browser")
    async def new_code(world: Here, new: NewCode) -> dict[str, Any]:
        issued = await issue_code(world.operator, CodeRequest(**new.model_dump()))
        return {"code": issued.code, "expires_in": issued.expires_in, "redirect_uri": issued.redirect_uri, "scope": issued.scope}

    return router


async def _removed(world: World, remove: Callable[[Any], bool]) -> Response:
    await world.operator.transact(lambda desk: remove(desk.catalog))
    return Response(status_code=204)


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
        raise Mistake("there is no such time: the years 1970 to 9998 are") from None


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


def shown(world: World, recorded: Recorded, language: str, *, reveal: bool = False) -> dict[str, Any]:
    """Return an exchange as JSON members, with the number of the one that handed out what it presents."""
    exchange = view(recorded, language, reveal=reveal)
    if exchange["explanation"] is not None:
        exchange["explanation"]["origin"] = origin_of(recorded, world.recorder)
    return exchange


def _exchanges(front: Front) -> APIRouter:
    router = APIRouter(prefix=f"{BASE}/exchanges", tags=["Exchanges"])

    @router.get("", summary="What happened here, the newest first")
    async def some(world: Here, search: Annotated[Search, Query()]) -> list[dict[str, Any]]:
        found = (recorded for recorded in reversed(list(world.recorder)) if search.finds(recorded))
        return [
            shown(world, recorded, search.language) if search.full else line(recorded) for recorded in itertools.islice(found, search.limit)
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
        return shown(world, recorded, language, reveal=reveal)

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
