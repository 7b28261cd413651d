"""What a request to log out means, by what is known of it."""

from typing import Any

import pytest

from app.core.causes import Cause
from app.messages import Refusal
from app.oauth2.end_session import Leaving, check_leaving, named_client
from tests.storage.records import NOW, a_client

BACK = "https://app.example/bye"


def app(**values: Any) -> Leaving:
    return Leaving(client=a_client("app", post_logout_redirect_uris=[BACK, "app.example:/bye?x=1"], **values))


@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
def test_client_is_the_one_that_is_named_or_the_one_that_the_hint_was_made_for() -> None:
    assert named_client({}, None) is None
    assert named_client({"client_id": ""}, None) is None
    assert named_client({"client_id": "app"}, None) == "app"
    assert named_client({}, ["app"]) == "app"
    assert named_client({"client_id": "app"}, ["app"]) == "app"
    assert named_client({"client_id": "app"}, ["other", "app"]) == "app"


@pytest.mark.security("RU-06")
@pytest.mark.parametrize(
    ("client_id", "audience", "cause"),
    [
        ("other", ["app"], Cause.INVALID_PARAMETER),
        ("app", [], Cause.INVALID_PARAMETER),
        ("", ["app", "other"], Cause.MISSING_PARAMETER),
        ("", [], Cause.MISSING_PARAMETER),
    ],
)
def test_hint_of_another_client_or_of_several_is_refused(client_id: str, audience: list[str], cause: Cause) -> None:
    with pytest.raises(Refusal) as refused:
        named_client({"client_id": client_id}, audience)
    assert refused.value.cause is cause


@pytest.mark.security("RU-06")
def test_registered_address_is_gone_back_to_and_no_other() -> None:
    for uri in (BACK, "app.example:/bye?x=1"):
        assert check_leaving(app()._replace(uri=uri), "app", "standard").location == uri
    for uri in (BACK + "/", BACK + "?", BACK + "#", BACK.upper(), BACK + "?x=1", "https://app.example", "//evil.example", "javascript:1"):
        with pytest.raises(Refusal, match="unregistered_redirect_uri"):
            check_leaving(app()._replace(uri=uri), "app", "standard")


def test_address_without_a_client_and_a_client_that_is_none_are_refused() -> None:
    assert check_leaving(Leaving(), None, "standard") == Leaving()
    assert check_leaving(Leaving(state="s"), None, "standard").location is None
    with pytest.raises(Refusal, match="missing_parameter"):
        check_leaving(Leaving(uri=BACK), None, "standard")
    for leaving in (Leaving(), app(disabled_at=NOW), app(dialect="youzan")):
        with pytest.raises(Refusal, match="unknown_client"):
            check_leaving(leaving, "app", "standard")


@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
@pytest.mark.parametrize(
    ("uri", "state", "location"),
    [
        (BACK, None, BACK),
        (BACK, "", BACK + "?state="),
        (BACK, "a+b c&d=é", BACK + "?state=a%2Bb%20c%26d%3D%C3%A9"),
        ("app.example:/bye?x=1", "s", "app.example:/bye?x=1&state=s"),
        (None, "s", None),
    ],
)
def test_state_comes_back_as_it_was_sent(uri: str | None, state: str | None, location: str | None) -> None:
    assert Leaving(uri=uri, state=state).location == location
