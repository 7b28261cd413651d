"""The playground: flows to click through, made from the dialect files and the file of flows."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from string import Template
from typing import Final

from starlette.requests import Request

from app.admin import apply, parse_document
from app.core.client_algorithms import PRIVATE_KEY_JWT
from app.core.mistakes import Mistake
from app.dialects.credentials import JWT_BEARER
from app.dialects.dialect import Dialect
from app.dialects.file import AnyDoorTable, AuthorizationDoorTable, DoorTable, UserInfoDoorTable, Words
from app.messages import Endpoint
from app.models import Client
from app.sandbox.asserting import assertion, published_keys
from app.sandbox.demo import PASSWORD, PLAYGROUND, USERNAME, playground_document, published_secret
from app.sandbox.flows import FlowTable, StepTable, flows, flows_of
from app.sandbox.paths import CALLBACK
from app.sandbox.places import place_of
from app.sandbox.tables import words
from app.sandbox.views import FlowLine, FlowPage, PlaygroundPage, StepCard, ValueLine
from app.sandbox.worlds import World

_ASSERTION: Final = "$client_assertion"
"""Stands for what the client signs anew for each request."""
_FILLED: Final[Mapping[str, str]] = {
    "client_id": "$client_id",
    "client_secret": "$client_secret",
    "client_assertion": _ASSERTION,
    "client_assertion_type": JWT_BEARER,
    "redirect_uri": "$redirect_uri",
    "state": "$state",
    "nonce": "$nonce",
    "code": "$code",
    "code_verifier": "$code_verifier",
    "code_challenge": "$code_challenge",
    "code_challenge_method": "S256",
    "refresh_token": "$refresh_token",
    "token": "$access_token",
    "username": USERNAME,
    "password": PASSWORD,
}
"""What is sent for a parameter, by its RFC word. The page makes up the state, the nonce and the pair of PKCE."""


async def playground_page(world: World, request: Request, language: str) -> PlaygroundPage:
    """Return the list of flows."""
    found = ((dialect, flows_of(dialect)) for dialect in world.operator.dialects.by_name.values())
    return PlaygroundPage(
        place=place_of(world, request),
        partners=[
            (words(dialect.tables.title, language), [_line(name, flow, dialect, language) for name, flow in those.items()])
            for dialect, those in found
            if those
        ],
    )


def _line(name: str, flow: FlowTable, dialect: Dialect, language: str) -> FlowLine:
    visits = any(step.visit or isinstance(_door(dialect, step), AuthorizationDoorTable) for step in flow.steps)
    return FlowLine(
        name=name, title=words(flow.title, language), about=words(flow.about, language), steps=len(flow.steps), needs_browser=visits
    )


async def flow_page(world: World, request: Request, language: str, issuer: str) -> FlowPage | None:
    """Return a flow; ``issuer`` is the sandbox's own, at which all namespaces have their answers brought.

    The playground's clients are put into the namespace when their flow is first looked at: none is there before, so that nothing of
    the demo identities is more than their documents say.
    """
    name = request.path_params["flow"]
    found = ((dialect, flows_of(dialect).get(name)) for dialect in world.operator.dialects.by_name.values())
    dialect, flow = next(((dialect, flow) for dialect, flow in found if flow is not None), (None, None))
    if flow is None or dialect is None:
        return None
    redirect_uri = f"{issuer}{CALLBACK}"
    client, problem = await _client(world, flow, redirect_uri)
    secret = published_secret(client) if client is not None else ""
    client_id = client.client_id if client is not None else flow.client
    known = {
        "client_id": client_id,
        "client_secret": secret,
        "redirect_uri": redirect_uri,
        "basic": base64.b64encode(f"{client_id}:{secret}".encode()).decode(),
    }
    return FlowPage(
        place=place_of(world, request),
        flow=name,
        title=words(flow.title, language),
        about=words(flow.about, language),
        partner=words(dialect.tables.title, language),
        document=dialect.tables.document,
        steps=[_step(dialect, step, language, {**known, **_proof(world, client)}) for step in flow.steps],
        username=USERNAME,
        password=PASSWORD,
        problem=problem,
    )


async def _client(world: World, flow: FlowTable, redirect_uri: str) -> tuple[Client | None, str]:
    """Return a flow's client, and why it is not here where it is not."""
    client_id = flow.client
    if not client_id:
        clients = await world.storage.look(lambda catalog: catalog.clients(limit=500))
        client = next((one for one in clients if one.dialect == flow.dialect), None)
        return client, "" if client is not None else flow.dialect
    client = await world.storage.look(lambda catalog: catalog.client(client_id))
    jwks = published_keys()
    is_current = client is not None and redirect_uri in client.redirect_uris and client.extra.get("jwks", jwks) == jwks
    if is_current or not client_id.startswith(PLAYGROUND):
        return client, "" if client is not None else client_id
    document = playground_document(client_id, redirect_uri, jwks)
    try:
        await apply(world.operator, parse_document(document, "the playground", world.operator.dialects))
    except Mistake as mistake:
        return None, str(mistake)
    return await world.storage.look(lambda catalog: catalog.client(client_id)), ""


