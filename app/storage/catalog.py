"""The catalogue: what operators and pages read and change, inside one transaction or look of :class:`app.storage.Storage`.

Synchronous and plain; nothing of it is on a machine's path. Every change of a client, its secrets, its shops or its resources raises the
client's version, by which all processes notice it at their next load.
"""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final

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
)
from app.storage._passwords import Passwords
from app.storage._resources import Resources
from app.storage._second_factors import SecondFactors
from app.storage._shelf import first, values_of
from app.storage._signing_keys import SigningKeys
from app.storage._tables import Rows, among
from app.storage._user_shops import UserShops

_PAGE: Final = 100
_FIRST_VERSIONS: Final = 2**30


class Catalog(Passwords, UserShops, SecondFactors, SigningKeys, Resources):
    """Clients, users, shops, scopes, resources, properties, grants, signing keys and the audit trail, and what browsers need."""

    # Clients

    def client(self, client_id: str) -> Client | None:
        """Return a client with its secrets."""
        return client_of(self._rows, client_id)

    def clients(self, after: str | None = None, limit: int = _PAGE) -> list[Client]:
        """Return clients with their secrets by ``client_id``, those behind ``after``."""
        return _with_secrets(self._rows, self._rows.find(Client, after=_behind("client_id", after), order_by=["client_id"], limit=limit))

    def bare_clients(self, after: str | None = None, limit: int = _PAGE) -> list[Client]:
        """Return clients without their secrets by ``client_id``, those behind ``after``."""
        return self._rows.find(Client, after=_behind("client_id", after), order_by=["client_id"], limit=limit)

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
        self._rows.change(Client, values_of(stored), client_id=client.client_id)
        return stored

    def remove_client(self, client_id: str) -> bool:
        """Delete a client with its secrets and the shops granted to it, and say whether it was there.

        All that was granted to it is revoked: one that is made anew under its name inherits nothing.
        """
        self.revoke_grants(client_id=client_id)
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
        return self._rows.find(Shop, id=among(ClientShop, "shop_id", client_id=client_id), order_by=["code"])

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

    # Users

    def user(self, user_id: str) -> User | None:
        """Return a user by their id."""
        return first(self._rows.find(User, id=user_id))

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

    def remove_user(self, user_id: str) -> bool:
        """Delete a user with their sessions, consents and second factors, and say whether they were there. What they granted dies too."""
        return self._rows.remove(User, id=user_id) > 0

    # Shops

    def shop(self, dialect: str, code: str) -> Shop | None:
        """Return a shop of a dialect by its code."""
        return first(self._rows.find(Shop, dialect=dialect, code=code))

    def shops(self, dialect: str, after: str | None = None, limit: int = _PAGE) -> list[Shop]:
        """Return the shops of a dialect by their code, those behind ``after``."""
        return self._rows.find(Shop, dialect=dialect, after=_behind("code", after), order_by=["code"], limit=limit)

    def all_shops(self, after: str | None = None, limit: int = _PAGE) -> list[Shop]:
        """Return shops of every dialect by their id, those behind ``after``."""
        return self._rows.find(Shop, after=_behind("id", after), order_by=["id"], limit=limit)

    def remove_shop(self, dialect: str, code: str) -> bool:
        """Delete a shop, and say whether it was there. Tokens that act for it die with it."""
        return self._rows.remove(Shop, dialect=dialect, code=code) > 0

    def put_shop(self, shop: Shop) -> Shop:
        """Store a shop, new or changed, and return it as stored."""
        self._put(shop, id=shop.id)
        return shop

    # Scopes and properties

    def scope(self, name: str) -> Scope | None:
        """Return a scope."""
        return first(self._rows.find(Scope, name=name))

    def scopes(self) -> list[Scope]:
        """Return all scopes by name."""
        return self._rows.find(Scope, order_by=["name"])

    def put_scope(self, scope: Scope) -> None:
        """Store a scope, new or changed."""
        self._put(scope, name=scope.name)

    def property(self, name: str) -> str | None:
        """Return the value of a property of this database."""
        found = first(self._rows.find(Property, name=name))
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

    # Audit

    def add_audit_event(self, event: AuditEvent) -> None:
        """Note a change."""
        self._rows.insert(event)

    def audit_events(self, before: datetime | None = None, limit: int = _PAGE) -> list[AuditEvent]:
        """Return the latest events first, those earlier than ``before``."""
        behind = None if before is None else ("at", before)
        return self._rows.find(AuditEvent, after=behind, order_by=["at", "id"], descending=True, limit=limit)


def client_of(rows: Rows, client_id: str) -> Client | None:
    """Return a client with its secrets, oldest first."""
    return first(_with_secrets(rows, rows.find(Client, client_id=client_id)))


def user_by_login(rows: Rows, login: str) -> User | None:
    """Return a user by the normalised user name or, failing that, e-mail address."""
    return first(rows.find(User, username_key=login)) or first(rows.find(User, email_key=login))


def _with_secrets(rows: Rows, clients: list[Client]) -> list[Client]:
    ids = [client.client_id for client in clients]
    held = rows.find(ClientSecret, client_id=ids, order_by=["client_id", "created_at", "id"])
    for client in clients:
        client.secrets = tuple(secret for secret in held if secret.client_id == client.client_id)
    return clients


def _behind(column: str, value: str | None) -> tuple[str, object] | None:
    return None if value is None else (column, value)
