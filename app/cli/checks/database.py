"""The database: whether it is there, of this version, under this key, and whether its clients are registered with what can work."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from app.admin.fields import origin_problem
from app.cli.checks.finding import Finding, hint, ok, problem
from app.cli.checks.machine import key_file_of
from app.core.clock import SystemClock
from app.core.keys import UnusableKey
from app.core.mistakes import Mistake
from app.core.redirect_uris import redirect_uri_problem
from app.core.secret_key import CLIENT_SECRETS, SecretKey
from app.core.secrets import unseal
from app.dialects import Dialects
from app.models import Client, SigningKey
from app.proofs import check_signing_keys
from app.settings import Settings
from app.storage import Catalog, DatabaseUnusable, Storage, StorageUnavailable, holds_schema, open_key, open_storage

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_RESTORE: Final = "start with the key that was used before (TOKENRY_SECRET_KEY, or the .key file from a backup)"
_SHOWN: Final = 20
"""Origins that are tried at the server."""


@dataclass
class Database:
    """The database of the settings, and what was found in it."""

    settings: Settings
    dialects: Dialects
    origins: list[tuple[str, str]] = field(default_factory=list)
    """Clients with their allowed origins, to be tried at the server."""

    async def check(self) -> list[Finding]:
        """Return what is found; a database is neither made nor changed."""
        url = self.settings.database_url.get_secret_value()
        try:
            if not await holds_schema(url):
                return [problem("database", "the database is empty: make its tables with tokenry migrate")]
            storage = await open_storage(url, clock=SystemClock())
        except DatabaseUnusable as unusable:
            return [problem("database", str(unusable))]
        try:
            return [ok("database", "the database can be reached and has the schema of this version"), *await self._look(storage)]
        except StorageUnavailable as away:
            return [problem("database", f"the database is away or too busy ({away}): start it, or wait until others are done")]
        finally:
            await storage.close()

    async def _look(self, storage: Storage) -> list[Finding]:
        clients = await storage.look(_clients)
        stored = await storage.look(lambda catalog: catalog.signing_keys())
        found = [*await self._check_keys(storage, stored, clients)]
        registered = [one for client in clients if client.disabled_at is None for one in self._check_client(client)]
        self.origins = [(client.client_id, origin) for client in clients if client.disabled_at is None for origin in client.allowed_origins]
        del self.origins[_SHOWN:]
        return [*found, *(registered or [ok("clients", f"{len(clients)} clients are registered with what can work")])]

    async def _check_keys(self, storage: Storage, stored: list[SigningKey], clients: list[Client]) -> list[Finding]:
        """Look whether what is sealed can be opened."""
        sealed = [secret.secret_sealed for client in clients for secret in client.secrets if secret.secret_sealed is not None]
        path = key_file_of(self.settings)
        if path is not None and not path.exists():
            if not stored and not sealed:
                return []
            return [problem("keys", f"the secret key {path} is gone, and keys of this database are sealed under it: {_RESTORE}")]
        try:
            key = self._key()
        except Mistake as mistake:
            return [problem("keys", str(mistake))]
        try:
            await check_signing_keys(storage, key.derive(b"signing"), SystemClock())
        except UnusableKey as unusable:
            return [problem("keys", f"{unusable}: {_RESTORE}, or make new ones with tokenry keys rotate --now")]
        if any(unseal(key.derive(CLIENT_SECRETS), one) is None for one in sealed):
            return [problem("keys", f"a secret of a client_secret_jwt client is sealed under another secret key: {_RESTORE}, or rotate it")]
        return [ok("keys", "what is sealed in the database can be opened by this secret key")] if stored or sealed else []

    def _key(self) -> SecretKey:
        declared = self.settings.secret_key
        return open_key(self.settings.database_url.get_secret_value(), declared.get_secret_value() if declared is not None else None)

    def _check_client(self, client: Client) -> Iterator[Finding]:
        any_port = client.is_public and self._lets_ports_vary(client.dialect)
        change = f"tokenry clients update {client.client_id}"
        for uri in client.redirect_uris:
            reason = redirect_uri_problem(uri)
            if reason is not None:
                yield problem(
                    "redirect_uris", f"{client.client_id}: no answer can go to {uri}, for it {_said(reason)}: {change} --redirect-uri URI"
                )
            elif _has_no_port(uri) and not (any_port and urlsplit(uri).hostname != "localhost"):
                text = f"{client.client_id}: {uri} lists no port, and an app at another one, as {_with_port(uri)}, is refused"
                yield problem("redirect_uris", f"{text}: {change} --redirect-uri with the app's own port")
        for uri in client.post_logout_redirect_uris:
            reason = redirect_uri_problem(uri)
            if reason is not None:
                text = f"{client.client_id}: nobody can go back to {uri}, for it {_said(reason)}"
                yield problem("redirect_uris", f"{text}: {change} --post-logout-redirect-uri URI")
        for origin in client.allowed_origins:
            yield from _check_origin(client.client_id, origin, change)
        if client.dialect not in self.dialects.by_name:
            yield hint("dialects", f"{client.client_id} speaks {client.dialect}, which is not loaded: name its folder in TOKENRY_DIALECTS")

    def _lets_ports_vary(self, dialect: str) -> bool:
        found = self.dialects.by_name.get(dialect)
        return found is not None and bool(found.tables.policy.get("any_loopback_port"))


def _clients(catalog: Catalog) -> list[Client]:
    found: list[Client] = []
    page = catalog.clients()
    while page:
        found += page
        page = catalog.clients(after=page[-1].client_id)
    return found


def _check_origin(client_id: str, origin: str, change: str) -> Iterator[Finding]:
    reason = origin_problem(origin)
    parts = urlsplit(origin) if reason is None else None
    if reason is not None:
        text = f"{client_id}: no browser sends {origin} as an origin ({reason})"
    elif parts is not None and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        text = (
            f"{client_id}: pages at {origin} have no secure context, in which alone browsers can make a PKCE challenge; serve them by https"
        )
    else:
        return
    yield problem("allowed_origins", f"{text}: {change} --allowed-origin https://…")


def _said(reason: str) -> str:
    return reason if reason.split(maxsplit=1)[0] in {"has", "holds"} else f"is not to be had ({reason})"


def _has_no_port(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme == "http" and parts.port is None


def _with_port(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=f"{parts.netloc}:3000").geturl()
