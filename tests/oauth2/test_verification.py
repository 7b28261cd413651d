"""Who asks: every way to authenticate, every way to fail at it, and the counters behind."""

from datetime import timedelta
from typing import Any

import pytest

from app.core.causes import Cause
from app.core.policy import Policy, RefreshRule
from app.ledger import Facts, Held, Writes
from app.messages import Credentials, Endpoint, Outcome, Proofs, Request
from app.models import Attempt, AuthorizationCode, Client, Token
from app.oauth2.verification import ADDRESS_FAILURES, CLIENT_FAILURES, attempt_keys
from tests.oauth2.exchange import NOW, SERVER, client, code, family, held, one_secret, public, token

BASIC, POST = "client_secret_basic", "client_secret_post"
GOOD = Credentials("demo", "demo-secret", BASIC)
UNNAMED = Credentials()


def message(credentials: Credentials = GOOD, **members: Any) -> Request:
    """Return a request for a client's own token: everything but the client is in order."""
    grant = members.pop("grant_type", "client_credentials")
    values = {"endpoint": Endpoint.TOKEN, "dialect": "standard", "parameters": {}, "address": "192.0.2.1", **members}
    return Request(grant_type=grant, registered_grant=grant, credentials=credentials, **values)


def answer(facts: Facts, request: Request) -> tuple[Outcome, Writes]:
    return SERVER.respond(request, facts, Proofs(), NOW)


def refusal(facts: Facts, request: Request) -> tuple[Cause, str | None]:
    outcome, _ = answer(facts, request)
    assert outcome.refusal is not None, outcome.members
    return outcome.refusal.cause, outcome.refusal.detail


def counted(request: Request, *counts: int, begun: timedelta = timedelta(minutes=-5)) -> dict[bytes, Attempt]:
    """Return the counters of the client and of its address as they stand."""
    return {
        key: Attempt(key=key, count=count, window_started_at=NOW + begun) for key, count in zip(attempt_keys(request), counts, strict=False)
    }


# -- who is right ----------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.parametrize("method", [BASIC, POST])
@pytest.mark.parametrize("registered", [BASIC, POST, None])
@pytest.mark.security("CA-08")
def test_a_right_secret_counts_by_the_registered_method_only(method: str, registered: str | None) -> None:
    facts = Facts(client=client(token_endpoint_auth_method=registered))
    outcome, writes = answer(facts, message(Credentials("demo", "demo-secret", method)))
    if registered in {None, method}:
        assert outcome.refusal is None
        assert outcome.client is facts.client
    else:
        assert outcome.refusal is not None
        assert outcome.refusal.cause is Cause.INVALID_CLIENT
        assert len(writes.count) == 2


def test_each_of_several_secrets_is_right_until_its_end() -> None:
    secrets = (one_secret("demo", "old", NOW), one_secret("demo", "ending", NOW + timedelta(seconds=1)), one_secret("demo", "new"))
    facts = Facts(client=client(secrets=secrets))
    outcomes = {
        secret: answer(facts, message(Credentials("demo", secret, BASIC)))[0].refusal is None for secret in ("old", "ending", "new")
    }
    assert outcomes == {"old": False, "ending": True, "new": True}


@pytest.mark.security("CA-07")
@pytest.mark.parametrize("secret", ["é", "密码", "\x00", "%zz", "\ud800", "x" * 100_000])
def test_a_strange_secret_is_a_wrong_one(secret: str) -> None:
    assert refusal(Facts(client=client()), message(Credentials("demo", secret, BASIC))) == (Cause.INVALID_CLIENT, "wrong secret")


@pytest.mark.parametrize(
    ("found", "credentials", "detail"),
    [
        (None, GOOD, "unknown client"),
        (None, UNNAMED, "unknown client"),
        (client(secret="another"), GOOD, "wrong secret"),
        (client(secret=None), GOOD, "wrong secret"),
        (client(disabled_at=NOW), GOOD, "the client is disabled"),
        (client(), Credentials("demo", None, "none"), "no secret was sent"),
        (client(), Credentials("demo", None, BASIC), "no secret was sent"),
        (public(), GOOD, "a public client sent a secret"),
        (public(disabled_at=NOW), Credentials("demo", None, "none"), "the client is disabled"),
    ],
)
@pytest.mark.security("CA-02")
@pytest.mark.security("CA-03")
@pytest.mark.security("CA-12")
def test_every_way_to_fail_is_told_the_same_and_noted_as_it_is(found: Client | None, credentials: Credentials, detail: str) -> None:
    outcome, writes = answer(Facts(client=found), message(credentials))
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.detail) == (Cause.INVALID_CLIENT, detail)
    assert outcome.refusal.description == "Client authentication failed."
    assert outcome.client is None
    assert len(writes.count) == (2 if credentials.client_secret is not None else 0)


