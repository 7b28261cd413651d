"""One exchange with the engine alone: a message and the facts that were found, by default those of a plain, healthy world."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.core.policy import Policy
from app.core.secrets import digest, new_id
from app.ledger import Facts, Held, Writes
from app.messages import Credentials, Endpoint, Outcome, Proofs, Request
from app.models import AuthorizationCode, Client, ClientSecret, Grant, Shop, Token, User
from app.oauth2 import AuthorizationServer

Presented = TypeVar("Presented", AuthorizationCode, Token)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
CALLBACK = "https://client.example.com/cb"
SERVER = AuthorizationServer("https://id.example.com")
POLICY = Policy(issue_refresh_token=True)


def client(client_id: str = "demo", secret: str | None = "demo-secret", **members: Any) -> Client:
    return Client(
        **{
            "client_id": client_id,
            "dialect": "standard",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": [],
            "allowed_origins": [],
            "scope": "orders items",
            "options": {},
            "extra": {},
            "version": 1,
            "created_at": LONG_AGO,
            "updated_at": LONG_AGO,
            "secrets": (one_secret(client_id, secret),) if secret is not None else (),
            **members,
        }
    )


def one_secret(client_id: str, secret: str, expires_at: datetime | None = None) -> ClientSecret:
    return ClientSecret(id=new_id(), client_id=client_id, secret_hash=digest(secret), created_at=LONG_AGO, expires_at=expires_at)


def public(client_id: str = "demo", **members: Any) -> Client:
    return client(client_id, None, token_endpoint_auth_method="none", **members)


def user(**members: Any) -> User:
    return User(
        **{"id": "user-demo", "username": "demo", "username_key": "demo", "created_at": LONG_AGO, "updated_at": LONG_AGO, **members}
    )


def shop(**members: Any) -> Shop:
    return Shop(**{"id": "shop-1", "dialect": "standard", "code": "S001", "created_at": LONG_AGO, **members})


def family(**members: Any) -> Grant:
    return Grant(
        **{
            "id": "family-1",
            "dialect": "standard",
            "grant_type": "authorization_code",
            "client_id": "demo",
            "user_id": "user-demo",
            "scope": "orders items",
            "created_at": NOW - timedelta(hours=1),
            "expires_at": NOW + timedelta(days=365),
            **members,
        }
    )


def code(value: str = "the-code", **members: Any) -> AuthorizationCode:
    return AuthorizationCode(
        **{
            "code_hash": digest(value),
            "grant_id": "family-1",
            "redirect_uri": CALLBACK,
            "redirect_uri_sent": True,
            "created_at": NOW - timedelta(seconds=10),
            "expires_at": NOW + timedelta(seconds=50),
            **members,
        }
    )


def token(value: str = "the-refresh-token", kind: str = "refresh", **members: Any) -> Token:
    return Token(
        **{
            "token_hash": digest(value),
            "kind": kind,
            "grant_id": "family-1",
            "scope": "orders items",
            "issued_at": NOW - timedelta(hours=1),
            "expires_at": NOW + timedelta(days=30),
            **members,
        }
    )


def held(record: Presented, grant: Grant | None = None, **members: Any) -> Held[Presented]:
    """Return a presented record with all that stands behind it; ``owner``, ``person`` and ``store`` replace what is healthy."""
    grant = grant or family()
    return Held(
        record,
        grant,
        members.get("owner", client()),
        members.get("person", user() if grant.user_id is not None else None),
        members.get("store", shop() if grant.shop_id is not None else None),
        members.get("successor_used", False),
    )


@dataclass
class Asked:
    """A message to the engine, and what it answers."""

    grant_type: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    policy: Policy = POLICY
    now: datetime = NOW
    proofs: Proofs = field(default_factory=Proofs)
    message: Mapping[str, Any] = field(default_factory=dict)

    def request(self) -> Request:
        endpoint = Endpoint.TOKEN
        grant_type = self.grant_type
        if self.grant_type in {Endpoint.INTROSPECTION, Endpoint.REVOCATION}:
            endpoint, grant_type = Endpoint(self.grant_type), ""
        values = {
            "endpoint": endpoint,
            "dialect": "standard",
            "grant_type": grant_type,
            "registered_grant": grant_type,
            "parameters": self.parameters,
            "credentials": Credentials("demo", "demo-secret", "client_secret_basic"),
            "policy": self.policy,
            "address": "192.0.2.1",
            **self.message,
        }
        return Request(**values)

    def answer(self) -> tuple[Outcome, Writes]:
        if self.facts.client is None and "client" not in self.message:
            self.facts = replace(self.facts, client=client())
        return SERVER.respond(self.request(), self.facts, self.proofs, self.now)

    def refusal(self) -> tuple[str, str]:
        """Return the cause and the operator's detail of the refusal."""
        outcome, _ = self.answer()
        assert outcome.refusal is not None, outcome.members
        return outcome.refusal.cause, outcome.refusal.detail or outcome.refusal.description

    def members(self) -> Mapping[str, Any]:
        outcome, _ = self.answer()
        assert outcome.refusal is None, outcome.refusal.detail or outcome.refusal.description
        return outcome.members
