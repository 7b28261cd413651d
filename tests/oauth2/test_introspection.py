"""What a token means to the client that owns it."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.clock import NEVER
from app.core.secrets import digest
from app.ledger import Facts, Held
from app.messages import Credentials
from app.models import Token
from app.oauth2.needs import needs_of
from tests.oauth2.exchange import NOW, Asked, client, family, held, public, shop, token, user


def asked(presented: Held[Token] | None = None, **options: Any) -> Asked:
    return Asked("introspection", {"token": "the-token"}, Facts(token=presented, client=options.get("caller", client())))


def access(**members: Any) -> Token:
    return token("the-token", "access", expires_at=NOW + timedelta(hours=1), **members)


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.security("IT-03")
def test_an_active_access_token_is_told_with_all_that_is_known_of_it() -> None:
    presented = held(access(), family(shop_id="shop-1", dialect="youzan"))
    assert dict(asked(presented).members()) == {
        "active": True,
        "client_id": "demo",
        "sub": "user-demo",
        "scope": "orders items",
        "token_type": "Bearer",
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
        "iat": int((NOW - timedelta(hours=1)).timestamp()),
        "iss": "https://id.example.com",
        "username": "demo",
        "dialect": "youzan",
        "shop": "S001",
    }


def test_what_is_not_known_is_left_out() -> None:
    presented = held(token("the-token", scope="", expires_at=None), family(user_id=None))
    assert list(asked(presented).members()) == ["active", "client_id", "sub", "iat", "iss", "dialect"]
    presented = held(token("the-token", expires_at=NEVER), family(user_id=None))
    members = asked(presented).members()
    assert "exp" not in members
    assert members["sub"] == "demo"


@pytest.mark.rfc("7662", "2.2")
@pytest.mark.security("IT-02")
@pytest.mark.security("IT-05")
@pytest.mark.security("IT-06")
@pytest.mark.parametrize(
    "presented",
    [
        None,
        held(access(), family(client_id="other")),
        held(access(revoked_at=NOW)),
        held(token("the-token", used_at=NOW)),
        held(token("the-token", "access", expires_at=NOW)),
        held(access(), family(expires_at=NOW)),
        held(access(), family(revoked_at=NOW)),
        held(access(), owner=None),
        held(access(), person=user(disabled_at=NOW)),
        held(access(), family(shop_id="shop-1"), store=shop(disabled_at=NOW)),
        held(access(), family(shop_id="shop-1"), store=None),
    ],
)
def test_an_inactive_token_is_told_as_that_and_nothing_else(presented: Held[Token] | None) -> None:
    outcome, writes = asked(presented).answer()
    assert outcome.members == {"active": False}
    assert not writes


@pytest.mark.security("IT-01")
def test_a_caller_authenticates_and_is_not_public() -> None:
    exchange = asked(held(access()), caller=public())
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    assert exchange.refusal() == (Cause.INVALID_CLIENT, "a public client may not introspect")
    exchange = asked(held(access()), caller=client("demo", "another-secret"))
    assert exchange.refusal()[0] is Cause.INVALID_CLIENT


def test_clients_of_every_dialect_may_ask() -> None:
    assert asked(None, caller=client(dialect="hex")).members() == {"active": False}


@pytest.mark.rfc("7662", "2.1")
def test_a_token_must_be_named() -> None:
    exchange = Asked("introspection", {}, Facts(client=client()))
    assert exchange.refusal() == (Cause.MISSING_PARAMETER, "The parameter token is missing.")


def test_the_needs_are_the_token_and_the_client() -> None:
    needs = needs_of([asked().request()])
    assert (needs.token_hash, needs.client_id, needs.code_hash) == (digest("the-token"), "demo", None)
    assert needs_of([Asked("introspection").request()]).token_hash is None
