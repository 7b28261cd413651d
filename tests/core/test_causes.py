import re

import pytest

from app.core.causes import KEEPS_ITS_STATUS, STANDARD_ANSWERS, Cause

RFC_6749_CODES = {
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
}
BEYOND = {"invalid_target", "invalid_token", "insufficient_scope", "temporarily_unavailable", "server_error"}
AT_THE_AUTHORIZATION_ENDPOINT = {"unsupported_response_type", "access_denied"}
OF_OPENID_CONNECT = {
    "login_required",
    "consent_required",
    "interaction_required",
    "unmet_authentication_requirements",
    "request_not_supported",
    "request_uri_not_supported",
    "registration_not_supported",
}
STATUSES = {
    "invalid_client": {400, 401},
    "insufficient_scope": {403},
    "invalid_request": {400, 405, 413, 414, 415},
    "invalid_token": {401},
    "server_error": {500},
    "temporarily_unavailable": {429, 503},
}
"""Where they are not 400 alone."""


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.rfc("6749", "4.1.2.1")
@pytest.mark.rfc("6749", "5.2")
@pytest.mark.rfc("OIDC Core", "3.1.2.6")
@pytest.mark.security("TK-13")
def test_every_cause_has_the_answer_of_the_rfc(cause: Cause) -> None:
    answer = STANDARD_ANSWERS[cause]
    assert answer.error in RFC_6749_CODES | BEYOND | AT_THE_AUTHORIZATION_ENDPOINT | OF_OPENID_CONNECT
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.description)
    assert answer.status in STATUSES.get(answer.error, {400})


def test_only_a_browser_is_told_of_an_unknown_client_by_anything_but_401() -> None:
    assert [cause for cause in Cause if STANDARD_ANSWERS[cause][:2] == (400, "invalid_client")] == [Cause.UNKNOWN_CLIENT]


def test_no_answer_contains_what_a_published_client_takes_for_success() -> None:
    assert not [answer for answer in STANDARD_ANSWERS.values() if "access_token" in answer.description]


def test_only_what_proxies_and_retries_act_on_keeps_its_status() -> None:
    assert {STANDARD_ANSWERS[cause].status for cause in KEEPS_ITS_STATUS} == {429, 500, 503}
    assert {STANDARD_ANSWERS[cause].status for cause in set(Cause) - KEEPS_ITS_STATUS} == {400, 401, 403, 405, 413, 414, 415}
