"""Users, clients, shops and tokens of a namespace over the control API: what an operator does, without a shell."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

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
from app.sandbox.control_parts import Here, Language, NewCode, NewToken, Values
from app.sandbox.minting import Wanted, mint
from app.sandbox.paths import BASE
from app.sandbox.tables import words
from app.sandbox.worlds import World
from app.storage import Catalog

_STRICTNESS: Final = (
    "`strictness` is `as documented`, or `as seen`: then all known quirks of the client's dialect are on (`GET /sandbox/api/quirks`)."
    " A dialect without any refuses `as seen`. The options by which quirks are turned on count where they are named beside it."
)


def data_router() -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    for part in (_users(), _clients(), _quirks(), _shops(), _tokens()):
        router.include_router(part)
    return router


def told(change: Change) -> dict[str, Any]:
    """Return what became of an object; a secret that was made is in it."""
    told: dict[str, Any] = {"noun": change.noun, "name": change.name, "status": change.status, "members": list(change.members)}
    return told | ({"secret": change.secret} if change.secret is not None else {})


def _users() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Users"])

    @router.post("/apply", summary="Declare users, clients, shops and scopes, as a file does")
    async def declare(world: Here, values: Values) -> list[dict[str, Any]]:
        document = parse_document(values, "document", world.operator.dialects)
        return [told(change) for change in await apply(world.operator, document)]

    @router.get("/export", summary="All that can be declared, as the TOML file that tokenry apply and --config read")
    async def kept(world: Here) -> Response:
        return Response(await export(world.operator), media_type="application/toml", headers={"Cache-Control": "no-store"})

    @router.get("/users", summary="All users")
    async def users(world: Here) -> list[dict[str, Any]]:
        return [dict(each) for each in await list_users(world.operator)]

    @router.post("/users", status_code=201, summary="Create a user")
    async def new_user(world: Here, values: Values) -> dict[str, Any]:
        return told(await create_user(world.operator, values))

    @router.get("/users/{name}", summary="A user, by user name or e-mail address")
    async def user(world: Here, name: str) -> dict[str, Any]:
        return dict(await show_user(world.operator, name))

    @router.patch("/users/{name}", summary="Change a user")
    async def changed_user(world: Here, name: str, values: Values) -> list[dict[str, Any]]:
        password = values.pop("password", None)
        changes = [await update_user(world.operator, name, values)] if values else []
        changes += [await set_password(world.operator, name, str(password))] if password is not None else []
        return [told(change) for change in changes]

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

    @router.post("/clients", status_code=201, summary="Create a client; a secret that is made is told once", description=_STRICTNESS)
    async def new_client(world: Here, values: Values) -> dict[str, Any]:
        return told(await create_client(world.operator, values))

    @router.get("/clients/{client_id}", summary="A client, with its strictness and the quirks that are on")
    async def client(world: Here, client_id: str) -> dict[str, Any]:
        return dict(await show_client(world.operator, client_id))

    @router.patch("/clients/{client_id}", summary="Change a client", description=_STRICTNESS)
    async def changed_client(world: Here, client_id: str, values: Values) -> dict[str, Any]:
        return told(await update_client(world.operator, client_id, values))

    @router.delete("/clients/{client_id}", status_code=204, summary="Delete a client; its tokens die with it")
    async def no_client(world: Here, client_id: str) -> Response:
        await show_client(world.operator, client_id)
        return await _removed(world, lambda catalog: catalog.remove_client(client_id))

    return router


def _quirks() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Clients"])

    @router.get("/quirks", summary="How installations of partners are seen to answer otherwise than their documents say")
    async def known(world: Here, language: Language = "en") -> list[dict[str, Any]]:
        return [
            {
                "dialect": dialect.name,
                "name": name,
                "title": words(quirk.title, language),
                "note": words(quirk.note, language),
                "option": quirk.option,
                "value": quirk.value,
            }
            for dialect in world.operator.dialects.by_name.values()
            for name, quirk in dialect.quirks.items()
        ]

    return router


def _shops() -> APIRouter:
    router = APIRouter(prefix=BASE, tags=["Shops"])

    @router.get("/shops", summary="All shops")
    async def shops(world: Here) -> list[dict[str, Any]]:
        return [dict(each) for each in await list_shops(world.operator)]

    @router.post("/shops", status_code=201, summary="Create a shop")
    async def new_shop(world: Here, values: Values) -> dict[str, Any]:
        return told(await create_shop(world.operator, values))

    @router.get("/shops/{dialect}/{code}", summary="A shop")
    async def shop(world: Here, dialect: str, code: str) -> dict[str, Any]:
        return dict(await show_shop(world.operator, dialect, code))

    @router.patch("/shops/{dialect}/{code}", summary="Change a shop")
    async def changed_shop(world: Here, dialect: str, code: str, values: Values) -> dict[str, Any]:
        return told(await update_shop(world.operator, {**values, "dialect": dialect, "code": code}))

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


async def _removed(world: World, remove: Callable[[Catalog], bool]) -> Response:
    await world.operator.transact(lambda desk: remove(desk.catalog))
    return Response(status_code=204)