@pytest.mark.security("VN-07")
def test_public_clients_are_served_where_the_dialect_says_so() -> None:
    facts, request = Facts(client=public(), token=held(token(), owner=public())), Credentials("demo", None, "none")
    refresh = {"grant_type": "refresh_token", "parameters": {"refresh_token": "the-refresh-token"}}
    assert answer(facts, message(request, **refresh))[0].refusal is None
    assert refusal(facts, message(request, serves_public_clients=False, **refresh)) == (
        Cause.INVALID_CLIENT,
        "public clients are not served here",
    )


@pytest.mark.security("VN-01")
def test_a_right_client_of_another_dialect_is_told_so_and_a_wrong_one_is_not() -> None:
    facts = Facts(client=client(dialect="hex"))
    outcome, writes = answer(facts, message())
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.detail) == (Cause.FOREIGN_DIALECT, "the client speaks hex")
    assert outcome.client is None
    assert not writes
    assert refusal(facts, message(Credentials("demo", "wrong", BASIC)))[0] is Cause.INVALID_CLIENT


@pytest.mark.security("VN-01")
def test_a_grant_that_the_clients_dialect_lacks_is_refused_once_it_has_proved_itself() -> None:
    assert refusal(Facts(client=client()), message(is_spoken=False))[0] is Cause.UNAUTHORIZED_GRANT
    assert refusal(Facts(client=client(secret="another")), message(is_spoken=False))[0] is Cause.INVALID_CLIENT


# -- counters --------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("BF-05")
@pytest.mark.security("BF-08")
def test_a_counter_is_of_a_client_an_address_and_a_grant() -> None:
    one = attempt_keys(message())
    assert len(set(one)) == 2
    assert attempt_keys(message()) == one
    others = [
        message(Credentials("other", "x", BASIC)),
        message(address="192.0.2.2"),
        message(grant_type="refresh_token"),
        message(grant_type="", endpoint=Endpoint.INTROSPECTION),
    ]
    assert len({attempt_keys(other)[0] for other in others} | {one[0]}) == 5
    assert attempt_keys(others[0])[1] == one[1]


@pytest.mark.security("BF-07")
def test_an_ipv6_address_counts_as_its_network() -> None:
    def keys(address: str) -> tuple[bytes, ...]:
        return attempt_keys(message(address=address))

    assert keys("2001:db8:1:2:3::4") == keys("2001:db8:1:2::ffff") == keys("2001:db8:1:2::1%eth0")
    assert keys("2001:db8:1:2::1") != keys("2001:db8:1:3::1")
    assert keys("::ffff:192.0.2.1") == keys("192.0.2.1")
    assert keys("a socket's path") != keys("")


def test_nothing_is_counted_where_no_secret_was_presented() -> None:
    assert attempt_keys(message(UNNAMED)) == ()
    assert attempt_keys(message(Credentials("demo", None, "none"))) == ()
    assert attempt_keys(message(Credentials(None, "secret", POST))) == ()


@pytest.mark.security("BF-05")
@pytest.mark.parametrize(("count", "blocked"), [(CLIENT_FAILURES - 1, False), (CLIENT_FAILURES, True), (CLIENT_FAILURES + 5, True)])
def test_a_full_counter_of_a_client_blocks_its_right_secret_too(count: int, *, blocked: bool) -> None:
    request = message()
    outcome, writes = answer(Facts(client=client(), attempts=counted(request, count, 0)), request)
    if blocked:
        assert outcome.refusal is not None
        assert (outcome.refusal.cause, outcome.refusal.retry_in) == (Cause.TOO_MANY_ATTEMPTS, 600)
        assert not writes
    else:
        assert outcome.refusal is None


@pytest.mark.security("BF-05")
def test_a_full_counter_of_an_address_blocks_wrong_secrets_only() -> None:
    right, wrong = message(), message(Credentials("demo", "wrong", BASIC))
    assert answer(Facts(client=client(), attempts=counted(right, 0, ADDRESS_FAILURES)), right)[0].refusal is None
    outcome, writes = answer(Facts(client=client(), attempts=counted(wrong, 0, ADDRESS_FAILURES)), wrong)
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.retry_in) == (Cause.TOO_MANY_ATTEMPTS, 600)
    assert not writes


@pytest.mark.security("BF-06")
@pytest.mark.parametrize(
    ("begun", "retry_in"), [(timedelta(0), 900), (timedelta(minutes=-15, seconds=0.5), 1), (timedelta(minutes=-15), None)]
)
def test_a_counter_blocks_until_its_window_is_over(begun: timedelta, retry_in: int | None) -> None:
    request = message()
    outcome, _ = answer(Facts(client=client(), attempts=counted(request, 1000, begun=begun)), request)
    assert (outcome.refusal.retry_in if outcome.refusal else None) == retry_in


@pytest.mark.security("BF-06")
def test_a_window_that_begins_in_the_future_blocks_nobody() -> None:
    request = message()
    outcome, _ = answer(Facts(client=client(), attempts=counted(request, 1000, begun=timedelta(days=1))), request)
    assert outcome.refusal is None


# -- a client that stays unnamed -------------------------------------------------------------------------------------------------


