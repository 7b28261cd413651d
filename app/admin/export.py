"""Writing what a database holds as the file that declares it: applied to an empty database, it brings the same back.

Passwords and secrets cannot be read, so the file carries what is stored of them: whoever has the file can guess at them, and prove
to be nobody. The order is fixed, so that two files of the same state are the same.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.admin.operator import Desk, Operator
from app.admin.registration import closed_by
from app.admin.toml import can_be_written, table
from app.core.client_algorithms import CLIENT_SECRET_JWT
from app.core.scopes import scopes_of
from app.dialects.dialect import Dialect
from app.models import Client, Resource, Shop, User

Placed = Iterator[tuple[str, tuple[tuple[str, ...], "_Part"]]]
"""Tables of the file, each with its key and its place among those of all kinds."""
_HEAD: Final = """\
# What a Tokenry database holds: users, shops, scopes, resources and clients.
#
#   tokenry apply FILE               brings a database to it; nothing is deleted, and a second time changes nothing
#   tokenry sandbox --config FILE    starts a sandbox with it
#
# Keep this file as you keep the database: it holds the hashes of passwords and secrets. A `password` or `client_secret` in the place of
# a hash sets another one; applied later, the file brings back those of its day. Not in it: sessions, what people allowed, tokens, second
# factors and passkeys, signing keys.
"""
_OF_A_SANDBOX: Final = """\
#
# It comes from a sandbox: its demo identities are published, and no service takes them.
"""


class _Part:
    """One table of the file, and what a reader should know of it."""

    def __init__(self, name: str) -> None:
        self._table = name
        self.members: dict[str, Any] = {}
        self.comments: list[str] = []

    def put(self, **members: object) -> None:
        """Declare what is there: what is ``None``, empty or false is what an object has that declares nothing."""
        self.members |= {
            name: value for name, value in members.items() if value is not None and value != "" and value not in ([], {}, False)
        }

    def text(self) -> str:
        """Return it as TOML."""
        comments = "".join(f"# {comment}\n" for comment in self.comments)
        return f"\n{comments}{table(self._table, self.members)}"


async def export(operator: Operator) -> str:
    """Return everything that a file can declare, as TOML. A server goes on writing meanwhile.

    The file is of one state of the database, where that can be read in a second. Of a larger one, what is changed during the export may
    be in it or not (:meth:`app.admin.Operator.read`); what is named by others is read after them, so that they find it in the file, but
    for the client that asks about a resource's tokens.

    Raises:
        StorageUnavailable: the database is away.
    """
    is_sandbox = await operator.look(lambda desk: desk.is_sandbox)
    placed = await operator.read(_clients, _users, _resources, _scopes, _shops)
    parts = (part for _, part in sorted(placed, key=lambda one: one[0]))
    return _HEAD + (_OF_A_SANDBOX if is_sandbox else "") + "".join(part.text() for part in parts)


def _users(desk: Desk, after: str | None) -> Placed:
    for user in desk.catalog.users(after):
        yield user.username_key, (("1",), _user(user, desk.catalog.user_shops(user.id)))


def _user(user: User, managed: Iterable[Shop]) -> _Part:
    part = _Part("users")
    part.members["username"] = user.username
    part.put(id=user.id, password_hash=user.password_hash, email=user.email, name=user.name, disabled=user.disabled_at is not None)
    shops = sorted((shop.dialect, shop.code) for shop in managed)
    part.put(shops=[{"dialect": dialect, "code": code} for dialect, code in shops])
    part.put(claims=_sorted(json.loads(user.claims)) if user.claims is not None else None)
    if user.password_hash is None:
        part.comments.append("has no password")
    if user.second_factor_at is not None:
        part.comments.append("has a second step, which does not come along: they have to set it up again")
    return part


def _shops(desk: Desk, after: str | None) -> Placed:
    for shop in desk.catalog.all_shops(after):
        part = _Part("shops")
        part.put(dialect=shop.dialect, code=shop.code, name=shop.name, disabled=shop.disabled_at is not None)
        yield shop.id, (("2", shop.dialect, shop.code), part)


def _scopes(desk: Desk, after: str | None) -> Placed:
    for scope in sorted(desk.catalog.scopes(), key=lambda scope: scope.name):
        if after is None or scope.name > after:
            part = _Part("scopes")
            part.put(name=scope.name, title=_sorted(scope.title))
            yield scope.name, (("3", scope.name), part)


def _resources(desk: Desk, after: str | None) -> Placed:
    for resource in sorted(desk.catalog.resources(), key=lambda resource: resource.uri):
        if after is None or resource.uri > after:
            yield resource.uri, (("4", resource.uri), _resource(resource))


def _resource(resource: Resource) -> _Part:
    part = _Part("resources")
    part.put(uri=resource.uri, name=resource.name, scopes=list(scopes_of(resource.scope)))
    part.put(introspection_client=resource.introspection_client, disabled=resource.disabled_at is not None)
    return part


def _clients(desk: Desk, after: str | None) -> Placed:
    for client in desk.catalog.clients(after):
        yield client.client_id, (("5", client.client_id), _client(desk, client))


def _client(desk: Desk, client: Client) -> _Part:
    part = _Part("clients")
    part.put(client_id=client.client_id, client_name=client.client_name, dialect=client.dialect)
    part.put(token_endpoint_auth_method=client.token_endpoint_auth_method)
    _put_secrets(desk, client, part)
    part.put(redirect_uris=client.redirect_uris, post_logout_redirect_uris=client.post_logout_redirect_uris)
    part.put(allowed_origins=client.allowed_origins, scope=client.scope)
    grant_types = _grant_types(desk, client)
    part.members |= {"grant_types": grant_types} if grant_types is not None else {}
    part.members |= {"response_types": client.response_types} if client.response_types is not None else {}
    part.put(shops=sorted(shop.code for shop in desk.catalog.shops_of(client.client_id)))
    part.put(**_sorted(client.options))
    part.members |= _sorted({name: _writable(value) for name, value in client.extra.items()})
    part.put(disabled=client.disabled_at is not None)
    if client.dialect not in desk.dialects.by_name:
        part.comments.append(f"speaks {client.dialect}, whose file TOKENRY_DIALECTS has to bring")
    return part


def _put_secrets(desk: Desk, client: Client, part: _Part) -> None:
    live = [one for one in client.secrets if one.expires_at is None or one.expires_at > desk.now]
    if client.token_endpoint_auth_method == CLIENT_SECRET_JWT:
        part.comments.append("signs with its secret, which is sealed and does not come along: declare a client_secret, or one is made")
    elif live:
        ends = [(one.secret_hash.hex(), one.expires_at.replace(microsecond=0) if one.expires_at is not None else None) for one in live]
        rotated = [{"hash": text, **({"expires_at": end} if end is not None else {})} for text, end in sorted(ends, key=str)]
        part.put(client_secret_hash=ends[0][0] if len(ends) == 1 and ends[0][1] is None else rotated)
    elif client.secrets:
        part.comments.append("has no secret that is still good: one is made")


def _grant_types(desk: Desk, client: Client) -> list[str] | None:
    """Return what to declare of a client's grants, where leaving them out would not bring the same."""
    dialect: Dialect | None = desk.dialects.by_name.get(client.dialect)
    if client.grant_types is not None or dialect is None:
        return client.grant_types
    open_words = [word for word in dialect.grants if not closed_by(dialect, word, client)]
    is_default = dialect.tables.default_grant_types is None and len(open_words) == len(dialect.grants)
    return None if is_default else open_words


def _sorted(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """Return a value of JSON with the members of its objects in order."""
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(one) for one in value] if isinstance(value, list) else value


def _writable(value: Any) -> Any:  # noqa: ANN401 (JSON)
    """Return a value as TOML can say it; what it has no word for is JSON text, which the reader takes as well."""
    return value if can_be_written(value) else json.dumps(_sorted(value), ensure_ascii=False)
