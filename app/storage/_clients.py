"""The client cache: parsed records by client and version.

Every load asks the database for the version, and whatever is written on the strength of memory alone is checked against it in the
same statement: so it is never stale.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from app.ledger import Facts, Held
from app.models import AuthorizationCode, Client, ClientSecret, Resource, Token, columns_of, names_of
from app.storage._rows import Decoder, maker, selected

_LIMIT: Final = 10_000
_WIDTH: Final = len(names_of(Client))
_make_client: Final = maker(Client)
_make_secret: Final = maker(ClientSecret)
_make_resource: Final = maker(Resource)
_RESOURCE: Final = _WIDTH + len(names_of(ClientSecret))

SELECT_CLIENTS: Final = (
    f"SELECT {selected('c', Client)}, {selected('s', ClientSecret)}, {selected('r', Resource)} FROM client c"  # noqa: S608 (our own columns)
    " LEFT JOIN client_secret s ON s.client_id = c.client_id"
    " LEFT JOIN resource r ON r.introspection_client = c.client_id AND r.disabled_at IS NULL"
    " WHERE {condition} ORDER BY c.client_id, s.created_at, s.id, r.uri"
)
"""One row per client, secret and resource; ``{condition}`` is the engine's way to name several clients."""

Holder = Facts | Held[AuthorizationCode] | Held[Token]


def clients_of(rows: Iterable[Sequence[Any]], *, times: bool) -> dict[str, Client]:
    """Make clients with their secrets and resources from the rows of ``SELECT_CLIENTS``; ``times`` as in :class:`Decoder`."""
    decode = Decoder([*columns_of(Client), *columns_of(ClientSecret), *columns_of(Resource)], times=times)
    clients: dict[str, Client] = {}
    for row in rows:
        client = clients.get(row[0])
        values = decode(row)
        if client is None:
            client = clients[row[0]] = _make_client(values[:_WIDTH])
            client.secrets = client.resources = ()
        if values[_WIDTH] is not None and values[_WIDTH] not in [secret.id for secret in client.secrets]:
            client.secrets += (_make_secret(values[_WIDTH:_RESOURCE]),)
        if values[_RESOURCE] is not None and values[_RESOURCE] not in [resource.uri for resource in client.resources]:
            client.resources += (_make_resource(values[_RESOURCE:]),)
    return clients


class ClientCache:
    """Holds up to ``limit`` clients and drops the one that came first."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._clients: dict[str, Client] = {}

    def last(self, client_id: str) -> Client | None:
        """Return the client as it was last read, if it is known."""
        return self._clients.get(client_id)

    def find(self, client_id: str, version: int) -> Client | None:
        """Return the client if it is known in this version."""
        client = self._clients.get(client_id)
        return client if client is not None and client.version == version else None

    def keep(self, client: Client) -> None:
        """Remember a client that was read whole in one statement."""
        self._clients.pop(client.client_id, None)
        if len(self._clients) >= self._limit:
            del self._clients[next(iter(self._clients))]
        self._clients[client.client_id] = client


class Resolver:
    """Gives the facts of one batch their clients: those in the cache at once, the others together in one more statement."""

    __slots__ = ("_cache", "_missing")

    def __init__(self, cache: ClientCache) -> None:
        self._cache = cache
        self._missing: list[tuple[Holder, str]] = []

    def resolve(self, holder: Holder, client_id: str, version: int | None) -> None:
        """Set the holder's client, or note that it is missing; without a version there is no such client."""
        if version is None:
            return
        client = self._cache.find(client_id, version)
        if client is None:
            self._missing.append((holder, client_id))
        else:
            holder.client = client

    @property
    def missing(self) -> list[str]:
        """The clients that have to be read."""
        return sorted({client_id for _, client_id in self._missing})

    def supply(self, clients: dict[str, Client]) -> None:
        """Set the clients that were missing, and remember them."""
        for client in clients.values():
            self._cache.keep(client)
        for holder, client_id in self._missing:
            holder.client = clients.get(client_id)
