"""What holds at every machine door alike, whoever owns it, in the door's own shape: transport, bounds and faults of ours.

None of it depends on the database, so it is asked of one, through both ways in.
"""

import itertools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from app.core.causes import Cause
from app.dialects.codecs import MAXIMUM_BODY
from tests.fixtures.world import World, basic_header

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
JSON = "application/json"

# A request that every door takes, as (headers, fields).
REQUESTS: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = {
    "/third_party/oauth2/token": ({}, {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001"}),
    "/third_party/oauth2/token/refresh": ({"Authorization": "Bearer something"}, {"refresh_token": "something"}),
    "/oauth/token": ({}, {"grant_type": "authorize_platform", "client_id": "testclient", "client_secret": "testsecret"}),
    "/oauth2/authorize": (
        {},
        {
            "grant_type": "authorization_code",
            "client_id": "platform-demo",
            "client_secret": "platform-demo-secret",
            "code": "something",
            "redirect_uri": "http://127.0.0.1:9401/cb",
        },
    ),
    "/oauth2/password": (
        {},
        {
            "grant_type": "password",
            "client_id": "platform-demo",
            "client_secret": "platform-demo-secret",
            "username": "demo",
            "password": "demo-password",
        },
    ),
    "/oauth2/client-credentials": (
        {},
        {"grant_type": "client_credentials", "client_id": "platform-demo", "client_secret": "platform-demo-secret"},
    ),
    "/oauth2/refresh-token": (
        {},
        {
            "grant_type": "refresh_token",
            "client_id": "platform-demo",
            "client_secret": "platform-demo-secret",
            "refresh_token": "something",
        },
    ),
    "/token": ({"Authorization": basic_header("demo-service", "demo-service-secret")}, {"grant_type": "client_credentials"}),
    "/introspect": ({"Authorization": basic_header("demo-service", "demo-service-secret")}, {"token": "something"}),
    "/revoke": ({"Authorization": basic_header("demo-service", "demo-service-secret")}, {"token": "something"}),
}
NO_PLAIN_OBJECTS = (
    "[]",
    "null",
    "1",
    '"client_id"',
    "true",
    "",
    "{",
    "{'a':1}",
    '{"a":1,}',
    '{"a":1}{"a":1}',
    "\ufeff{}",
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":' + "[" * 20 + "]" * 20 + "}",
    '{"a":' + '{"a":' * 100_00 + "1" + "}" * 100_00 + "}",
    "[" * 100_000,
    '{"a":{"b":1,"b":2}}',
    "{" + ",".join(f'"n{n}":1' for n in range(101)) + "}",
    '{"a":' + "1" * 5000 + "}",
    '{"a\\u0000":1}',
    '{"client_id":"\\ud800"}',
    '{"client_id":1}',
    '{"client_id":["hex-demo"]}',
    '{"client_id":{"a":1}}',
    '{"client_id":true}',
)
TAKES_JSON = {
    "/third_party/oauth2/token",
    "/third_party/oauth2/token/refresh",
    "/oauth2/authorize",
    "/oauth2/password",
    "/oauth2/client-credentials",
    "/oauth2/refresh-token",
}
TAKES_FORMS = {"/oauth/token", "/oauth2/authorize", "/oauth2/password", "/oauth2/client-credentials", "/oauth2/refresh-token"}

pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct", "sqlite-routed"], indirect=True)
every_door = pytest.mark.parametrize("door", REQUESTS)
json_doors = pytest.mark.parametrize("door", sorted(TAKES_JSON))
multipart_doors = pytest.mark.parametrize("door", sorted(TAKES_FORMS))
form_doors = pytest.mark.parametrize("door", sorted(set(REQUESTS) - {"/third_party/oauth2/token", "/third_party/oauth2/token/refresh"}))


def type_of(door: str) -> str:
    """Return the first media type of a door."""
    return JSON if door.startswith("/third_party/") else FORM


def encoded(door: str, fields: Mapping[str, str]) -> bytes:
    return json.dumps(dict(fields)).encode() if type_of(door) == JSON else urlencode(fields).encode()


async def ask(world: World, door: str, **options: Any) -> httpx.Response:
    """Send the door's good request, with changes."""
    headers, fields = REQUESTS[door]
    headers = {"Content-Type": type_of(door), **headers, **options.pop("headers", {})}
    return await world.send(
        options.pop("method", "POST"),
        door + options.pop("query", ""),
        headers=headers,
        content=options.pop("content", encoded(door, fields)),
    )


def check_refusal(door: str, answer: httpx.Response, status: int, error: str) -> None:
    """Check a refusal in the shape of the door, and the headers that every answer has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    assert answer.headers["x-request-id"]
    members = answer.json()
    if door.startswith("/third_party/"):
        assert list(members) == ["status_code", "code", "description", "payload"]
        assert (members["code"], members["payload"]) == (error, {})
    else:
        assert list(members) == ["error", "error_description"]
        assert members["error"] == error


def error_of_ours(door: str, error: str) -> str:
    names = {"temporarily_unavailable": "unavailable"}
    return names.get(error, error) if door.startswith("/third_party/") else error


async def test_no_door_is_forgotten_here(world: World) -> None:
    assert set(world.dialects.doors) == set(REQUESTS)
    assert {path for path, door in world.dialects.doors.items() if JSON in door.media_types} == TAKES_JSON
    assert {path for path, door in world.dialects.doors.items() if "multipart/form-data" in door.media_types} == TAKES_FORMS


@every_door
async def test_the_good_request_is_read(world: World, door: str) -> None:
    answer = await ask(world, door)
    assert answer.status_code in {200, 400, 401}
    assert world.notes.events[-1].cause in {None, Cause.BAD_CODE, Cause.BAD_REFRESH_TOKEN, Cause.BAD_BEARER}


@every_door
@pytest.mark.rfc("6749", "3.2")
@pytest.mark.security("TK-02")
@pytest.mark.security("HD-01")
@pytest.mark.security("RV-08")
async def test_every_method_but_post_is_refused_and_told_what_is_allowed(world: World, door: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
        answer = await ask(world, door, method=method)
        assert answer.headers["allow"] == "POST"
        check_refusal(door, answer, 405, "invalid_request")
    answer = await ask(world, door, method="HEAD")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


@every_door
@pytest.mark.security("TK-08")
async def test_a_media_type_that_no_owner_takes_is_415(world: World, door: str) -> None:
    for content_type in ("text/plain", "application/xml", "application/json-patch+json", "multipart/mixed; boundary=x"):
        check_refusal(door, await ask(world, door, headers={"Content-Type": content_type}), 415, "invalid_request")


@every_door
@pytest.mark.security("TK-10")
async def test_bad_utf_8_is_refused_in_every_encoding(world: World, door: str) -> None:
    for content_type in sorted(world.dialects.doors[door].media_types):
        body = {
            FORM: b"x=%FF",
            JSON: b'{"x":"\xff"}',
            "multipart/form-data": b'--x\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff\r\n--x--\r\n',
        }[content_type]
        headers = {"Content-Type": f"{content_type}; boundary=x"}
        check_refusal(door, await ask(world, door, content=body, headers=headers), 400, "invalid_request")


@every_door
@pytest.mark.security("IN-08")
async def test_a_control_character_is_refused_in_every_encoding(world: World, door: str) -> None:
    for content_type, character in itertools.product(world.dialects.doors[door].media_types, ["\x00", "\n", "\x1b", "\x7f", "\x9f"]):
        body = {
            FORM: urlencode({"x": character}).encode(),
            JSON: json.dumps({"x": character}).encode(),
            "multipart/form-data": f'--x\r\nContent-Disposition: form-data; name="x"\r\n\r\n{character}\r\n--x--\r\n'.encode(),
        }[content_type]
        headers = {"Content-Type": f"{content_type}; boundary=x"}
        check_refusal(door, await ask(world, door, content=body, headers=headers), 400, "invalid_request")


@every_door
@pytest.mark.rfc("6749", "3.2")
@pytest.mark.security("TK-07")
async def test_a_parameter_twice_is_refused_in_every_encoding(world: World, door: str) -> None:
    part = 'Content-Disposition: form-data; name="x"\r\n\r\n1\r\n--x'
    bodies = {FORM: b"x=1&x=1", JSON: b'{"x":"1","x":"1"}', "multipart/form-data": f"--x\r\n{part}\r\n{part}--\r\n".encode()}
    for content_type in sorted(world.dialects.doors[door].media_types):
        headers = {"Content-Type": f"{content_type}; boundary=x"}
        check_refusal(door, await ask(world, door, content=bodies[content_type], headers=headers), 400, "invalid_request")


@every_door
@pytest.mark.rfc("6749", "2.3.1")
@pytest.mark.security("TK-03")
@pytest.mark.security("TK-04")
@pytest.mark.security("BR-03")
async def test_a_credential_code_or_token_in_the_query_is_refused(world: World, door: str) -> None:
    for name in ("client_id", "client_secret", "code", "refresh_token", "access_token", "token", "password", "code_verifier"):
        check_refusal(door, await ask(world, door, query=f"?{name}=x"), 400, "invalid_request")


@every_door
async def test_a_query_of_more_than_a_hundred_names_is_refused(world: World, door: str) -> None:
    query = "?" + "&".join(f"n{number}" for number in range(101))
    check_refusal(door, await ask(world, door, query=query), 400, "invalid_request")


@every_door
async def test_the_query_decides_nothing(world: World, door: str) -> None:
    plain, queried = await ask(world, door), await ask(world, door, query="?lang=zh&_=1700000000")
    assert queried.status_code == plain.status_code
    assert list(queried.json()) == list(plain.json())


@every_door
@pytest.mark.security("IN-04")
async def test_a_declared_body_beyond_the_limit_is_refused_unread(world: World, door: str) -> None:
    limit = world.dialects.doors[door].maximum_body
    headers = [("Content-Type", type_of(door)), ("Content-Length", str(limit + 1))]
    raw = await world.raw("POST", door, headers, [b"x" * 10, b"y" * limit])
    assert raw.status == 413
    assert len(raw.unread) == 2
    assert json.loads(raw.body)["code" if door.startswith("/third_party/") else "error"] == "invalid_request"


@every_door
@pytest.mark.security("IN-04")
async def test_a_body_beyond_the_limit_is_refused_as_soon_as_it_passes_it(world: World, door: str) -> None:
    limit = world.dialects.doors[door].maximum_body
    for length in (None, "5", "99999999999999999999999", "x"):
        headers = [("Content-Type", type_of(door)), *([("Content-Length", length)] if length is not None else [])]
        raw = await world.raw("POST", door, headers, [b"x" * limit, b"y", b"z"])
        assert raw.status == 413
        assert len(raw.unread) == 1


@json_doors
async def test_each_media_type_has_its_own_limit(world: World, door: str) -> None:
    assert MAXIMUM_BODY == {FORM: 65_536, "multipart/form-data": 65_536, JSON: 262_144}
    if door in TAKES_FORMS:
        check_refusal(door, await ask(world, door, content=b"x=" + b"1" * 65_535), 413, "invalid_request")
    headers, fields = REQUESTS[door]
    body = json.dumps({**fields, "x": ""}).encode()
    fitting = body.replace(b'"x": ""', b'"x": "' + b"1" * (262_144 - len(body)) + b'"')
    assert len(fitting) == 262_144
    answer = await ask(world, door, content=fitting, headers={**headers, "Content-Type": JSON})
    assert answer.status_code in {200, 400, 401}
    assert world.notes.events[-1].cause in {None, Cause.BAD_CODE, Cause.BAD_REFRESH_TOKEN, Cause.BAD_BEARER}


@every_door
async def test_a_body_that_comes_byte_by_byte_is_the_same(world: World, door: str) -> None:
    headers, fields = REQUESTS[door]
    body = encoded(door, fields)
    raw = await world.raw("POST", door, [("Content-Type", type_of(door)), *headers.items()], [body[i : i + 1] for i in range(len(body))])
    whole = await ask(world, door)
    assert raw.status == whole.status_code
    assert list(json.loads(raw.body)) == list(whole.json())


@every_door
async def test_a_client_that_goes_away_is_left_alone(world: World, door: str) -> None:
    counted = world.storage.counters.loads
    raw = await world.raw("POST", door, [("Content-Type", type_of(door))], [b"x", None])
    assert raw.status == 0
    assert world.storage.counters.loads == counted


@every_door
async def test_two_authorization_headers_are_refused(world: World, door: str) -> None:
    headers, fields = REQUESTS[door]
    twice = [
        ("Content-Type", type_of(door)),
        ("Authorization", "Basic eDp5"),
        ("Authorization", headers.get("Authorization", "Basic eDp5")),
    ]
    raw = await world.raw("POST", door, twice, [encoded(door, fields)])
    assert raw.status == 400
    assert json.loads(raw.body)["code" if door.startswith("/third_party/") else "error"] == "invalid_request"


@every_door
async def test_two_content_types_are_refused(world: World, door: str) -> None:
    _, fields = REQUESTS[door]
    raw = await world.raw("POST", door, [("Content-Type", "text/plain"), ("Content-Type", type_of(door))], [encoded(door, fields)])
    assert raw.status in {400, 415}
    assert json.loads(raw.body)["code" if door.startswith("/third_party/") else "error"] == "invalid_request"


@multipart_doors
@pytest.mark.security("IN-07")
@pytest.mark.security("VN-07")
async def test_a_multipart_body_has_fields_only_and_at_most_twenty(world: World, door: str) -> None:
    def parts(count: int) -> bytes:
        return "".join(f'--x\r\nContent-Disposition: form-data; name="n{n}"\r\n\r\n1\r\n' for n in range(count)).encode() + b"--x--\r\n"

    bodies = [
        parts(21),
        parts(400),
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.txt"\r\n\r\n1\r\n--x--\r\n',
        b"--x\r\nContent-Disposition: form-data; name=\"a\"; filename*=UTF-8''a.txt\r\n\r\n1\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="a"; filename=""\r\n\r\n1\r\n--x--\r\n',
        b"p" * 2000 + parts(1),
        parts(1) + b"e" * 2000,
        b"--x--\r\n",
    ]
    for body in bodies:
        answer = await ask(world, door, content=body, headers={"Content-Type": MULTIPART})
        check_refusal(door, answer, 400, "invalid_request")
    answer = await ask(world, door, content=parts(20), headers={"Content-Type": MULTIPART})
    assert answer.json()["error_description"] == "The parameter grant_type is missing."


@form_doors
@pytest.mark.security("CA-04")
@pytest.mark.security("CA-05")
async def test_basic_and_a_body_that_disagrees_are_refused(world: World, door: str) -> None:
    _, fields = REQUESTS[door]
    headers = {"Authorization": basic_header("testclient", "testsecret")}
    for addition in ({"client_id": "testclient", "client_secret": "testsecret"}, {"client_id": "other-app"}, {"client_secret": "x"}):
        body = {name: value for name, value in fields.items() if not name.startswith("client_")} | addition
        check_refusal(door, await ask(world, door, content=encoded(door, body), headers=headers), 400, "invalid_request")


@json_doors
@pytest.mark.security("VN-04")
@pytest.mark.security("IN-09")
async def test_what_is_no_plain_json_object_is_invalid_request(world: World, door: str) -> None:
    name = "refresh_token" if door == "/third_party/oauth2/token/refresh" else "client_id"
    for body in NO_PLAIN_OBJECTS:
        answer = await ask(world, door, content=body.replace("client_id", name).encode(), headers={"Content-Type": JSON})
        check_refusal(door, answer, 400, "invalid_request")


@every_door
@pytest.mark.security("TK-10")
async def test_where_the_storage_is_away_the_answer_is_503_and_when_to_come_back(world: World, door: str) -> None:
    world.away("load")
    answer = await ask(world, door)
    check_refusal(door, answer, 503, error_of_ours(door, "temporarily_unavailable"))
    assert int(answer.headers["retry-after"]) >= 1


@every_door
@pytest.mark.security("TK-09")
@pytest.mark.security("LO-05")
async def test_a_defect_of_ours_says_nothing_of_itself(world: World, door: str) -> None:
    world.away("load", RuntimeError("SELECT * FROM secret"))
    answer = await ask(world, door)
    check_refusal(door, answer, 500, "server_error")
    assert "SELECT" not in answer.text
    assert "Traceback" not in answer.text
    assert world.notes.events[-1].detail == "RuntimeError"


@every_door
async def test_every_exchange_is_noted_with_its_real_outcome(world: World, door: str) -> None:
    await ask(world, door, method="GET")
    event = world.notes.events[-1]
    assert (event.path, event.status, event.cause, event.address) == (door, 405, Cause.METHOD_NOT_ALLOWED, world.address)


@pytest.mark.security("VN-11")
async def test_an_error_inside_200_is_noted_as_the_refusal_it_is(world: World) -> None:
    fields = {"grant_type": "password", "username": "demo", "password": "wrong"} | world.credentials("platform-rageframe")
    answer = await world.post("/oauth2/password", fields)
    event = world.notes.events[-1]
    assert answer.status_code == 200
    assert (event.cause, event.client_id, event.dialect) == (Cause.BAD_USER_CREDENTIALS, "platform-rageframe", "open_platform")


@pytest.mark.security("VN-04")
async def test_a_client_name_is_kept_for_audit(world: World) -> None:
    body = {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001", "client_name": "合阔"}
    await world.send("POST", "/third_party/oauth2/token", json=body)
    assert world.notes.events[-1].client_name == "合阔"


async def test_a_path_beside_a_door_is_no_door(world: World) -> None:
    for path in ("/oauth/token/", "//oauth/token", "/oauth", "/OAUTH/TOKEN", "/oauth/token;x", "/oauth/../oauth/token"):
        raw = await world.raw("POST", path, [("Content-Type", FORM)], [b"grant_type=silent"])
        assert raw.status == 404, path
