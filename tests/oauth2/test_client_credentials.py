"""The client on its own authority, or for one shop that was granted to it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.policy import Policy, ShopRule
from app.core.secrets import digest
from app.ledger import Facts
from app.messages import Credentials
from app.oauth2.needs import needs_of
from tests.oauth2.exchange import NOW, Asked, client, public, shop

PLAIN = Policy()
OPTIONAL = Policy(shop=ShopRule.OPTIONAL)
REQUIRED = Policy(shop=ShopRule.REQUIRED, issue_refresh_token=True)


def asked(policy: Policy = PLAIN, facts: Facts | None = None, **parameters: str) -> Asked:
    return Asked("client_credentials", parameters, facts or Facts(), policy)


@pytest.mark.rfc("6749", "4.4.3")
@pytest.mark.security("CC-01")
def test_a_client_gets_an_access_token_of_its_own_and_a_family_that_ends_with_it() -> None:
    outcome, writes = asked().answer()
    assert set(outcome.members) == {"access_token", "token_type", "expires_in", "expires_at", "scope"}
    [grant], [token] = writes.grants, writes.tokens
    assert (grant.client_id, grant.user_id, grant.shop_id, grant.scope) == ("demo", None, None, "orders items")
    assert (grant.created_at, grant.expires_at) == (NOW, NOW + timedelta(hours=1))
    assert (token.kind, token.grant_id, token.token_hash) == ("access", grant.id, digest(str(outcome.members["access_token"])))
    assert token.expires_at == NOW + timedelta(hours=1)


def test_every_call_begins_a_family_of_its_own() -> None:
    assert asked().answer()[1].grants[0].id != asked().answer()[1].grants[0].id


def test_with_a_refresh_token_the_family_lives_longer() -> None:
    policy = replace(REQUIRED, family_expires_in=864000, refresh_token_expires_in=86400)
    outcome, writes = asked(policy, Facts(shop=shop()), shop="S001").answer()
    assert "refresh_token" in outcome.members
    assert writes.grants[0].expires_at == NOW + timedelta(days=10)
    assert writes.grants[0].shop_id == "shop-1"
    assert {token.kind: token.expires_at for token in writes.tokens} == {
        "access": NOW + timedelta(hours=1),
        "refresh": NOW + timedelta(days=1),
    }
    assert outcome.shop == "S001"


def test_a_client_without_the_refresh_grant_gets_no_refresh_token() -> None:
    exchange = asked(REQUIRED, Facts(shop=shop(), client=client(grant_types=["client_credentials"])), shop="S001")
    outcome, writes = exchange.answer()
    assert "refresh_token" not in outcome.members
    assert writes.grants[0].expires_at == NOW + timedelta(hours=1)


@pytest.mark.security("CC-02")
def test_a_public_client_has_no_credentials_of_its_own() -> None:
    exchange = asked(facts=Facts(client=public()))
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    assert exchange.refusal() == (Cause.UNAUTHORIZED_GRANT, "A public client has no credentials of its own.")


@pytest.mark.security("TK-12")
def test_a_client_without_the_grant_is_refused_before_its_parameters() -> None:
    exchange = asked(REQUIRED, Facts(client=client(grant_types=["refresh_token"])))
    exchange.message = {"required": {"shop": "kdt_id"}}
    assert exchange.refusal()[0] is Cause.UNAUTHORIZED_GRANT


@pytest.mark.security("SC-01")
@pytest.mark.security("SC-02")
@pytest.mark.parametrize(("scope", "granted"), [("items", "items"), ("items orders", "items orders"), ("admin", None), ("items ", None)])
def test_the_scope_is_the_registered_one_or_a_part_of_it(scope: str, granted: str | None) -> None:
    exchange = asked(scope=scope)
    if granted is None:
        assert exchange.refusal()[0] is Cause.BAD_SCOPE
        assert not exchange.answer()[1]
    else:
        assert exchange.members()["scope"] == granted


# -- shops -----------------------------------------------------------------------------------------------------------------------


def test_the_shop_is_loaded_where_it_is_named_in_its_form() -> None:
    exchange = asked(OPTIONAL, shop="88888")
    assert needs_of([exchange.request()]).shop == "88888"
    exchange.message = {"invalid": "kdt_id"}
    assert needs_of([exchange.request()]).shop is None
    assert needs_of([asked(OPTIONAL).request()]).shop is None


@pytest.mark.security("VN-05")
def test_a_shop_that_was_not_found_is_unknown_whyever() -> None:
    for policy in (OPTIONAL, REQUIRED):
        outcome, writes = asked(policy, shop="S404").answer()
        assert outcome.refusal is not None
        assert outcome.refusal.cause is Cause.UNKNOWN_SHOP
        assert not writes


def test_an_optional_shop_may_be_left_out() -> None:
    assert asked(OPTIONAL).answer()[1].grants[0].shop_id is None


@pytest.mark.security("VN-05")
def test_a_required_shop_is_required_whatever_the_dialect_lists() -> None:
    outcome, writes = asked(REQUIRED).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.MISSING_PARAMETER
    assert not writes


def test_a_grant_that_knows_no_shops_ignores_one() -> None:
    assert asked(PLAIN, Facts(shop=shop()), shop="S001").answer()[1].grants[0].shop_id is None


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        ({"required": {"shop": "kdt_id"}}, (Cause.MISSING_PARAMETER, "The parameter kdt_id is missing.")),
        ({"invalid": "kdt_id"}, (Cause.INVALID_PARAMETER, "The parameter kdt_id has an invalid value.")),
        ({"required": {"shop": "kdt_id"}, "invalid": "scope"}, (Cause.MISSING_PARAMETER, "The parameter kdt_id is missing.")),
    ],
)
def test_parameters_are_named_as_on_the_wire(message: dict[str, Any], refusal: tuple[Cause, str]) -> None:
    exchange = asked(OPTIONAL)
    exchange.message = message
    assert exchange.refusal() == refusal


def test_the_scope_is_checked_before_the_shop() -> None:
    assert asked(OPTIONAL, shop="S404", scope="admin").refusal()[0] is Cause.BAD_SCOPE
