"""A refresh token for new tokens: rotated, reused or extending, by the policy's rule."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.clock import NEVER
from app.core.policy import Policy, RefreshRule
from app.core.secrets import digest
from app.ledger import Facts, Held, Writes
from app.messages import Credentials, Outcome
from app.models import Token
from app.oauth2.needs import needs_of
from tests.oauth2.exchange import NOW, Asked, client, code, family, held, public, shop, token, user

ROTATE = Policy(issue_refresh_token=True)
REUSE = Policy(issue_refresh_token=True, refresh_rule=RefreshRule.REUSE, refresh_token_expires_in=0, refresh_token_idle_in=3600)
EXTEND = Policy(refresh_rule=RefreshRule.EXTEND, access_token_expires_in=7200)
SENT = {"refresh_token": "the-refresh-token"}
STRANGER = "unknown refresh token, or of another client"


def asked(presented: Held[Token] | None = None, policy: Policy = ROTATE, **parameters: str) -> Asked:
    return Asked("refresh_token", SENT | parameters, Facts(token=presented if presented is not None else held(token())), policy)


def by_public_client(exchange: Asked) -> Asked:
    exchange.facts.client = public()
    if exchange.facts.token is not None:
        exchange.facts.token.client = public()
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    return exchange


def check_refused(answer: tuple[Outcome, Writes], detail: str, cause: Cause = Cause.BAD_REFRESH_TOKEN) -> None:
    outcome, writes = answer
    assert outcome.refusal is not None, outcome.members
    assert (outcome.refusal.cause, outcome.refusal.detail or outcome.refusal.description) == (cause, detail)
    assert not writes
    assert not outcome.replayed


def rotated(**members: Any) -> tuple[Held[Token], dict[str, Any]]:
    """Return a refresh token as it stands after its rotation at ``NOW``, and the answer that was given."""
    outcome, writes = asked().answer()
    assert writes.spend is not None
    record = token(
        used_at=NOW, successor_hash=writes.spend.successor_hash, successor_sealed=writes.spend.successor_sealed, **members.pop("record", {})
    )
    return held(record, **members), dict(outcome.members)


# -- rotate ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6749", "6")
@pytest.mark.rfc("9700", "4.14.2")
@pytest.mark.security("RF-01")
@pytest.mark.security("RF-05")
def test_a_rotation_spends_the_token_and_hands_out_two_new_ones() -> None:
    outcome, writes = asked().answer()
    assert outcome.refusal is None
    assert writes.spend is not None
    assert isinstance(writes.spend.record, Token)
    assert writes.spend.record.token_hash == digest("the-refresh-token")
    assert writes.spend.successor_hash == digest(str(outcome.members["refresh_token"]))
    assert {made.kind for made in writes.tokens} == {"access", "refresh"}
    assert not writes.revoke_access_of
    assert not writes.touch
    assert outcome.user_id == "user-demo"


def test_the_needs_are_the_token_and_the_bearer_where_there_is_one() -> None:
    exchange = asked()
    assert needs_of([exchange.request()]).token_hash == digest("the-refresh-token")
    assert needs_of([exchange.request()]).bearer_hash is None
    exchange.message = {"bearer": "the-bearer"}
    assert needs_of([exchange.request()]).bearer_hash == digest("the-bearer")
    exchange.parameters = {}
    assert needs_of([exchange.request()]).token_hash is None


@pytest.mark.security("AT-01")
def test_what_is_written_holds_no_token_but_sealed() -> None:
    outcome, writes = asked().answer()
    for value in (outcome.members["access_token"], outcome.members["refresh_token"], "the-refresh-token"):
        assert str(value) not in repr(writes)


def test_a_successor_lives_its_full_life_under_the_ceiling_of_its_family() -> None:
    policy = replace(ROTATE, refresh_token_expires_in=86400)
    ends = {}
    for left in (365, 1, 0.5):
        _, writes = asked(held(token(), family(expires_at=NOW + timedelta(days=left))), policy).answer()
        ends[left] = next(made.expires_at for made in writes.tokens if made.kind == "refresh")
    assert ends == {365: NOW + timedelta(days=1), 1: NOW + timedelta(days=1), 0.5: NOW + timedelta(days=0.5)}


def test_the_policy_may_end_the_access_tokens_of_the_family() -> None:
    _, writes = asked(policy=replace(ROTATE, revoke_access_token=True)).answer()
    assert writes.revoke_access_of == ["family-1"]
    assert writes.spend is not None


# -- replay and grace ------------------------------------------------------------------------------------------------------------


@pytest.mark.security("RF-05")
def test_a_rotated_token_ends_its_family_after_the_grace() -> None:
    presented, _ = rotated()
    exchange = asked(presented)
    exchange.now = NOW + timedelta(seconds=10)
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.BAD_REFRESH_TOKEN
    assert outcome.replayed
    assert writes.revoke_grants == ["family-1"]
    assert not writes.tokens


@pytest.mark.security("RF-10")
@pytest.mark.security("RF-12")
@pytest.mark.parametrize("seconds", [0, 5, 9.999999])
def test_an_honest_retry_within_the_grace_gets_the_same_answer_and_writes_nothing(seconds: float) -> None:
    presented, answer = rotated()
    exchange = asked(presented)
    exchange.now = NOW + timedelta(seconds=seconds)
    outcome, writes = exchange.answer()
    assert outcome.members == answer
    assert not writes
    assert not outcome.replayed


@pytest.mark.security("RF-10")
def test_a_retry_must_come_with_the_very_token() -> None:
    presented, _ = rotated()
    exchange = asked(presented)
    exchange.parameters = {"refresh_token": "another-token-of-the-same-digest"}
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert writes.revoke_grants == ["family-1"]


@pytest.mark.security("RF-10")
def test_there_is_no_grace_once_the_successor_was_used() -> None:
    presented, _ = rotated(successor_used=True)
    outcome, writes = asked(presented).answer()
    assert outcome.replayed
    assert writes.revoke_grants == ["family-1"]


@pytest.mark.security("RF-10")
def test_there_is_no_grace_for_a_public_client_and_its_answer_is_not_kept() -> None:
    _, writes = by_public_client(asked()).answer()
    assert writes.spend is not None
    assert writes.spend.successor_sealed is None
    presented, _ = rotated()
    outcome, writes = by_public_client(asked(presented)).answer()
    assert outcome.replayed
    assert writes.revoke_grants == ["family-1"]


def test_a_policy_without_grace_keeps_no_answer() -> None:
    _, writes = asked(policy=replace(ROTATE, grace_in=0)).answer()
    assert writes.spend is not None
    assert writes.spend.successor_sealed is None
    outcome, _ = asked(held(token(used_at=NOW)), replace(ROTATE, grace_in=0)).answer()
    assert outcome.replayed


@pytest.mark.security("RF-10")
@pytest.mark.parametrize(
    "members",
    [
        {"grant": family(revoked_at=NOW)},
        {"owner": None},
        {"owner": client(disabled_at=NOW)},
        {"person": user(disabled_at=NOW)},
        {"person": None},
    ],
)
def test_there_is_no_grace_after_a_deliberate_end_and_nothing_to_end_any_more(members: dict[str, Any]) -> None:
    presented, _ = rotated(**members)
    outcome, writes = asked(presented).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.BAD_REFRESH_TOKEN
    assert not writes
    assert not outcome.replayed


@pytest.mark.security("RF-03")
@pytest.mark.parametrize("used", [True, False])
@pytest.mark.parametrize("grant", [{"client_id": "other"}, {"dialect": "youzan"}])
def test_a_strangers_attempt_burns_nothing(grant: dict[str, str], *, used: bool) -> None:
    record = token(used_at=NOW - timedelta(days=1) if used else None)
    check_refused(asked(held(record, family(**grant))).answer(), STRANGER)


# -- what gives no right ---------------------------------------------------------------------------------------------------------


@pytest.mark.security("RF-07")
def test_what_is_no_refresh_token_is_an_unknown_one() -> None:
    check_refused(Asked("refresh_token", SENT, policy=ROTATE).answer(), STRANGER)
    check_refused(asked(held(token(kind="access"))).answer(), STRANGER)


@pytest.mark.security("RF-09")
@pytest.mark.security("RF-11")
@pytest.mark.parametrize(
    ("presented", "detail"),
    [
        (held(token(revoked_at=NOW)), "it was revoked"),
        (held(token(expires_at=NOW)), "it has expired"),
        (held(token(expires_at=None), family(expires_at=NOW)), "its grant has expired"),
        (held(token(), family(revoked_at=NOW)), "its grant was revoked"),
        (held(token(), owner=None), "its client is disabled"),
        (held(token(), owner=client(disabled_at=NOW)), "its client is disabled"),
        (held(token(), person=None), "its user is disabled"),
        (held(token(), person=user(disabled_at=NOW)), "its user is disabled"),
        (held(token(), person=user(password_changed_at=NOW - timedelta(minutes=59))), "its user has changed their password since"),
        (held(token(), family(shop_id="shop-1"), store=None), "its shop is disabled, or no longer granted to the client"),
        (held(token(), family(shop_id="shop-1"), store=shop(disabled_at=NOW)), "its shop is disabled, or no longer granted to the client"),
    ],
)
def test_a_refresh_token_falls_with_everyone_behind_it(presented: Held[Token], detail: str) -> None:
    check_refused(asked(presented).answer(), detail)


def test_what_lies_before_the_grant_does_not_end_it() -> None:
    assert asked(held(token(), person=user(password_changed_at=NOW - timedelta(hours=2)))).members()
    assert asked(held(token(expires_at=None))).members()
    assert asked(held(token(expires_at=NOW + timedelta(microseconds=1)))).members()


# -- scope -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6749", "6")
@pytest.mark.security("RF-01")
@pytest.mark.security("RF-02")
def test_a_narrower_scope_narrows_the_access_token_only() -> None:
    outcome, writes = asked(scope="items").answer()
    assert outcome.members["scope"] == "items"
    assert {made.kind: made.scope for made in writes.tokens} == {"access": "items", "refresh": "orders items"}


@pytest.mark.security("RF-02")
@pytest.mark.parametrize("scope", ["orders items admin", "admin", "items ", 'items"', "ITEMS"])
def test_a_wider_or_malformed_scope_is_refused_and_burns_nothing(scope: str) -> None:
    check_refused(asked(scope=scope).answer(), "The scope goes beyond what was granted.", Cause.BAD_SCOPE)


@pytest.mark.security("RF-02")
def test_no_scope_is_wider_than_none() -> None:
    check_refused(asked(held(token(scope="")), scope="orders").answer(), "The scope goes beyond what was granted.", Cause.BAD_SCOPE)
    assert asked(held(token(scope=""))).members()["scope"] == ""


# -- reuse -----------------------------------------------------------------------------------------------------------------------


def test_a_reused_token_stays_and_is_not_echoed() -> None:
    outcome, writes = asked(policy=REUSE).answer()
    assert "refresh_token" not in outcome.members
    assert writes.spend is None
    assert [made.kind for made in writes.tokens] == ["access"]
    assert not writes.revoke_access_of


@pytest.mark.security("RF-09")
def test_a_use_is_noted_and_moves_the_end_of_an_idle_limit() -> None:
    record = token(issued_at=NOW - timedelta(minutes=30))
    _, writes = asked(held(record), REUSE).answer()
    assert writes.touch == [record]
    assert writes.extend == [(record, NOW + timedelta(hours=1))]


def test_a_use_within_a_minute_of_the_last_is_not_noted_again() -> None:
    for record in (token(issued_at=NOW - timedelta(seconds=59)), token(last_used_at=NOW - timedelta(seconds=59))):
        _, writes = asked(held(record), REUSE).answer()
        assert not writes.touch
        assert not writes.extend
    record = token(last_used_at=NOW - timedelta(seconds=60))
    _, writes = asked(held(record), REUSE).answer()
    assert writes.touch == [record]


def test_a_use_moves_no_end_beyond_the_tokens_own_and_the_familys() -> None:
    fixed = replace(REUSE, refresh_token_expires_in=5400)
    record = token(issued_at=NOW - timedelta(hours=1))
    _, writes = asked(held(record), fixed).answer()
    assert writes.extend == [(record, NOW + timedelta(minutes=30))]
    _, writes = asked(held(record, family(expires_at=NOW + timedelta(minutes=10))), REUSE).answer()
    assert writes.extend == [(record, NOW + timedelta(minutes=10))]
    endless = replace(REUSE, refresh_token_idle_in=0)
    _, writes = asked(held(record, family(expires_at=NEVER)), endless).answer()
    assert writes.extend == [(record, NEVER)]


def test_a_token_that_was_rotated_under_another_rule_is_still_a_replay() -> None:
    outcome, writes = asked(held(token(used_at=NOW - timedelta(days=1))), REUSE).answer()
    assert outcome.replayed
    assert writes.revoke_grants == ["family-1"]


# -- extend ----------------------------------------------------------------------------------------------------------------------


def extending(bearer: Held[Token] | None, presented: Held[Token] | None = None) -> Asked:
    exchange = asked(presented, EXTEND)
    exchange.facts.bearer = bearer
    exchange.message = {"credentials": Credentials(), "authenticates_by_bearer": True, "bearer": "the-access-token"}
    return exchange


def access(**members: Any) -> Token:
    return token("the-access-token", "access", **members)


@pytest.mark.parametrize("ended", [timedelta(hours=1), timedelta(seconds=-1), timedelta(days=-20)])
def test_an_extension_moves_the_end_of_the_presented_access_token_and_makes_nothing(ended: timedelta) -> None:
    record = access(expires_at=NOW + ended)
    outcome, writes = extending(held(record)).answer()
    assert outcome.members == {"expires_at": NOW + timedelta(hours=2)}
    assert writes.extend == [(record, NOW + timedelta(hours=2))]
    assert not writes.tokens
    assert writes.spend is None


@pytest.mark.security("VN-05")
def test_bearer_and_refresh_token_must_belong_to_one_grant() -> None:
    bearer = held(access(grant_id="family-2"), family(id="family-2"))
    check_refused(extending(bearer).answer(), "the bearer token is of another grant")


def test_a_refresh_that_extends_needs_something_to_extend() -> None:
    exchange = asked(policy=EXTEND)
    assert exchange.refusal() == (Cause.BAD_BEARER, "there is no access token to extend")


# -- the client ------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("TK-12")
def test_a_client_without_the_grant_is_refused_before_the_token_is_looked_at() -> None:
    exchange = asked(held(token(used_at=NOW - timedelta(days=1))))
    exchange.facts.client = client(grant_types=["authorization_code"])
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.UNAUTHORIZED_GRANT
    assert not writes


def test_a_clients_own_family_has_no_user() -> None:
    outcome, _ = asked(held(token(), family(user_id=None))).answer()
    assert outcome.refusal is None
    assert outcome.user_id is None


def test_a_missing_token_is_named_as_on_the_wire() -> None:
    exchange = Asked("refresh_token", {}, policy=ROTATE, message={"required": {"refresh_token": "refreshToken"}})
    assert exchange.refusal() == (Cause.MISSING_PARAMETER, "The parameter refreshToken is missing.")


def test_a_code_is_no_refresh_token() -> None:
    exchange = Asked("refresh_token", SENT, Facts(code=held(code())), ROTATE)
    check_refused(exchange.answer(), STRANGER)
