"""All machine doors of all dialects, declared as routes so that the OpenAPI document shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.dialects import Dialects
from app.messages import Endpoint
from app.routers.machine import Machine


def machine_router(dialects: Dialects, machines: Iterable[Machine]) -> APIRouter:
    """Return a router with a POST route per door; every other method is answered too, with the door's own error."""
    router = APIRouter()
    for machine in machines:
        route = _route_of(machine)
        door = machine.door
        router.add_api_route(
            door.path,
            route,
            methods=["POST"],
            name=f"POST {door.path}",
            tags=[dialects[name].tables.title["en"] for name in door.owners],
            summary=" / ".join(owner.table.title.get("en", door.path) for owner in door.owners.values()),
            openapi_extra={"requestBody": _request_body(machine)},
            response_class=Response,
        )
        router.routes.append(Route(door.path, machine, name=f"other {door.path}", include_in_schema=False))
    return router


def _route_of(machine: Machine) -> Any:  # noqa: ANN401 (an endpoint function with an attribute)
    async def route(request: Request) -> Response:
        return await machine.route(request.scope, request.receive)

    route.machine = machine  # type: ignore[attr-defined]
    return route


def machines_by_path(routes: Iterable[Any]) -> Mapping[str, Machine]:
    """Return the machine behind every declared path, for the direct way in."""
    return {route.path: route.endpoint.machine for route in routes if hasattr(getattr(route, "endpoint", None), "machine")}


def _request_body(machine: Machine) -> Mapping[str, Any]:
    properties: dict[str, Any] = {}
    for owner in machine.door.owners.values():
        tables = owner.dialect.tables
        words = [name for grant in owner.grants for name in (*tables.grants[grant].required, *tables.grants[grant].optional)]
        if machine.door.endpoint is not Endpoint.TOKEN:
            words = ["token", "token_type_hint", "client_id", "client_secret"]
        for name in words:
            table = tables.parameters[name]
            properties.setdefault(name, {"type": "string", "description": table.description.get("en", "")})
    schema = {"type": "object", "properties": properties}
    return {"required": True, "content": {media_type: {"schema": schema} for media_type in sorted(machine.door.media_types)}}
