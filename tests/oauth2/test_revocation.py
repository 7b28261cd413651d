"""The end of a token, at its owner's word."""

from typing import Any

import pytest

from app.core.causes import Cause
from app.ledger import Facts, Held
from app.messages import Credentials
from app.models import Token
from tests.oauth2.exchange import NOW, Asked, client, family, held, public, token


def asked(presented: Held[Token] | None = None, **parameters: str) -> Asked:
    return Asked("revocation", {"token": "the-token"} | parameters, Facts(token=presented))


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.security("RV-01")
def test_an_access_token_ends_alone() -> None:
    record = token("the-token", "access")
    outcome, writes = asked(held(record)).answer()
    assert outcome.members == {}
    assert outcome.refusal is None
    assert writes.revoke_tokens == [record]
    assert not writes.revoke_grants


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.security("RV-05")
def test_a_refresh_token_takes_its_family_along() -> None:
    _, writes = asked(held(token("the-token"))).answer()
    assert writes.revoke_grants == ["family-1"]
    assert not writes.revoke_tokens


@pytest.mark.rfc("7009", "2.1")
@pytest.mark.security("RV-06")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something_else", "x" * 500])
def test_a_hint_changes_nothing(hint: str) -> None:
    assert asked(held(token("the-token", "access")), token_type_hint=hint).answer()[1].revoke_tokens
    assert asked(held(token("the-token")), token_type_hint=hint).answer()[1].revoke_grants


@pytest.mark.rfc("7009", "2.2")
@pytest.mark.security("RV-02")
def test_an_unknown_token_is_revoked_already() -> None:
    outcome, writes = asked().answer()
    assert (outcome.members, outcome.refusal) == ({}, None)
    assert not writes


@pytest.mark.security("RV-04")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_the_token_of_another_client_lives(kind: str) -> None:
    outcome, writes = asked(held(token("the-token", kind), family(client_id="other"))).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.FOREIGN_TOKEN
    assert not writes


@pytest.mark.parametrize("ended", [{"revoked_at": NOW}, {"expires_at": NOW}, {"used_at": NOW}])
def test_a_token_that_ended_before_is_ended_again(ended: dict[str, Any]) -> None:
    assert asked(held(token("the-token", **ended))).answer()[1].revoke_grants == ["family-1"]


@pytest.mark.security("RV-03")
def test_the_caller_authenticates() -> None:
    exchange = asked(held(token("the-token")))
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.INVALID_CLIENT
    assert not writes


def test_a_public_client_ends_its_own_tokens() -> None:
    exchange = asked(held(token("the-token"), owner=public()))
    exchange.facts.client = public()
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    assert exchange.answer()[1].revoke_grants == ["family-1"]


def test_clients_of_every_dialect_may_revoke() -> None:
    exchange = asked(held(token("the-token"), family(dialect="hex")))
    exchange.facts.client = client(dialect="hex")
    assert exchange.answer()[1].revoke_grants == ["family-1"]


@pytest.mark.rfc("7009", "2.2.1")
@pytest.mark.security("RV-07")
def test_a_token_must_be_named() -> None:
    exchange = asked()
    exchange.parameters = {}
    assert exchange.refusal() == (Cause.MISSING_PARAMETER, "The parameter token is missing.")