def _proof(world: World, client: Client | None) -> Mapping[str, str]:
    """Return what a client that signs proves itself by, once."""
    if client is None or client.token_endpoint_auth_method != PRIVATE_KEY_JWT or not client.client_id.startswith(PLAYGROUND):
        return {}
    return {"client_assertion": assertion(world, client.client_id)}


# -- a step ------------------------------------------------------------------------------------------------------------------------


def _door(dialect: Dialect, step: StepTable) -> AnyDoorTable | None:
    """Return the door of a step; those of the service itself, such as that for signing out, are none of a dialect's."""
    return next((door for door in dialect.tables.doors if door.path == step.door), None)


def _step(dialect: Dialect, step: StepTable, language: str, known: Mapping[str, str]) -> StepCard:
    door = _door(dialect, step)
    is_visit = step.visit or isinstance(door, AuthorizationDoorTable)
    grant = dialect.grants.get(step.grant)
    title = step.title or (grant.title if grant is not None and not is_visit else {}) or (door.title if door is not None else {})
    lines = [*_headers(door, step, language), *_parameters(dialect, door, step, language)]
    return StepCard(
        title=words(title, language),
        about=words(step.about, language),
        method="GET" if is_visit or isinstance(door, UserInfoDoorTable) else "POST",
        path=step.door or step.path,
        media_types=door.media_types if isinstance(door, DoorTable) else (),
        is_visit=is_visit,
        parameters=[
            replace(line, value=Template(line.value).safe_substitute(known), is_used_once=line.value == _ASSERTION) for line in lines
        ],
    )


def _headers(door: AnyDoorTable | None, step: StepTable, language: str) -> Iterator[ValueLine]:
    scheme = "bearer" if isinstance(door, DoorTable) and door.authenticates_by == "bearer" else step.authorization
    if scheme is not None:
        yield ValueLine(
            name="Authorization",
            type="header",
            is_required=True,
            description=words(flows().headers[scheme], language),
            value="Basic $basic" if scheme == "basic" else "Bearer $access_token",
            is_header=True,
        )


def _parameters(dialect: Dialect, door: AnyDoorTable | None, step: StepTable, language: str) -> Iterator[ValueLine]:
    required, optional = _names(dialect, door, step)
    for name in (*required, *optional):
        is_sent = name in required or name in step.sends
        table = dialect.tables.parameters.get(name)
        yield ValueLine(
            name=name,
            type=table.type if table is not None else "string",
            is_required=name in required,
            description=words(_description(dialect, door, step, name), language),
            value=step.values.get(name, _filled(dialect, door, step, name) if is_sent else ""),
        )


def _names(dialect: Dialect, door: AnyDoorTable | None, step: StepTable) -> tuple[list[str], list[str]]:
    """Return the required and the optional parameters of a step."""
    if isinstance(door, AuthorizationDoorTable):
        return door.required, door.optional
    if step.grant and isinstance(door, DoorTable) and door.endpoint is Endpoint.TOKEN:
        return dialect.grants[step.grant].required, dialect.grants[step.grant].optional
    return step.required, step.optional


def _description(dialect: Dialect, door: AnyDoorTable | None, step: StepTable, name: str) -> Words:
    if name in step.descriptions:
        return step.descriptions[name]
    if isinstance(door, AuthorizationDoorTable) and name in door.descriptions:
        return door.descriptions[name]
    table = dialect.tables.parameters.get(name)
    return table.description if table is not None else {}


def _filled(dialect: Dialect, door: AnyDoorTable | None, step: StepTable, name: str) -> str:
    """Return what is sent for a parameter."""
    means = dialect.parameters[name].means if name in dialect.parameters else name
    if means == "grant_type":
        return step.grant
    if means == "response_type" and isinstance(door, AuthorizationDoorTable):
        return door.response_types[0]
    return _FILLED.get(means, "")
