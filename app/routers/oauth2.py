"""All machine doors of all dialects, declared as routes so that the OpenAPI document shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.dialects import Door, UserInfoDoor
from app.messages import Endpoint
from app.routers.machine import Machine


def machine_router(machines: Iterable[Machine]) -> APIRouter:
    """Return a router with a route per door and method; every other method is answered too, with the door's own error."""
    router = APIRouter()
    for machine in machines:
        route, door = _route_of(machine), machine.door
        described = _described(door) if isinstance(door, Door) else _described_userinfo(door)
        for method in door.methods:
            router.add_api_route(door.path, route, methods=[method], name=f"{method} {door.path}", response_class=Response, **described)
        router.routes.append(Route(door.path, machine, name=f"other {door.path}", include_in_schema=False))
    return router


def _route_of(machine: Machine) -> Any:  # noqa: ANN401 (an endpoint function with an attribute)
    async def route(request: Request) -> Response:
        return await machine.route(request.scope, request.receive)

    return route


def _described(door: Door) -> dict[str, Any]:
    """Describe a door for the OpenAPI document."""
    owners = door.owners.values()
    return {
        "tags": [owner.dialect.tables.title["en"] for owner in owners],
        "summary": " / ".join(owner.table.title.get("en", door.path) for owner in owners),
        "openapi_extra": {"requestBody": _request_body(door)},
    }


def _described_userinfo(door: UserInfoDoor) -> dict[str, Any]:
    header = {"name": "Authorization", "in": "header", "required": True, "schema": {"type": "string"}, "description": "Bearer access_token"}
    return {"tags": [door.dialect.tables.title["en"]], "summary": door.title, "openapi_extra": {"parameters": [header]}}


def _request_body(door: Door) -> Mapping[str, Any]:
    properties: dict[str, Any] = {}
    for owner in door.owners.values():
        tables = owner.dialect.tables
        words = [name for grant in owner.grants for name in (*tables.grants[grant].required, *tables.grants[grant].optional)]
        if door.endpoint is not Endpoint.TOKEN:
            words = ["token", "token_type_hint", "client_id", "client_secret"]
        for name in words:
            table = tables.parameters[name]
            properties.setdefault(name, {"type": "string", "description": table.description.get("en", "")})
    schema = {"type": "object", "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema} for media_type in sorted(door.media_types)}}