def unnamed(grant: str = "refresh_token", **members: Any) -> Request:
    name, value = {"refresh_token": ("refresh_token", "the-refresh-token"), "authorization_code": ("code", "the-code")}[grant]
    values = {"parameters": {name: value}, "required": {name: name}, "accepts_anonymous": True, **members}
    return message(UNNAMED, grant_type=grant, **values)


def test_a_public_client_is_known_by_its_code_or_refresh_token() -> None:
    refreshing = Facts(token=held(token(), owner=public()))
    outcome, _ = answer(refreshing, unnamed())
    assert outcome.refusal is None
    assert outcome.client is refreshing.token.client if refreshing.token else False
    redeeming: Held[AuthorizationCode] = held(code(redirect_uri_sent=False), owner=public())
    assert answer(Facts(code=redeeming), unnamed("authorization_code"))[0].refusal is None


@pytest.mark.security("CA-03")
@pytest.mark.security("RF-04")
@pytest.mark.parametrize("owner", [client(), None, client(disabled_at=NOW)])
def test_a_confidential_client_is_not(owner: Client | None) -> None:
    outcome, writes = answer(Facts(token=held(token(used_at=NOW - timedelta(days=1)), owner=owner)), unnamed())
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.INVALID_CLIENT
    assert not writes


def test_where_the_dialect_does_not_take_it_nobody_stays_unnamed() -> None:
    facts = Facts(token=held(token(), owner=public()))
    assert refusal(facts, unnamed(accepts_anonymous=False)) == (Cause.INVALID_CLIENT, "unknown client")
    assert refusal(facts, message(UNNAMED, accepts_anonymous=True)) == (Cause.INVALID_CLIENT, "unknown client")


def test_what_would_name_the_client_must_be_there_and_known() -> None:
    assert refusal(Facts(), unnamed()) == (Cause.BAD_REFRESH_TOKEN, "unknown")
    assert refusal(Facts(), unnamed("authorization_code")) == (Cause.BAD_CODE, "unknown")
    absent = unnamed(parameters={}, required={"refresh_token": "rt"})
    outcome, _ = answer(Facts(), absent)
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.description) == (Cause.MISSING_PARAMETER, "The parameter rt is missing.")


@pytest.mark.security("VN-09")
def test_a_record_of_another_dialect_names_nobody_here() -> None:
    facts = Facts(token=held(token(), family(dialect="hex"), owner=public(dialect="hex")))
    assert refusal(facts, unnamed()) == (Cause.BAD_REFRESH_TOKEN, "of another dialect")


# -- a client known by its bearer token ------------------------------------------------------------------------------------------

EXTEND = Policy(refresh_rule=RefreshRule.EXTEND)


def by_bearer(**members: Any) -> Request:
    values = {
        "parameters": {"refresh_token": "the-refresh-token"},
        "authenticates_by_bearer": True,
        "bearer": "the-access-token",
        "policy": EXTEND,
        **members,
    }
    return message(UNNAMED, grant_type="refresh_token", **values)


def carried(record: Token | None = None, **members: Any) -> Facts:
    return Facts(token=held(token()), bearer=held(record or token("the-access-token", "access"), **members))


def test_a_bearer_token_stands_for_its_client() -> None:
    facts = carried()
    outcome, _ = answer(facts, by_bearer())
    assert outcome.refusal is None
    assert facts.bearer is not None
    assert outcome.client is facts.bearer.client


@pytest.mark.security("BR-04")
@pytest.mark.parametrize(
    ("facts", "request_", "detail"),
    [
        (Facts(token=held(token())), by_bearer(bearer=None), "no bearer token"),
        (Facts(token=held(token())), by_bearer(), "no such access token"),
        (carried(token()), by_bearer(), "no such access token"),
        (carried(owner=None), by_bearer(), "no such access token"),
        (carried(grant=family(dialect="youzan")), by_bearer(), "a token of another dialect"),
        (carried(token("a", "access", revoked_at=NOW)), by_bearer(), "the token was revoked or its client disabled"),
        (carried(grant=family(revoked_at=NOW)), by_bearer(), "the token was revoked or its client disabled"),
        (carried(owner=client(disabled_at=NOW)), by_bearer(), "the token was revoked or its client disabled"),
    ],
)
def test_a_bad_bearer_token_stands_for_nobody(facts: Facts, request_: Request, detail: str) -> None:
    outcome, writes = answer(facts, request_)
    assert outcome.refusal is not None
    assert (outcome.refusal.cause, outcome.refusal.detail) == (Cause.BAD_BEARER, detail)
    assert outcome.client is None
    assert not writes


def test_an_expired_bearer_token_still_stands_for_its_client() -> None:
    assert answer(carried(token("a", "access", expires_at=NOW - timedelta(days=3))), by_bearer())[0].refusal is None


def test_a_client_known_by_its_bearer_is_known_from_then_on() -> None:
    facts = carried(owner=client(grant_types=["client_credentials"]))
    outcome, _ = answer(facts, by_bearer())
    assert outcome.refusal is not None
    assert outcome.refusal.cause is Cause.UNAUTHORIZED_GRANT
    assert outcome.client is not None
