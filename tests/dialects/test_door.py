"""Doors by themselves: who owns them, what they make of a request, and in whose shape they answer."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.causes import STANDARD_ANSWERS, Cause
from app.dialects import DialectError, Dialects, Door, WireRequest, read_dialect
from app.messages import Endpoint, Outcome, Refusal, Request
from app.models import Client
from tests.dialects.files import GOOD, bent, written
from tests.fixtures.dialects import built_in

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
DIALECTS = built_in()
SHARED = DIALECTS.doors["/oauth/token"]


def client(dialect: str, **members: Any) -> Client:
    return Client(
        **{
            "client_id": "demo",
            "dialect": dialect,
            "redirect_uris": [],
            "post_logout_redirect_uris": [],
            "allowed_origins": [],
            "scope": "",
            "options": {},
            "extra": {},
            "version": 1,
            "created_at": NOW,
            "updated_at": NOW,
            **members,
        }
    )


def wire(body: str | bytes = "", **members: Any) -> WireRequest:
    request = WireRequest("POST", FORM, None, b"", body.encode() if isinstance(body, str) else body, "192.0.2.1")
    return request._replace(**members)


def cause_of(door: Door, request: WireRequest) -> Cause:
    with pytest.raises(Refusal) as refused:
        door.read(request)
    return refused.value.cause


# -- reading ---------------------------------------------------------------------------------------------------------------------


def test_a_request_is_read_once_per_owner_and_in_words_of_the_rfc() -> None:
    reading = SHARED.read(wire("grant_type=authorization_code&client_id=a&client_secret=b&code=c&redirect_uri=d&kdt_id=5&x=y"))
    by_dialect = {candidate.dialect: candidate for candidate in reading.candidates}
    assert set(by_dialect) == {"fantem", "youzan"}
    youzan = by_dialect["youzan"]
    assert youzan.parameters == {
        "grant_type": "authorization_code",
        "client_id": "a",
        "client_secret": "b",
        "code": "c",
        "redirect_uri": "d",
        "shop": "5",
    }
    assert youzan.required == {"code": "code", "redirect_uri": "redirect_uri"}
    assert by_dialect["fantem"].required == {"code": "code"}
    assert "shop" not in by_dialect["fantem"].parameters
    assert (youzan.endpoint, youzan.address, reading.word) == (Endpoint.TOKEN, "192.0.2.1", "authorization_code")


@pytest.mark.security("VN-08")
def test_the_client_chooses_among_the_readings() -> None:
    reading = SHARED.read(wire("grant_type=refresh_token&refresh_token=x"))
    assert reading.choose(client("youzan")).dialect == "youzan"
    assert reading.choose(client("fantem")).dialect == "fantem"
    assert reading.choose(client("hex")).dialect == "fantem"
    assert reading.choose(None).dialect == "fantem"


def test_a_grant_of_one_owner_is_not_spoken_by_the_other() -> None:
    reading = SHARED.read(wire("grant_type=silent&kdt_id=5"))
    assert reading.candidates[0].dialect == "youzan"
    assert {candidate.dialect: candidate.is_spoken for candidate in reading.candidates} == {"youzan": True, "fantem": False}
    assert not reading.choose(client("fantem")).is_spoken


def test_basic_is_remembered_for_the_challenge() -> None:
    assert SHARED.read(wire("grant_type=silent", authorization="Basic YTpi")).tried_basic
    assert not SHARED.read(wire("grant_type=silent&client_id=a&client_secret=b")).tried_basic


@pytest.mark.parametrize(
    ("request_", "cause"),
    [
        (wire("grant_type=silent", method="PUT"), Cause.METHOD_NOT_ALLOWED),
        (wire("grant_type=silent", query=b"code=x"), Cause.PARAMETER_IN_QUERY),
        (wire("grant_type=silent", query=b"kdt_id=x"), Cause.PARAMETER_IN_QUERY),
        (wire("grant_type=silent", content_type="text/plain"), Cause.UNSUPPORTED_MEDIA_TYPE),
        (wire("grant_type=silent", content_type=""), Cause.UNSUPPORTED_MEDIA_TYPE),
        (wire("", content_type="text/plain"), Cause.UNSUPPORTED_MEDIA_TYPE),
        (wire("", content_type=""), Cause.MISSING_PARAMETER),
        (wire("a=" + "b" * 65_535), Cause.BODY_TOO_LARGE),
        (wire("grant_type=silent&grant_type=silent"), Cause.REPEATED_PARAMETER),
        (wire(b"grant_type=\xff"), Cause.MALFORMED_BODY),
        (wire("client_id=a"), Cause.MISSING_PARAMETER),
        (wire("grant_type="), Cause.MISSING_PARAMETER),
        (wire("grant_type=magic"), Cause.UNSUPPORTED_GRANT_TYPE),
        (wire("grant_type=silent&client_secret=x", authorization="Basic YTpi"), Cause.CONFLICTING_CREDENTIALS),
        (wire("grant_type=silent", authorization="Basic !"), Cause.INVALID_CLIENT),
    ],
)
def test_what_needs_no_client_to_be_refused_is_refused_while_reading(request_: WireRequest, cause: Cause) -> None:
    assert cause_of(SHARED, request_) is cause


@pytest.mark.parametrize("path", DIALECTS.doors)
@given(
    body=st.binary(max_size=60) | st.text(max_size=60).map("grant_type=authorization_code&{}".format).map(str.encode),
    content_type=st.sampled_from([FORM, "multipart/form-data; boundary=x", "application/json", "text/plain", "", ";;"])
    | st.text(max_size=20),
    authorization=st.none()
    | st.text(max_size=20)
    | st.text(max_size=20).map("Basic {}".format)
    | st.text(max_size=20).map("Bearer {}".format),
    query=st.binary(max_size=30),
)
@pytest.mark.security("TK-09")
@pytest.mark.security("IN-08")
def test_any_request_is_read_or_refused_and_the_refusal_can_be_told(
    path: str, body: bytes, content_type: str, authorization: str | None, query: bytes
) -> None:
    door = DIALECTS.doors[path]
    try:
        reading = door.read(WireRequest("POST", content_type, authorization, query, body, "192.0.2.1"))
    except Refusal as refusal:
        answer = door.render(Outcome(refusal=refusal), "", NOW)
        json.loads(answer.body)
    else:
        assert reading.choose(None) in reading.candidates


def test_a_policy_is_that_of_the_grant_the_shop_and_the_clients_options() -> None:
    def policy(client_: Client | None, body: str) -> Any:
        request = SHARED.read(wire(body)).choose(client_)
        SHARED.set_policy(request, client_)
        return request.policy

    youzan, fantem = client("youzan"), client("fantem")
    assert policy(youzan, "grant_type=authorize_platform&kdt_id=5").issue_refresh_token
    assert not policy(youzan, "grant_type=authorize_platform").issue_refresh_token
    assert policy(fantem, "grant_type=refresh_token").refresh_rule == "reuse"
    assert policy(client("fantem", options={"refresh_rule": "rotate"}), "grant_type=refresh_token").refresh_rule == "rotate"
    assert policy(client("hex", options={"refresh_rule": "rotate"}), "grant_type=refresh_token").refresh_rule == "reuse"
    assert policy(None, "grant_type=refresh_token").refresh_rule == "reuse"


def test_a_request_that_is_not_spoken_has_no_policy_of_its_own() -> None:
    request = SHARED.read(wire("grant_type=silent")).choose(client("fantem"))
    before = request.policy
    SHARED.set_policy(request, client("fantem"))
    assert request.policy is before


# -- answering -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("path", DIALECTS.doors)
@pytest.mark.security("TK-10")
@pytest.mark.security("TK-13")
def test_every_refusal_has_a_body_a_status_and_is_not_stored(path: str, cause: Cause) -> None:
    door = DIALECTS.doors[path]
    answer = door.render(Outcome(refusal=Refusal(cause, retry_in=5)), "", NOW, tried_basic=True)
    headers = dict(answer.headers)
    assert 400 <= answer.status < 600
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"pragma"] == b"no-cache"
    assert headers[b"content-length"] == str(len(answer.body)).encode()
    assert headers[b"retry-after"] == b"5"
    assert (b"www-authenticate" in headers) == (answer.status == 401)
    members = json.loads(answer.body)
    assert "error" in members or "code" in members


def test_an_answer_is_in_the_shape_of_the_clients_dialect_under_its_options() -> None:
    door = DIALECTS.doors["/oauth2/password"]
    refusal = Refusal(Cause.BAD_USER_CREDENTIALS)
    plain = door.render(Outcome(refusal=refusal, client=client("open_platform")), "password", NOW)
    framed = door.render(Outcome(refusal=refusal, client=client("open_platform", options={"envelope": "rageframe"})), "password", NOW)
    foreign = door.render(Outcome(refusal=refusal, client=client("hex", options={"always_http_200": True})), "password", NOW)
    unknown = door.render(Outcome(refusal=refusal), "password", NOW)
    assert (plain.status, json.loads(plain.body)["error"]) == (400, "invalid_grant")
    assert (framed.status, json.loads(framed.body)["code"]) == (200, 422)
    assert plain == foreign == unknown


@pytest.mark.parametrize("cause", [Cause.TOO_MANY_ATTEMPTS, Cause.UNAVAILABLE, Cause.SERVER_ERROR])
@pytest.mark.parametrize(
    ("path", "dialect", "options"),
    [
        ("/third_party/oauth2/token", "hex", {"always_http_200": True}),
        ("/third_party/oauth2/token", "hex", {"always_http_200": True, "expires_format": "epoch"}),
        ("/oauth2/password", "open_platform", {"envelope": "rageframe"}),
        ("/oauth/token", "fantem", {"refresh_rule": "rotate"}),
    ],
)
def test_faults_keep_their_status_under_every_option(cause: Cause, path: str, dialect: str, options: dict[str, str | bool]) -> None:
    outcome = Outcome(refusal=Refusal(cause, retry_in=7), client=client(dialect, options=options))
    answer = DIALECTS.doors[path].render(outcome, "", NOW)
    assert answer.status == STANDARD_ANSWERS[cause].status
    assert dict(answer.headers)[b"retry-after"] == b"7"


def test_an_endpoint_beside_the_token_door_answers_its_members_as_they_are() -> None:
    answer = DIALECTS.doors["/introspect"].render(Outcome(members={"active": False}, client=client("hex")), "", NOW)
    assert (answer.status, answer.body) == (200, b'{"active":false}')


# -- who shares a door -----------------------------------------------------------------------------------------------------------


def shared(tmp_path: Path, *others: dict[str, Any]) -> Dialects:
    paths = [written(tmp_path, content, f"d{number}") for number, content in enumerate((GOOD, *others))]
    return Dialects(read_dialect(path) for path in paths)


def another(*path: str | int, to: object) -> dict[str, Any]:
    return {**bent(*path, to=to), "name": "another"}


def with_app_id() -> dict[str, Any]:
    content = another("grants", "client_credentials", "required", to=["grant_type", "app_id", "client_secret"])
    content["parameters"]["app_id"] = {"means": "client_id"}
    del content["parameters"]["client_id"]
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (another("doors", 0, "endpoint", to="revocation"), "its dialects disagree on endpoint, sends_grant_type or authenticates_by"),
        (another("doors", 0, "authenticates_by", to="body"), "its dialects disagree on endpoint, sends_grant_type or authenticates_by"),
        (
            another("doors", 0, to={"path": "/mini/token", "grants": ["refresh_token"], "sends_grant_type": False}),
            "its dialects disagree on endpoint, sends_grant_type or authenticates_by",
        ),
        (with_app_id(), "its dialects call client_id by different names: app_id, client_id"),
    ],
)
def test_dialects_that_cannot_share_a_door_are_refused_with_the_door_and_the_reason(
    tmp_path: Path, content: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DialectError) as told:
        shared(tmp_path, content)
    assert str(told.value) == f"door /mini/token: {reason}"


def test_dialects_that_can_share_a_door_take_each_others_media_types(tmp_path: Path) -> None:
    content = another("doors", 0, "media_types", to=["multipart/form-data", "application/json"])
    door = shared(tmp_path, content).doors["/mini/token"]
    assert door.media_types == {FORM, "multipart/form-data", "application/json"}
    assert door.maximum_body == 262_144
    assert list(door.owners) == ["mini", "another"]


def test_where_no_owner_takes_anonymous_requests_the_first_one_answers(tmp_path: Path) -> None:
    door = shared(tmp_path, another("title", to={"en": "Another"})).doors["/mini/token"]
    reading = door.read(wire("grant_type=refresh_token&refresh_token=x"))
    assert reading.choose(None).dialect == "mini"
    chosen: Request = reading.choose(client("another"))
    assert chosen.dialect == "another"
