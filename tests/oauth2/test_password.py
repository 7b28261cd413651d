"""The user's password in the client's hands: asked for last, checked elsewhere, answered alike."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.ledger import Facts
from app.messages import Proofs
from app.oauth2.grants.password import PasswordWanted
from app.oauth2.needs import needs_of
from tests.oauth2.exchange import NOW, SERVER, Asked, client, user

SENT = {"username": "Demo", "password": "a password"}
RIGHT = Proofs(password_is_right=True, attempts=(b"counter",))


def asked(proofs: Proofs = RIGHT, facts: Facts | None = None, **parameters: str) -> Asked:
    exchange = Asked("password", SENT | parameters, facts or Facts(user=user()), proofs=proofs)
    exchange.facts.client = exchange.facts.client or client()
    return exchange


def wants(exchange: Asked) -> bool:
    return SERVER.wants_password(exchange.request(), exchange.facts, Proofs(), NOW) is not None


@pytest.mark.rfc("6749", "4.3")
def test_a_right_password_begins_a_family_and_clears_the_accounts_failures() -> None:
    outcome, writes = asked().answer()
    assert set(outcome.members) == {"access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token"}
    [grant] = writes.grants
    assert (grant.user_id, grant.client_id, grant.scope) == ("user-demo", "demo", "orders items")
    assert grant.expires_at == NOW + timedelta(days=365)
    assert writes.forget == [b"counter"]
    assert outcome.user_id == "user-demo"


def test_the_user_is_looked_up_by_the_one_spelling_of_the_name() -> None:
    assert needs_of([asked(username=" DEMO ").request()]).login == "demo"
    assert needs_of([asked(username="x" * 400).request()]).login is None
    exchange = asked()
    exchange.parameters = {}
    assert needs_of([exchange.request()]).login is None


@pytest.mark.security("LG-08")
@pytest.mark.security("VN-03")
@pytest.mark.parametrize(
    ("proofs", "facts"),
    [
        (Proofs(password_is_right=False), Facts(user=user())),
        (Proofs(password_is_right=False), Facts()),
        (Proofs(password_is_right=True), Facts()),
        (Proofs(password_is_right=True), Facts(user=user(second_factor_at=NOW))),
        (Proofs(password_is_right=False), Facts(user=user(second_factor_at=NOW))),
    ],
)
def test_a_wrong_password_an_unknown_user_and_one_with_a_second_factor_are_answered_alike(proofs: Proofs, facts: Facts) -> None:
    outcome, writes = asked(proofs, facts).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.BAD_USER_CREDENTIALS
    assert outcome.refusal.description == "The user name or password is not valid."
    assert not writes
    assert outcome.client is not None


@pytest.mark.security("BF-01")
def test_while_the_counter_blocks_nothing_is_looked_at() -> None:
    outcome, writes = asked(Proofs(blocked_in=840)).answer()
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.retry_in) == (Cause.TOO_MANY_ATTEMPTS, 840)
    assert not writes


# -- whether the password is wanted ----------------------------------------------------------------------------------------------


def test_the_password_is_wanted_where_everything_else_is_in_order() -> None:
    assert wants(asked())


@pytest.mark.security("BF-10")
@pytest.mark.parametrize(
    ("facts", "parameters", "message"),
    [
        (Facts(client=client("demo", "another-secret")), {}, {}),
        (Facts(client=client(grant_types=["refresh_token"])), {}, {}),
        (Facts(client=client()), {"scope": "admin"}, {}),
        (Facts(client=client()), {}, {"required": {"company": "companyId"}}),
        (Facts(client=client()), {}, {"invalid": "companyId"}),
        (Facts(client=client(dialect="youzan")), {}, {}),
        (Facts(client=client()), {}, {"is_spoken": False}),
    ],
)
def test_no_password_is_hashed_for_a_request_that_is_refused_anyway(
    facts: Facts, parameters: dict[str, str], message: dict[str, Any]
) -> None:
    exchange = Asked("password", SENT | parameters, facts, message=message)
    assert not wants(exchange)


@pytest.mark.security("LG-17")
@pytest.mark.parametrize("missing", ["username", "password"])
def test_without_a_name_or_a_password_none_is_wanted(missing: str) -> None:
    exchange = asked()
    exchange.parameters = {name: value for name, value in SENT.items() if name != missing}
    assert not wants(exchange)
    assert exchange.refusal()[0] is Cause.MISSING_PARAMETER


def test_another_grant_wants_none() -> None:
    assert not SERVER.wants_password(Asked("client_credentials").request(), Facts(client=client()), Proofs(), NOW)


def test_to_decide_without_a_check_is_a_fault_of_the_program() -> None:
    with pytest.raises(PasswordWanted):
        asked(Proofs()).answer()


@pytest.mark.security("SC-02")
def test_a_scope_beyond_the_registration_is_refused_before_the_password() -> None:
    assert asked(Proofs(password_is_right=False), scope="admin").refusal()[0] is Cause.BAD_SCOPE
    assert asked(scope="items").members()["scope"] == "items"
