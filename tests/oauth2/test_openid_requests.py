"""What a request of OpenID Connect may demand at the authorization endpoint, and what is kept of it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.ledger import Writes
from app.messages import Step
from app.models import Client
from app.oauth2.requested_claims import MAXIMUM_LENGTH, read_claims
from tests.oauth2.browser import EVERY_DOOR, Arrival, az, consent, session
from tests.oauth2.exchange import NOW, client, public, user

SCOPE = "openid profile email orders"
MINUTES = timedelta(minutes=1)


def app(**members: Any) -> Client:
    return client(**{"scope": SCOPE, **members})


def request(**changes: str | None) -> Arrival:
    """Return a sound request of OpenID Connect by somebody who is logged in with two factors and has allowed it before."""
    arrival = az(**{"scope": "openid", "nonce": "n", **changes})
    return arrival.but(client=app(), session=session(amr=["pwd", "otp", "mfa"], sid="the-session"), consent=consent(SCOPE))


def wanting(**parts: Any) -> Arrival:
    return request(claims=json.dumps(parts))


def written(arrival: Arrival) -> Writes:
    _, writes = arrival.issued()
    return writes


# -- what is kept ------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
@pytest.mark.security("AZ-14")
def test_the_family_keeps_the_login_and_the_code_the_nonce() -> None:
    (grant,), (code,) = written(request()).grants, written(request()).codes
    assert grant.auth_time == NOW - 5 * MINUTES
    assert (grant.acr, grant.amr, grant.sid, grant.claims) == ("2", "pwd otp mfa", "the-session", None)
    assert code.nonce == "n"


def test_one_factor_is_told_as_one() -> None:
    (grant,) = written(request().but(session=session())).grants
    assert (grant.acr, grant.amr, grant.sid) == ("1", "pwd", None)


def test_a_request_without_openid_keeps_nothing_of_it() -> None:
    writes = written(request(scope="orders", claims='{"userinfo":{"email":null}}'))
    (grant,), (code,) = writes.grants, writes.codes
    assert (grant.auth_time, grant.acr, grant.amr, grant.sid, grant.claims, code.nonce) == (None,) * 6


@pytest.mark.parametrize("door", [name for name in EVERY_DOOR if name != "standard"])
def test_a_partners_request_keeps_nothing_of_it_whatever_its_scope(door: str) -> None:
    arrival = EVERY_DOOR[door](scope="openid", nonce="n", claims="{")
    owner = client(dialect=arrival.client.dialect if arrival.client is not None else "", scope="openid")
    writes = written(
        arrival.but(client=owner, consent=consent("openid")).allowed() if door == "implicit" else arrival.but(client=owner).allowed()
    )
    (grant,) = writes.grants
    assert (grant.auth_time, grant.acr, grant.amr, grant.sid, grant.claims) == (None,) * 5
    assert all(code.nonce is None for code in writes.codes)


def test_a_nonce_is_kept_as_it_is() -> None:
    nonce = "ä " * 2000
    assert written(request(nonce=nonce)).codes[0].nonce == nonce


# -- claims ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "5.5")
def test_the_claims_that_are_asked_for_are_kept_for_both_places() -> None:
    demand = {"email": {"essential": True}, "name": None, "given_name": {"value": "Ada"}, "locale": {"values": ["en", "de"]}}
    (grant,) = written(wanting(userinfo=demand, id_token={"email": None, "auth_time": {"essential": True}, "acr": None})).grants
    assert json.loads(grant.claims or "") == {
        "userinfo": {"email": None, "name": None, "given_name": ["Ada"], "locale": ["en", "de"]},
        "id_token": {"email": None},
    }


@pytest.mark.security("BR-07")
def test_a_claim_that_is_unknown_or_beyond_the_registration_is_left_out() -> None:
    demand = {"phone_number": None, "address": None, "http://example.com/own": None, "sub": None, "name": None}
    (grant,) = written(wanting(userinfo=demand)).grants
    assert json.loads(grant.claims or "") == {"userinfo": {"name": None}, "id_token": {}}
    assert written(wanting(userinfo={"phone_number": None})).grants[0].claims is None


@pytest.mark.security("AZ-17")
def test_a_person_is_asked_for_claims_as_for_their_scope() -> None:
    arrival = wanting(userinfo={"email": None}, id_token={"name": None}).but(consent=consent("openid"))
    ask = arrival.asked(Step.CONSENT)
    assert ask.scopes == ("openid", "profile", "email")
    assert ask.new_scopes == ("profile", "email")
    allowed = arrival.allowed()
    redirect, _, writes = allowed.redirected()
    assert redirect.consent is not None
    assert redirect.consent.scope == "openid profile email"
    assert writes.grants[0].scope == "openid"


@pytest.mark.parametrize(
    "claims",
    [
        "",
        "{",
        "[]",
        "null",
        '"userinfo"',
        "1",
        '{"userinfo":[]}',
        '{"id_token":1}',
        '{"userinfo":{"email":1}}',
        '{"userinfo":{"email":[]}}',
        '{"userinfo":{},"userinfo":{}}',
        '{"userinfo":{"email":null,"email":null}}',
        '{"userinfo":{"email":{"values":"x"}}}',
        '{"a":NaN}',
        "[" * 2000,
        json.dumps({"userinfo": {"email": {"value": "x" * MAXIMUM_LENGTH}}}),
    ],
)
def test_claims_of_another_form_are_refused(claims: str) -> None:
    arrival = request(claims=claims)
    if claims:
        assert arrival.error() == "invalid_request"
    else:
        arrival.issued()


def test_a_part_that_is_null_or_strange_is_as_good_as_absent() -> None:
    assert read_claims('{"userinfo":null,"other":[1]}', ["email"]).names == frozenset()


# -- who, and how -------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Core", "3.1.2.2")
@pytest.mark.security("AZ-15")
def test_a_request_for_somebody_else_is_never_answered_by_who_is_logged_in() -> None:
    for demand in ({"value": "user-other"}, {"values": ["user-other", "x"]}, {"value": 7}):
        wanted = wanting(id_token={"sub": demand})
        wanted.asked(Step.LOGIN)
        assert wanted.sending(prompt="none").error() == "login_required"
    wanting(id_token={"sub": {"values": ["user-other", "user-demo"]}}).issued()
    wanting(id_token={"sub": None}).issued()


def test_who_is_hinted_at_is_named_as_the_client_knows_them() -> None:
    request().but(subject="user-other").asked(Step.LOGIN)
    request().but(subject="user-demo").issued()


def only(*acrs: object) -> Arrival:
    return wanting(id_token={"acr": {"essential": True, "values": list(acrs)}})


@pytest.mark.rfc("OIDC Core", "5.5.1.1")
def test_a_demanded_strength_is_enough_or_asked_for_or_impossible() -> None:
    only("2", "9").issued()
    weak = only("2").but(session=session())
    assert weak.error() == "unmet_authentication_requirements"
    able = weak.but(user=user(second_factor_at=NOW - MINUTES))
    able.asked(Step.LOGIN)
    assert able.sending(prompt="none").error() == "login_required"
    assert able.but(asked_at=NOW - 6 * MINUTES).error() == "unmet_authentication_requirements"
    assert only("9").but(user=user(second_factor_at=NOW), asked_at=NOW - 6 * MINUTES).error() == "unmet_authentication_requirements"


@pytest.mark.rfc("OIDC Core", "3.1.2.1")
def test_a_wished_strength_decides_nothing() -> None:
    request(acr_values="9 8").issued()
    wanting(id_token={"acr": {"values": ["9"]}}).issued()


@pytest.mark.security("AZ-14")
def test_a_client_may_be_registered_with_an_age_of_its_own() -> None:
    strict = request().but(client=app(extra={"default_max_age": 60}))
    strict.asked(Step.LOGIN)
    strict.sending(max_age="600").issued()
    strict.but(asked_at=NOW - 6 * MINUTES).issued()
    request().but(client=app(extra={"default_max_age": 300})).issued()


# -- a nonce in place of a challenge -----------------------------------------------------------------------------------------------

OIDC = {"profile": "oidc"}


@pytest.mark.rfc("9700", "2.1.1")
@pytest.mark.security("PK-03")
def test_a_client_of_the_profile_oidc_may_bind_its_code_by_a_nonce_instead() -> None:
    bare = request(code_challenge=None, code_challenge_method=None).but(client=app(options=OIDC))
    assert written(bare).codes[0].code_challenge is None
    assert bare.sending(nonce=None).error() == "invalid_request"
    assert bare.sending(scope="orders").error() == "invalid_request"
    assert bare.but(client=app()).error() == "invalid_request"
    assert bare.but(client=public(scope=SCOPE, options=OIDC)).error() == "invalid_request"


@pytest.mark.security("PK-04")
def test_a_client_of_the_profile_oidc_that_sends_a_challenge_is_held_to_it() -> None:
    sound = request().but(client=app(options=OIDC))
    assert written(sound).codes[0].code_challenge is not None
    assert sound.sending(code_challenge_method="plain").error() == "invalid_request"
    assert sound.sending(code_challenge=None).error() == "invalid_request"
