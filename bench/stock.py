"""What the workloads need in the database before they start: clients, users, codes and tokens, written through the storage."""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from app.core.clock import SystemClock
from app.core.passwords import login_key
from app.core.secrets import digest, new_id
from app.ledger import Writes
from app.models import AuthorizationCode, Client, ClientSecret, Grant, Session, Token, User
from app.proofs import hash_password
from app.storage import Catalog, Storage, open_storage

SERVICE: Final = "bench-service"
LINK: Final = "bench-link"
PLATFORM: Final = "bench-platform"
OPENID: Final = {"ES256": "bench-openid-es256", "RS256": "bench-openid-rs256"}
"""Clients of OpenID Connect, by the algorithm that signs their ID tokens."""
JWT: Final = {"ES256": "bench-jwt-es256", "RS256": "bench-jwt-rs256"}
"""Clients whose access tokens are JWTs, by the algorithm that signs those."""
SECRET: Final = "bench-0123456789-0123456789-0123456789-0123"
PASSWORD: Final = "a password that is long enough"
REDIRECT_URI: Final = "https://client.example.com/callback"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE: Final = "read write"
OPENID_SCOPE: Final = "openid profile email"

_CLIENTS: Final = {
    SERVICE: "standard",
    LINK: "fantem",
    PLATFORM: "open_platform",
    **dict.fromkeys([*OPENID.values(), *JWT.values()], "standard"),
}
_LIFE: Final = timedelta(hours=2)
_CHUNK: Final = 200
_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of what is written; ``codes``, those of OpenID Connect for each algorithm, and ``rotating`` tokens are used up."""

    codes: int
    openid_codes: int
    rotating: int
    reused: int
    access: int
    openid_access: int
    users: int
    sessions: int = 0


@dataclass(slots=True)
class Stock:
    """What was written, by the values that only their holders know."""

    codes: list[str] = field(default_factory=list)
    openid_codes: dict[str, list[str]] = field(default_factory=lambda: {algorithm: [] for algorithm in OPENID})
    rotating: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    access: list[str] = field(default_factory=list)
    openid_access: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    """What the cookies of people hold that are logged in, and have allowed a client of OpenID Connect what it asks."""


async def write_stock(url: str, amounts: Amounts) -> Stock:
    """Fill a database, with its schema where it has none."""
    clock = SystemClock()
    storage = await open_storage(url, clock=clock)
    try:
        users = await storage.transact(lambda catalog: _register(catalog, amounts.users, clock.now()))
        stock = await _Writer(storage, clock.now()).write(amounts, users)
        stock.sessions = await storage.transact(lambda catalog: _log_in(catalog, users[0], amounts.sessions, clock.now()))
        return stock
    finally:
        await storage.close()


def _register(catalog: Catalog, count: int, now: datetime) -> list[User]:
    for client_id, dialect in _CLIENTS.items():
        if catalog.client(client_id) is None:
            catalog.put_client(_client(client_id, dialect, now))
            catalog.add_secret(ClientSecret(id=new_id(), client_id=client_id, secret_hash=digest(SECRET), created_at=now))
    # One hash for all: each check of it costs what a check of any other does.
    password_hash = hash_password(PASSWORD)
    users = [_user(f"user-{number}", password_hash, now) for number in range(max(count, 1))]
    return [catalog.user_by_login(user.username_key) or catalog.put_user(user) for user in users]


def _log_in(catalog: Catalog, user: User, count: int, now: datetime) -> list[str]:
    catalog.put_consent(user.id, OPENID["RS256"], OPENID_SCOPE)
    values = [secrets.token_urlsafe(32) for _ in range(count)]
    for value in values:
        end = now + _LIFE
        session = Session(
            id_hash=digest(value), user_id=user.id, created_at=now, last_seen_at=now, expires_at=end, amr=["pwd"], sid=new_id()
        )
        catalog.add_session(session, user)
    return values


def _client(client_id: str, dialect: str, now: datetime) -> Client:
    standard = dialect == "standard"
    return Client(
        client_id=client_id,
        dialect=dialect,
        token_endpoint_auth_method="client_secret_basic" if standard else None,
        grant_types=["authorization_code", "client_credentials", "refresh_token"] if standard else None,
        redirect_uris=[REDIRECT_URI],
        post_logout_redirect_uris=[],
        allowed_origins=[],
        scope=f"{SCOPE} {OPENID_SCOPE}" if client_id in OPENID.values() else SCOPE,
        options={},
        extra=_extra(client_id),
        version=1,
        created_at=now,
        updated_at=now,
    )


def _extra(client_id: str) -> dict[str, object]:
    if client_id in JWT.values():
        return {"access_token_format": "jwt", "access_token_signed_response_alg": next(name for name in JWT if JWT[name] == client_id)}
    return {"id_token_signed_response_alg": next((name for name in OPENID if OPENID[name] == client_id), "")}


def _user(name: str, password_hash: str, now: datetime) -> User:
    return User(
        id=new_id(),
        username=name,
        username_key=login_key(name),
        email=f"{name}@example.com",
        email_key=f"{name}@example.com",
        name="A. Person",
        claims='{"given_name":"A.","family_name":"Person","locale":"en","email_verified":true}',
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )


class _Writer:
    def __init__(self, storage: Storage, now: datetime) -> None:
        self._storage = storage
        self._now = now

    async def write(self, amounts: Amounts, users: list[User]) -> Stock:
        stock = Stock(users=[user.username for user in users])
        entries = [
            *self._codes(SERVICE, users[0], amounts.codes, stock.codes),
            *(
                entry
                for algorithm, values in stock.openid_codes.items()
                for entry in self._codes(OPENID[algorithm], users[0], amounts.openid_codes, values)
            ),
            *self._tokens("refresh", SERVICE, users[0], amounts.rotating, stock.rotating),
            *self._tokens("refresh", LINK, users[0], amounts.reused, stock.reused),
            *self._tokens("access", SERVICE, users[0], amounts.access, stock.access),
            *self._tokens("access", OPENID["ES256"], users[0], amounts.openid_access, stock.openid_access),
        ]
        rest = iter(entries)
        while chunk := list(islice(rest, _AT_ONCE)):
            await asyncio.gather(*(self._storage.commit(entry) for entry in chunk))
        return stock

    def _grant(self, client_id: str, user: User) -> Grant:
        grant = Grant(
            id=new_id(),
            dialect=_CLIENTS[client_id],
            grant_type="authorization_code",
            client_id=client_id,
            user_id=user.id,
            scope=SCOPE,
            created_at=self._now,
            expires_at=self._now + _LIFE,
        )
        if client_id in OPENID.values():
            grant.scope, grant.auth_time, grant.acr, grant.amr, grant.sid = OPENID_SCOPE, self._now, "1", "pwd", new_id()
        return grant

    def _codes(self, client_id: str, user: User, count: int, values: list[str]) -> Iterator[Writes]:
        code = AuthorizationCode(
            code_hash=b"",
            grant_id="",
            redirect_uri=REDIRECT_URI,
            redirect_uri_sent=True,
            code_challenge=CHALLENGE,
            code_challenge_method="S256",
            created_at=self._now,
            expires_at=self._now + _LIFE,
            nonce="n-0S6_WzA2Mj" if client_id in OPENID.values() else None,
        )
        for size in _chunks(count):
            entry = Writes(self._now)
            for grant in (self._grant(client_id, user) for _ in range(size)):
                values.append(secrets.token_urlsafe(32))
                entry.grants.append(grant)
                entry.codes.append(replace(code, code_hash=digest(values[-1]), grant_id=grant.id))
            yield entry

    def _tokens(self, kind: str, client_id: str, user: User, count: int, values: list[str]) -> Iterator[Writes]:
        for size in _chunks(count):
            entry = Writes(self._now)
            for grant in (self._grant(client_id, user) for _ in range(size)):
                values.append(secrets.token_urlsafe(32))
                token = Token(
                    token_hash=digest(values[-1]),
                    kind=kind,
                    grant_id=grant.id,
                    scope=grant.scope,
                    issued_at=self._now,
                    expires_at=grant.expires_at,
                )
                entry.grants.append(grant)
                entry.tokens.append(token)
            yield entry


def _chunks(count: int) -> Iterator[int]:
    for start in range(0, count, _CHUNK):
        yield min(_CHUNK, count - start)
