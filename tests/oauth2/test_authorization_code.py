"""A code for tokens: who may, once, with what it is bound to."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.policy import Policy, RedirectUriRule
from app.core.secrets import SecretFormat, digest
from app.ledger import Facts, Held, Writes
from app.messages import Credentials, Outcome
from app.models import AuthorizationCode
from app.oauth2.needs import needs_of
from tests.oauth2.exchange import CALLBACK, NOW, POLICY, Asked, client, code, family, held, public, shop, user

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SENT = {"code": "the-code", "redirect_uri": CALLBACK}


def asked(presented: Held[AuthorizationCode] | None = None, *, policy: Policy = POLICY, **parameters: str) -> Asked:
    facts = Facts(code=presented if presented is not None else held(code()))
    return Asked("authorization_code", SENT | parameters, facts, policy)


def without(name: str, presented: Held[AuthorizationCode], **options: Any) -> Asked:
    exchange = asked(presented, **options)
    exchange.parameters = {key: value for key, value in exchange.parameters.items() if key != name}
    return exchange


def check_refused(answer: tuple[Outcome, Writes], cause: Cause, detail: str) -> None:
    outcome, writes = answer
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.detail or outcome.refusal.description) == (cause, detail)
    assert not writes
    assert not outcome.replayed


@pytest.mark.rfc("6749", "4.1.4")
def test_a_good_code_yields_both_tokens_and_is_spent_by_them() -> None:
    outcome, writes = asked().answer()
    members = dict(outcome.members)
    assert outcome.refusal is None
    assert (members["token_type"], members["expires_in"], members["scope"]) == ("Bearer", 3600, "orders items")
    assert members["expires_at"] == NOW + timedelta(hours=1)
    assert writes.spend is not None
    assert isinstance(writes.spend.record, AuthorizationCode)
    assert {token.kind: token.token_hash for token in writes.tokens} == {
        "access": digest(str(members["access_token"])),
        "refresh": digest(str(members["refresh_token"])),
    }
    assert {token.grant_id for token in writes.tokens} == {"family-1"}
    assert (outcome.user_id, outcome.client and outcome.client.client_id) == ("user-demo", "demo")
    assert not writes.grants
    assert not writes.revoke_grants


@pytest.mark.security("AT-01")
def test_what_is_written_holds_no_token() -> None:
    outcome, writes = asked().answer()
    for value in (outcome.members["access_token"], outcome.members["refresh_token"], "the-code"):
        assert str(value) not in repr(writes)


def test_the_needs_are_the_code_and_the_client() -> None:
    needs = needs_of([asked().request()])
    assert (needs.code_hash, needs.client_id, needs.token_hash, needs.shop) == (digest("the-code"), "demo", None, None)
    assert len(needs.attempts) == 2
    exchange = asked()
    exchange.parameters = {}
    assert needs_of([exchange.request()]).code_hash is None


@pytest.mark.rfc("6749", "4.1.2")
@pytest.mark.security("CD-01")
@pytest.mark.security("CD-02")
def test_a_used_code_ends_its_family_and_says_so_to_the_operator() -> None:
    outcome, writes = asked(held(code(used_at=NOW - timedelta(seconds=1)))).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.BAD_CODE
    assert outcome.replayed
    assert writes.revoke_grants == ["family-1"]
    assert not writes.tokens
    assert writes.spend is None


@pytest.mark.security("CD-02")
def test_a_used_code_ends_its_family_even_after_it_has_expired() -> None:
    _, writes = asked(held(code(used_at=NOW - timedelta(days=2), expires_at=NOW - timedelta(days=1)))).answer()
    assert writes.revoke_grants == ["family-1"]


@pytest.mark.security("CD-03")
@pytest.mark.parametrize("used", [None, NOW - timedelta(seconds=1)])
@pytest.mark.parametrize("grant", [{"client_id": "other"}, {"dialect": "youzan"}])
def test_a_strangers_attempt_burns_nothing(used: Any, grant: dict[str, str]) -> None:
    presented = held(code(used_at=used), family(**grant))
    check_refused(asked(presented).answer(), Cause.BAD_CODE, "unknown code, or of another client")


def test_an_unknown_code_is_refused() -> None:
    exchange = Asked("authorization_code", SENT)
    check_refused(exchange.answer(), Cause.BAD_CODE, "unknown code, or of another client")


@pytest.mark.security("CD-09")
@pytest.mark.parametrize(("left", "alive"), [(1, True), (0, False), (-1, False)])
def test_a_code_ends_at_its_moment(left: int, *, alive: bool) -> None:
    answer = asked(held(code(expires_at=NOW + timedelta(microseconds=left)))).answer()
    if alive:
        assert answer[0].refusal is None
    else:
        check_refused(answer, Cause.BAD_CODE, "the code has expired")


@pytest.mark.security("CD-10")
@pytest.mark.parametrize(
    ("presented", "detail"),
    [
        (held(code(), family(revoked_at=NOW)), "its grant was revoked"),
        (held(code(), owner=None), "its client is disabled"),
        (held(code(), owner=client(disabled_at=NOW)), "its client is disabled"),
        (held(code(), person=None), "its user is disabled"),
        (held(code(), person=user(disabled_at=NOW)), "its user is disabled"),
        (held(code(), person=user(password_changed_at=NOW)), "its user has changed their password since"),
        (held(code(), family(shop_id="shop-1"), store=None), "its shop is disabled, or no longer granted to the client"),
        (held(code(), family(shop_id="shop-1"), store=shop(disabled_at=NOW)), "its shop is disabled, or no longer granted to the client"),
    ],
)
def test_a_code_falls_with_everyone_behind_it(presented: Held[AuthorizationCode], detail: str) -> None:
    check_refused(asked(presented).answer(), Cause.BAD_CODE, detail)


# -- redirect_uri ----------------------------------------------------------------------------------------------------------------

WRONG_URI = "The redirect_uri differs from the one of the authorization request."


@pytest.mark.rfc("6749", "4.1.3")
@pytest.mark.security("CD-04")
@pytest.mark.parametrize("rule", RedirectUriRule)
@pytest.mark.parametrize("sent", [CALLBACK + "/", CALLBACK.upper(), CALLBACK + "?x", "https://evil.example/cb"])
def test_a_redirect_uri_that_is_sent_must_be_the_same_to_the_byte(rule: RedirectUriRule, sent: str) -> None:
    policy = Policy(redirect_uri=rule)
    check_refused(asked(policy=policy, redirect_uri=sent).answer(), Cause.BAD_REDIRECT_URI, WRONG_URI)


@pytest.mark.security("CD-04")
def test_a_redirect_uri_that_was_sent_must_be_sent_again() -> None:
    repeated, optional = Policy(redirect_uri=RedirectUriRule.REPEATED), Policy(redirect_uri=RedirectUriRule.OPTIONAL)
    missing = "The redirect_uri of the authorization request is missing."
    check_refused(without("redirect_uri", held(code()), policy=repeated).answer(), Cause.BAD_REDIRECT_URI, missing)
    assert without("redirect_uri", held(code(redirect_uri_sent=False)), policy=repeated).members()
    assert without("redirect_uri", held(code()), policy=optional).members()


@pytest.mark.security("CD-04")
@pytest.mark.parametrize("sent_before", [True, False])
def test_a_required_redirect_uri_is_required_whatever_the_authorization_request_sent(*, sent_before: bool) -> None:
    required = Policy(redirect_uri=RedirectUriRule.REQUIRED)
    outcome, writes = without("redirect_uri", held(code(redirect_uri_sent=sent_before)), policy=required).answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.MISSING_PARAMETER
    assert not writes


def test_a_code_without_a_redirect_uri_takes_none() -> None:
    check_refused(asked(held(code(redirect_uri=None, redirect_uri_sent=False))).answer(), Cause.BAD_REDIRECT_URI, WRONG_URI)


# -- PKCE ------------------------------------------------------------------------------------------------------------------------

WRONG_VERIFIER = "The code_verifier does not match the code_challenge."


def challenged(method: str | None = "S256") -> Held[AuthorizationCode]:
    return held(code(code_challenge=CHALLENGE, code_challenge_method=method))


@pytest.mark.rfc("7636", "4.6")
@pytest.mark.rfc("7636", "B")
@pytest.mark.security("PK-05")
def test_the_verifier_of_the_challenge_opens_the_code() -> None:
    assert asked(challenged(), code_verifier=VERIFIER).members()


@pytest.mark.security("PK-05")
@pytest.mark.parametrize(
    "verifier",
    [
        "a" * 43,
        CHALLENGE,
        VERIFIER[:-1],
        VERIFIER + "a",
        VERIFIER.swapcase(),
        "a" * 42,
        "a" * 129,
        VERIFIER + "=",
        VERIFIER + "\n",
        "é" * 43,
        " " * 43,
    ],
)
def test_another_verifier_does_not(verifier: str) -> None:
    check_refused(asked(challenged(), code_verifier=verifier).answer(), Cause.BAD_CODE_VERIFIER, WRONG_VERIFIER)


@pytest.mark.security("PK-05")
def test_a_challenge_without_a_verifier_is_refused() -> None:
    check_refused(asked(challenged()).answer(), Cause.BAD_CODE_VERIFIER, WRONG_VERIFIER)


@pytest.mark.security("PK-06")
def test_a_verifier_without_a_challenge_is_refused() -> None:
    refusal = "The authorization request had no code_challenge."
    check_refused(asked(code_verifier=VERIFIER).answer(), Cause.BAD_CODE_VERIFIER, refusal)


@pytest.mark.security("PK-04")
@pytest.mark.parametrize("method", ["plain", "S512", "s256", "", None])
def test_no_method_but_s256_opens_a_code(method: str | None) -> None:
    plain = held(code(code_challenge=VERIFIER, code_challenge_method=method))
    check_refused(asked(plain, code_verifier=VERIFIER).answer(), Cause.BAD_CODE_VERIFIER, WRONG_VERIFIER)


# -- what is handed out ----------------------------------------------------------------------------------------------------------


def test_without_its_policy_or_the_grant_there_is_no_refresh_token() -> None:
    assert "refresh_token" not in asked(policy=Policy()).members()
    registered = client(grant_types=["authorization_code"])
    exchange = asked(held(code(), owner=registered))
    exchange.facts.client = registered
    outcome, writes = exchange.answer()
    assert "refresh_token" not in outcome.members
    assert [token.kind for token in writes.tokens] == ["access"]


def test_the_policy_says_how_tokens_look_and_how_long_they_live() -> None:
    policy = Policy(
        issue_refresh_token=True,
        access_token=SecretFormat("HEX", 16),
        refresh_token=SecretFormat("hex", 20),
        access_token_expires_in=36000,
        refresh_token_expires_in=0,
        token_type="bearer",
    )
    outcome, writes = asked(held(code(), family(expires_at=NOW + timedelta(days=4000))), policy=policy).answer()
    members = outcome.members
    assert (len(str(members["access_token"])), len(str(members["refresh_token"]))) == (32, 40)
    assert (members["token_type"], members["expires_in"]) == ("bearer", 36000)
    ends = {token.kind: token.expires_at for token in writes.tokens}
    assert ends == {"access": NOW + timedelta(hours=10), "refresh": NOW + timedelta(days=4000)}


@pytest.mark.security("RF-09")
def test_no_token_outlives_its_family() -> None:
    outcome, writes = asked(held(code(), family(expires_at=NOW + timedelta(minutes=10)))).answer()
    assert outcome.members["expires_in"] == 600
    assert {token.expires_at for token in writes.tokens} == {NOW + timedelta(minutes=10)}


def test_a_code_without_a_user_is_the_clients_own() -> None:
    outcome, writes = asked(held(code(), family(user_id=None))).answer()
    assert outcome.refusal is None
    assert outcome.user_id is None
    assert len(writes.tokens) == 2


def test_the_scope_is_the_granted_one_and_may_be_none() -> None:
    assert asked(held(code(), family(scope="items"))).members()["scope"] == "items"
    assert asked(held(code(), family(scope=""))).members()["scope"] == ""


def test_a_public_client_redeems_without_a_secret() -> None:
    exchange = asked(held(code(), owner=public()))
    exchange.facts.client = public()
    exchange.message = {"credentials": Credentials("demo", None, "none")}
    assert exchange.members()["access_token"]


@pytest.mark.security("TK-12")
def test_a_client_without_the_grant_is_refused_before_the_code_is_looked_at() -> None:
    exchange = asked(held(code(used_at=NOW)))
    exchange.facts.client = client(grant_types=["refresh_token"])
    outcome, writes = exchange.answer()
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.UNAUTHORIZED_GRANT
    assert not writes
