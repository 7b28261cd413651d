"""Resources: the APIs that access tokens are for, what they know, and who asks about their tokens (RFC 8707, RFC 7662)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.admin.fields import Fields, Refused
from app.admin.operator import Change, Desk, Expected, Operator, Status, changed, text_of, unknown
from app.core.claims import SCOPES
from app.core.resources import MAXIMUM_LENGTH, is_resource
from app.core.scopes import is_well_formed, scopes_of
from app.models import Resource

View = dict[str, object]
_KEYS: Final = ("uri", "name", "scopes", "introspection_client", "disabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceDeclaration:
    """What is declared of a resource; what is ``None`` is not declared, and an empty text clears."""

    uri: str
    name: str | None = None
    scopes: tuple[str, ...] | None = None
    introspection_client: str | None = None
    disabled: bool | None = None


def declare_resource(values: Mapping[str, object]) -> ResourceDeclaration:
    """Read what is declared of a resource; checks each value by itself.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    fields = Fields(values)
    fields.allow(_KEYS)
    return ResourceDeclaration(
        uri=resource_uri("uri", fields.required("uri", MAXIMUM_LENGTH)),
        name=fields.text("name", 200),
        scopes=_scopes(fields),
        introspection_client=fields.identifier("introspection_client", 200),
        disabled=fields.truth("disabled"),
    )


def resource_uri(key: str, uri: str) -> str:
    """Return the URI of a resource.

    Raises:
        Refused: it is none.
    """
    if not is_resource(uri):
        raise Refused(key, f"{uri}: must be an absolute URI without a fragment, as https://api.example.com/orders")
    return uri


def _scopes(fields: Fields) -> tuple[str, ...] | None:
    scopes = fields.texts("scopes", 200)
    if scopes is None:
        return None
    if not scopes:
        raise Refused("scopes", "is empty: a token that holds none of a resource's scopes would be good for nothing there")
    if not is_well_formed(" ".join(scopes)) or any(" " in scope for scope in scopes):
        raise Refused("scopes", "takes up to 100 scopes of visible ASCII characters, without a space in them")
    own = next((scope for scope in scopes if scope in SCOPES), None)
    if own is not None:
        raise Refused("scopes", f"{own} is a scope of OpenID Connect, which opens the userinfo endpoint of this server and nothing else")
    return tuple(scopes)


def view(resource: Resource) -> View:
    """Return what may be shown of a resource."""
    return {
        "uri": resource.uri,
        "name": resource.name,
        "scopes": list(scopes_of(resource.scope)),
        "introspection_client": resource.introspection_client,
        "disabled_at": text_of(resource.disabled_at),
    }


def find(desk: Desk, uri: str) -> Resource:
    """Return a resource.

    Raises:
        Mistake: there is none.
    """
    resource = desk.catalog.resource(uri)
    if resource is None:
        raise unknown(f"resource {uri}")
    return resource


def put(desk: Desk, declared: ResourceDeclaration, expected: Expected = Expected.EITHER) -> Change:
    """Store a resource, or change it where the declaration differs from what is there.

    Raises:
        Refused: it would know no scope, or nobody could ask about its tokens in the name that is declared.
        Mistake: it is there and should not be, or the other way round.
    """
    there = desk.catalog.resource(declared.uri)
    expected.check(there, f"resource {declared.uri}")
    if there is None and declared.scopes is None:
        raise Refused("scopes", "is missing: which of their scopes clients can use at this resource")
    resource = there or Resource(uri=declared.uri, scope="", created_at=desk.now, updated_at=desk.now)
    if declared.name is not None:
        resource = replace(resource, name=declared.name or None)
    if declared.scopes is not None:
        resource = replace(resource, scope=" ".join(declared.scopes))
    if declared.introspection_client is not None:
        resource = replace(resource, introspection_client=_introspection_client(desk, declared.introspection_client))
    if declared.disabled is not None and declared.disabled != (resource.disabled_at is not None):
        resource = replace(resource, disabled_at=desk.now if declared.disabled else None)
    return _stored(desk, there, resource, "resource.update" if there else "resource.create")


def _introspection_client(desk: Desk, client_id: str) -> str | None:
    if not client_id:
        return None
    client = desk.catalog.client(client_id)
    if client is None:
        raise Refused("introspection_client", f"there is no client {client_id}")
    if client.is_public:
        raise Refused("introspection_client", f"the client {client_id} is public, and nobody asks about tokens without authentication")
    return client_id


def _stored(desk: Desk, there: Resource | None, resource: Resource, action: str) -> Change:
    if resource == there:
        return Change(noun="resource", name=resource.uri, status=Status.UNCHANGED)
    desk.catalog.put_resource(resource)
    before = view(there) if there else None
    desk.note(action, f"resource {resource.uri}", before, view(resource))
    members = changed(before, view(resource)) if before else ()
    return Change(noun="resource", name=resource.uri, status=Status.UPDATED if there else Status.CREATED, members=members)


async def create_resource(operator: Operator, values: Mapping[str, object]) -> Change:
    """Store a new resource.

    Raises:
        Mistake: a value cannot be, or it is there already.
    """
    declared = declare_resource(values)
    return await operator.transact(lambda desk: put(desk, declared, Expected.NEW))


async def update_resource(operator: Operator, values: Mapping[str, object]) -> Change:
    """Change what is declared of a resource.

    Raises:
        Mistake: a value cannot be, or there is no such resource.
    """
    declared = declare_resource(values)
    return await operator.transact(lambda desk: put(desk, declared, Expected.THERE))


async def disable_resource(operator: Operator, uri: str) -> Change:
    """Refuse requests that name a resource, and tell its server of no token, at once and until it is enabled again.

    What was granted for it before can be renewed by requests that do not name it; nobody who asks about such a token is told of it.

    Raises:
        Mistake: there is no such resource.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, uri, disabled=True))


async def enable_resource(operator: Operator, uri: str) -> Change:
    """Let tokens be asked for a disabled resource again.

    Raises:
        Mistake: there is no such resource.
    """
    return await operator.transact(lambda desk: _set_disabled(desk, uri, disabled=False))


def _set_disabled(desk: Desk, uri: str, *, disabled: bool) -> Change:
    there = find(desk, uri)
    at = (there.disabled_at or desk.now) if disabled else None
    return _stored(desk, there, replace(there, disabled_at=at), "resource.disable" if disabled else "resource.enable")


async def list_resources(operator: Operator) -> list[View]:
    """Return all resources by their URIs."""
    return await operator.look(lambda desk: [view(resource) for resource in desk.catalog.resources()])


async def show_resource(operator: Operator, uri: str) -> View:
    """Return one resource.

    Raises:
        Mistake: there is none.
    """
    return await operator.look(lambda desk: view(find(desk, uri)))
