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
BEYOND = {"invalid_token": 401, "temporarily_unavailable": None, "server_error": 500}


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.rfc("6749", "5.2")
@pytest.mark.security("TK-13")
def test_every_cause_has_the_answer_of_the_rfc(cause: Cause) -> None:
    answer = STANDARD_ANSWERS[cause]
    assert answer.error in RFC_6749_CODES | set(BEYOND)
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.description)
    expected = {"invalid_client": {401}, "invalid_request": {400, 405, 413, 415}, "invalid_token": {401}, "server_error": {500}}
    assert answer.status in expected.get(answer.error, {429, 503} if answer.error == "temporarily_unavailable" else {400})


def test_no_answer_contains_what_a_published_client_takes_for_success() -> None:
    assert not [answer for answer in STANDARD_ANSWERS.values() if "access_token" in answer.description]


def test_only_what_proxies_and_retries_act_on_keeps_its_status() -> None:
    assert {STANDARD_ANSWERS[cause].status for cause in KEEPS_ITS_STATUS} == {429, 500, 503}
    assert {STANDARD_ANSWERS[cause].status for cause in set(Cause) - KEEPS_ITS_STATUS} == {400, 401, 405, 413, 415}
