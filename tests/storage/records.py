"""Records for tests, with the values that matter to the test named and all others plausible."""

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from app.core.secrets import new_id
from app.models import AuthorizationCode, Client, ClientSecret, Grant, Session, Shop, Token, User

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
_numbers = count(1)


def fresh_hash() -> bytes:
    return hashlib.sha256(str(next(_numbers)).encode() + new_id().encode()).digest()


def a_client(client_id: str = "client", **values: Any) -> Client:
    return Client(
        **{
            "client_id": client_id,
            "dialect": "standard",
            "redirect_uris": ["https://app.example/cb"],
            "post_logout_redirect_uris": [],
            "allowed_origins": [],
            "scope": "read write",
            "options": {},
            "extra": {},
            "version": 0,
            "created_at": NOW,
            "updated_at": NOW,
            **values,
        }
    )


def a_secret(client_id: str = "client", **values: Any) -> ClientSecret:
    return ClientSecret(**{"id": new_id(), "client_id": client_id, "secret_hash": fresh_hash(), "created_at": NOW, **values})


def a_shop(code: str = "1001", **values: Any) -> Shop:
    return Shop(**{"id": new_id(), "dialect": "standard", "code": code, "name": f"Shop {code}", "created_at": NOW, **values})


def a_user(login: str = "ada", **values: Any) -> User:
    return User(
        **{
            "id": new_id(),
            "username": login.title(),
            "username_key": login,
            "email": f"{login}@example.org",
            "email_key": f"{login}@example.org",
            "name": login.title(),
            "password_hash": "$argon2id$…",
            "created_at": NOW,
            "updated_at": NOW,
            **values,
        }
    )


def a_grant(**values: Any) -> Grant:
    return Grant(
        **{
            "id": new_id(),
            "dialect": "standard",
            "grant_type": "authorization_code",
            "client_id": "client",
            "scope": "read",
            "created_at": NOW,
            "expires_at": NOW + timedelta(days=30),
            **values,
        }
    )


def a_code(grant: Grant, **values: Any) -> AuthorizationCode:
    return AuthorizationCode(
        **{
            "code_hash": fresh_hash(),
            "grant_id": grant.id,
            "redirect_uri": "https://app.example/cb",
            "redirect_uri_sent": True,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
            "created_at": NOW,
            "expires_at": NOW + timedelta(seconds=60),
            **values,
        }
    )


def a_token(grant: Grant, kind: str = "access", **values: Any) -> Token:
    return Token(
        **{
            "token_hash": fresh_hash(),
            "kind": kind,
            "grant_id": grant.id,
            "scope": grant.scope,
            "issued_at": NOW,
            "expires_at": NOW + timedelta(hours=1),
            **values,
        }
    )


def a_session(user: User, **values: Any) -> Session:
    return Session(
        **{
            "id_hash": fresh_hash(),
            "user_id": user.id,
            "created_at": NOW,
            "last_seen_at": NOW,
            "expires_at": NOW + timedelta(hours=12),
            "amr": ["pwd"],
            "user_agent": "Mozilla/5.0",
            "address": "192.0.2.1",
            **values,
        }
    )
