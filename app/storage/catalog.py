"""The catalogue: what an operator reads and changes, inside one transaction of :meth:`app.storage.Storage.transact`.

Synchronous and plain; nothing of it is on a machine's path. Every change of a client, its secrets or its shops raises the client's
version, by which all processes notice it at their next load.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol, TypeVar

from app.core.clock import Clock
from app.models import (
    AuditEvent,
    AuthorizationCode,
    Client,
    ClientSecret,
    ClientShop,
    Grant,
    Property,
    Scope,
    Shop,
    User,
    columns_of,
)
from app.models.record import Record

R = TypeVar("R", bound=Record)

_PAGE: Final = 100
_FIRST_VERSIONS: Final = 2**30


class Rows(Protocol):
    """Records in tables. Conditions are equalities: a collection means any of its values, ``None`` no value."""

    def find(
        self,
        model: type[R],
        *,
        after: tuple[str, object] | None = None,
        order_by: Sequence[str] = (),
        descending: bool = False,
        limit: int | None = None,
        **equal: object,
    ) -> list[R]:
        """Return the records that meet the conditions; ``after`` is a column and the value behind which the page begins."""
        ...

    def insert(self, record: Record) -> None:
        """Add a record."""
        ...

    def change(self, model: type[Record], values: Mapping[str, object], **equal: object) -> int:
        """Set columns of the records that meet the conditions and return their number."""
        ...

    def remove(self, model: type[Record], **equal: object) -> int:
        """Delete the records that meet the conditions and return their number."""
        ...


class Catalog:
    """Clients, users, shops, scopes, properties, grants and the audit trail."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    # Clients

    def client(self, client_id: str) -> Client | None:
        """Return a client with its secrets."""
        return client_of(self._rows, client_id)

    def clients(self, after: str | None = None, limit: int = _PAGE) -> list[Client]:
        """Return clients with their secrets by ``client_id``, those behind ``after``."""
        return _with_secrets(self._rows, self._rows.find(Client, after=_behind("client_id", after), order_by=["client_id"], limit=limit))

    def put_client(self, client: Client) -> Client:
        """Store a client, new or changed, and return it as stored; its secrets are untouched.

        The first version is random: a client made anew under a removed one's name is never taken for it.
        """
        there = self.client(client.client_id)
        now = self._clock.now()
        if there is None:
            stored = replace(client, version=1 + secrets.randbelow(_FIRST_VERSIONS), created_at=now, updated_at=now, secrets=())
            self._rows.insert(stored)
            return stored
        stored = replace(client, version=there.version + 1, created_at=there.created_at, updated_at=now, secrets=there.secrets)
        self._rows.change(Client, _values(stored), client_id=client.client_id)
        return stored

    def remove_client(self, client_id: str) -> bool:
        """Delete a client with its secrets and the shops granted to it, and say whether it was there. Its tokens die with it."""
        return self._rows.remove(Client, client_id=client_id) > 0

    def add_secret(self, secret: ClientSecret) -> None:
        """Give a client one more secret."""
        self._rows.insert(secret)
        self._client_changed(secret.client_id)

    def remove_secret(self, client_id: str, secret_id: str) -> bool:
        """Take a secret from a client and say whether it was there."""
        removed = self._rows.remove(ClientSecret, client_id=client_id, id=secret_id) > 0
        self._client_changed(client_id)
        return removed

    def secrets_among(self, digests: Collection[bytes]) -> list[ClientSecret]:
        """Return the secrets whose digest is one of these, such as those of published demo secrets."""
        return self._rows.find(ClientSecret, secret_hash=list(digests), order_by=["client_id", "id"])

    def shops_of(self, client_id: str) -> list[Shop]:
        """Return the shops granted to a client, by their code."""
        links = self._rows.find(ClientShop, client_id=client_id)
        return self._rows.find(Shop, id=[link.shop_id for link in links], order_by=["code"])

    def grant_shop(self, client_id: str, shop_id: str) -> None:
        """Let a client act for a shop."""
        if not self._rows.find(ClientShop, client_id=client_id, shop_id=shop_id):
            self._rows.insert(ClientShop(client_id=client_id, shop_id=shop_id))
            self._client_changed(client_id)

    def withdraw_shop(self, client_id: str, shop_id: str) -> bool:
        """Let a client no longer act for a shop, and say whether it could. Grants that it has for the shop are not revoked."""
        removed = self._rows.remove(ClientShop, client_id=client_id, shop_id=shop_id) > 0
        self._client_changed(client_id)
        return removed

    def _client_changed(self, client_id: str) -> None:
        for client in self._rows.find(Client, client_id=client_id):
            changes = {"version": client.version + 1, "updated_at": self._clock.now()}
            self._rows.change(Client, changes, client_id=client_id)

    # Users

    def user(self, user_id: str) -> User | None:
        """Return a user by their id."""
        return _first(self._rows.find(User, id=user_id))

    def user_by_login(self, login: str) -> User | None:
        """Return a user by the normalised user name or, failing that, e-mail address."""
        return user_by_login(self._rows, login)

    def users(self, after: str | None = None, limit: int = _PAGE) -> list[User]:
        """Return users by ``username_key``, those behind ``after``."""
        return self._rows.find(User, after=_behind("username_key", after), order_by=["username_key"], limit=limit)

    def put_user(self, user: User) -> User:
        """Store a user, new or changed, and return them as stored."""
        there = self.user(user.id)
        now = self._clock.now()
        stored = replace(user, created_at=there.created_at if there else now, updated_at=now)
        self._put(stored, id=user.id)
        return stored

    # Shops

    def shop(self, dialect: str, code: str) -> Shop | None:
        """Return a shop of a dialect by its code."""
        return _first(self._rows.find(Shop, dialect=dialect, code=code))

    def shops(self, dialect: str, after: str | None = None, limit: int = _PAGE) -> list[Shop]:
        """Return the shops of a dialect by their code, those behind ``after``."""
        return self._rows.find(Shop, dialect=dialect, after=_behind("code", after), order_by=["code"], limit=limit)

    def put_shop(self, shop: Shop) -> Shop:
        """Store a shop, new or changed, and return it as stored."""
        self._put(shop, id=shop.id)
        return shop

    # Scopes and properties

    def scope(self, name: str) -> Scope | None:
        """Return a scope."""
        return _first(self._rows.find(Scope, name=name))

    def scopes(self) -> list[Scope]:
        """Return all scopes by name."""
        return self._rows.find(Scope, order_by=["name"])

    def put_scope(self, scope: Scope) -> None:
        """Store a scope, new or changed."""
        self._put(scope, name=scope.name)

    def property(self, name: str) -> str | None:
        """Return the value of a property of this database."""
        found = _first(self._rows.find(Property, name=name))
        return None if found is None else found.value

    def set_property(self, name: str, value: str) -> None:
        """Set a property of this database."""
        self._put(Property(name=name, value=value), name=name)

    # Grants

    def add_grant(self, grant: Grant) -> None:
        """Add a grant."""
        self._rows.insert(grant)

    def add_authorization_code(self, code: AuthorizationCode) -> None:
        """Add an authorization code of a grant that is there."""
        self._rows.insert(code)

    def revoke_grants(self, *, client_id: str | None = None, user_id: str | None = None, shop_id: str | None = None) -> int:
        """Revoke all grants of a client, of a user, for a shop, or of those together that are named, and return how many were alive.

        Raises:
            ValueError: none is named.
        """
        named = {"client_id": client_id, "user_id": user_id, "shop_id": shop_id}
        whose = {name: value for name, value in named.items() if value is not None}
        if not whose:
            raise ValueError("whose grants: a client's, a user's, or those for a shop?")
        return self._rows.change(Grant, {"revoked_at": self._clock.now()}, revoked_at=None, **whose)

    # Audit

    def add_audit_event(self, event: AuditEvent) -> None:
        """Note a change."""
        self._rows.insert(event)

    def audit_events(self, before: datetime | None = None, limit: int = _PAGE) -> list[AuditEvent]:
        """Return the latest events first, those earlier than ``before``."""
        behind = None if before is None else ("at", before)
        return self._rows.find(AuditEvent, after=behind, order_by=["at", "id"], descending=True, limit=limit)

    def _put(self, record: Record, **key: object) -> None:
        if self._rows.find(type(record), **key):  # type: ignore[arg-type]  # no name of a key is one of find's own
            self._rows.change(type(record), _values(record), **key)
        else:
            self._rows.insert(record)


def client_of(rows: Rows, client_id: str) -> Client | None:
    """Return a client with its secrets, oldest first."""
    return _first(_with_secrets(rows, rows.find(Client, client_id=client_id)))


def user_by_login(rows: Rows, login: str) -> User | None:
    """Return a user by the normalised user name or, failing that, e-mail address."""
    return _first(rows.find(User, username_key=login)) or _first(rows.find(User, email_key=login))


def _with_secrets(rows: Rows, clients: list[Client]) -> list[Client]:
    ids = [client.client_id for client in clients]
    held = rows.find(ClientSecret, client_id=ids, order_by=["client_id", "created_at", "id"])
    for client in clients:
        client.secrets = tuple(secret for secret in held if secret.client_id == client.client_id)
    return clients


def _first(records: list[R]) -> R | None:
    return records[0] if records else None


def _behind(column: str, value: str | None) -> tuple[str, object] | None:
    return None if value is None else (column, value)


def _values(record: Record) -> dict[str, object]:
    return {name: getattr(record, name) for name in columns_of(type(record))}
