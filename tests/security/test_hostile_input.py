"""Whatever is sent to a door, its answer is quick, in the door's own grammar, and never a fault of ours."""

import json
import os
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.world import World, basic_header
from tests.security.doors import FORM, JSON, MULTIPART, NAMES, PATHS, Answer, Door, complaints, door_named, doors, encoded, escaped, knock
from tests.security.live import Live

LONG = os.environ.get("SECURITY_PROFILE") == "long"
"""Minutes of made-up requests instead of seconds: ``SECURITY_PROFILE=long``."""
made_up = settings(
    max_examples=5000 if LONG else 120,
    derandomize=not LONG,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
PART: Final = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
END: Final = b"--B--\r\n"
WORK: Final = 0.25
"""Seconds of work that one request may cost, with room for a busy machine."""

NUL_AND_FRIENDS: Final = [
    *("\0", "a\0b", "\x01", "\x1b[31m", "\x7f", "\x85", "\r\nX: y", "\n", "\t"),
    *("\ud800", "\udfff\ud800", "\ufffe", "\U0010ffff"),
]
TRICKS: Final = [
    *("' OR 1=1 --", '"; DROP TABLE token; --', "%00", "%2500", "../../etc/passwd", "${7*7}", "{{7*7}}", "<script>"),
    *("\\", '"', "é", "中", "😀"),
]
PLAIN: Final = [
    *("", " ", "0", "-1", "9223372036854775808", "1e309", "NaN", "true", "null", "[]", "{}", "__class__", "None"),
    *("\u0301" * 50, "\u0130", "\ufb00", "\u202e"),
]
ODD: Final = [*NUL_AND_FRIENDS, *TRICKS, *PLAIN]
NAMES_OF_PARAMETERS: Final = [
    *("grant_type", "client_id", "client_secret", "code", "redirect_uri", "code_verifier", "refresh_token", "username", "password"),
    *("scope", "token", "token_type_hint", "kdt_id", "store_id", "client_name", "resource", "audience", "state", "client_assertion"),
]
WORDS_OF_GRANTS: Final = ["authorization_code", "refresh_token", "client_credentials", "password", "authorize_platform", "silent", "implicit"]
TYPES: Final = [
    *(FORM, MULTIPART, JSON, f"{JSON}; charset=utf-16", f"{FORM};charset=ascii", "multipart/form-data", "text/plain", "", "a", ";;;"),
    *('multipart/form-data; boundary="', "multipart/form-data; boundary=", "multipart/form-data; boundary=A; boundary=B", "*/*"),
]
HEADERS: Final = ["authorization", "content-encoding", "x-forwarded-for", "cookie", "host", "expect", "te", "range", "content-length"]
HEADER_VALUES: Final = [
    *(b"Basic ", b"Basic Og==", b"Basic =", b"basic /w==", b"Bearer", b"Bearer a b", b"gzip", b"0", b"-1"),
    b"99999999999999999999999",
]
odd_texts = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(codec=None), max_size=40),
    st.integers(1, 70_000).map(lambda size: "x" * size),
    st.integers(1, 3_000).map(lambda size: "a b " * size),
)
names = st.one_of(st.sampled_from(NAMES_OF_PARAMETERS), odd_texts)
values = st.one_of(odd_texts, st.sampled_from(WORDS_OF_GRANTS))
media_types = st.one_of(st.sampled_from(TYPES), st.text(st.characters(max_codepoint=255), max_size=60))
raw_headers = st.lists(st.tuples(st.sampled_from(HEADERS), st.one_of(st.binary(max_size=60), st.sampled_from(HEADER_VALUES))), max_size=4)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), odd_texts), lambda part: st.lists(part, max_size=3)
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, list[tuple[str | bytes, str | bytes]], list[bytes], bytes, str]:
    """Make up a request: its path, headers, the pieces of its body, query and method."""
    media_type = draw(media_types)
    kind = draw(st.sampled_from(["pairs", "bytes", "json"]))
    if kind == "bytes":
        body = draw(st.binary(max_size=400))
    elif kind == "json":
        body = json.dumps(draw(st.dictionaries(names, json_values, max_size=6))).encode()
    else:
        pairs = draw(st.lists(st.tuples(names, values), max_size=8))
        body = encoded(pairs, FORM)
        if media_type == MULTIPART:
            parts = [PART % (name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")) for name, value in pairs]
            body = b"".join(parts) + draw(st.sampled_from([END, b"--B--", b"--B", b"", END + b"x" * 2000]))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    query = draw(st.one_of(st.just(b""), st.binary(max_size=40), st.sampled_from([b"client_secret=x", b"%63ode=1", b"&" * 300])))
    method = draw(st.sampled_from(["POST"] * 12 + ["GET", "HEAD", "OPTIONS", "TRACE", "PUT"]))
    return draw(st.sampled_from(PATHS)), [("content-type", _latin(media_type)), *draw(raw_headers)], pieces, query, method


def _latin(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def door_at(path: str) -> Door:
    """Return the grammar of a path."""
    return Door(path, {}, grammar="hex" if path.startswith("/third_party") else "rfc")


def check(door: Door, answer: Answer, worked: float, *, method: str = "POST") -> None:
    """Hold an answer to its door's grammar, and its work to the bound."""
    if method == "HEAD":
        assert answer.status == 405
        assert answer.body == b""
        return
    assert complaints(door, answer) == []
    assert worked < WORK


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-08")
@pytest.mark.security("TK-13")
@pytest.mark.security("VN-10")
@made_up
@given(request=requests(), visitor=st.integers(0, 2**24 - 1))
async def test_no_made_up_request_is_a_fault_of_ours(shared_world: World, request: Any, visitor: int) -> None:  # noqa: ANN401
    path, headers, pieces, query, method = request
    address = f"10.{visitor >> 16 & 255}.{visitor >> 8 & 255}.{visitor & 255}"
    began = time.process_time()
    answer = await knock(shared_world.app, path, headers, pieces, query=query, method=method, address=address)
    check(door_at(path), answer, time.process_time() - began, method=method)


@pytest.mark.security("IN-08")
@pytest.mark.security("TK-13")
@made_up
@given(name=st.sampled_from(NAMES), parameter=names, value=values, visitor=st.integers(0, 2**24 - 1))
async def test_no_made_up_value_beside_right_credentials_is_a_fault_of_ours(
    shared_world: World, name: str, parameter: str, value: str, visitor: int
) -> None:
    door = door_named(name, shared_world.secrets)
    address = f"11.{visitor >> 16 & 255}.{visitor >> 8 & 255}.{visitor & 255}"
    try:
        body = door.body(**{parameter: value})
    except UnicodeEncodeError:
        body = door.body()
    began = time.process_time()
    answer = await knock(shared_world.app, door.path, door.headers(shared_world.secrets), body, address=address)
    check(door, answer, time.process_time() - began)


@pytest.mark.security("TK-09")
@made_up
@given(
    name=st.sampled_from(NAMES),
    at=st.integers(0, 2000),
    cut=st.integers(0, 5),
    put=st.binary(max_size=5),
    visitor=st.integers(0, 2**24 - 1),
)
async def test_no_damage_to_a_right_body_is_a_fault_of_ours(
    shared_world: World, name: str, at: int, cut: int, put: bytes, visitor: int
) -> None:
    door = door_named(name, shared_world.secrets)
    whole = door.body()
    at %= len(whole)
    address = f"12.{visitor >> 16 & 255}.{visitor >> 8 & 255}.{visitor & 255}"
    began = time.process_time()
    answer = await knock(
        shared_world.app, door.path, door.headers(shared_world.secrets), whole[:at] + put + whole[at + cut :], address=address
    )
    check(door, answer, time.process_time() - began)


@pytest.mark.security("CA-06")
@pytest.mark.security("CA-07")
@made_up
@given(
    raw=st.one_of(st.binary(max_size=80), odd_texts.map(lambda text: text.encode("utf-8", "surrogatepass"))), path=st.sampled_from(PATHS)
)
async def test_no_made_up_authorization_is_a_fault_of_ours(shared_world: World, raw: bytes, path: str) -> None:
    import base64

    door = door_at(path)
    media_type = JSON if path.startswith("/third_party") else FORM
    body = (
        b'{"refresh_token":"x","client_id":"x","client_secret":"x","store_id":"x"}' if media_type == JSON else b"grant_type=refresh_token"
    )
    for value in (b"Basic " + base64.b64encode(raw), b"Basic " + raw, b"Bearer " + raw, raw):
        answer = await knock(shared_world.app, path, [("content-type", media_type), ("authorization", value)], body, address="13.0.0.1")
        assert complaints(door, answer) == []
        assert answer.status in {400, 401, 429}


async def refused(
    world: World, door: Door, body: bytes | Sequence[bytes], *, media_type: str | None = None, statuses: set[int] | None = None
) -> Answer:
    """Send a body that must be refused, and hold the answer to the door's grammar."""
    headers = door.headers(world.secrets)
    if media_type is not None:
        headers[0] = ("content-type", media_type)
    began = time.process_time()
    answer = await knock(world.app, door.path, headers, body, address=world.address)
    check(door, answer, time.process_time() - began)
    assert answer.status in (statuses or {400})
    return answer


MALFORMED: dict[str, Callable[[Door], bytes]] = {
    "NUL": lambda door: extra(door, "\0"),
    "a control character": lambda door: extra(door, "\x1f"),
    "one of the second set": lambda door: extra(door, "\x9c"),
    "half a pair": lambda door: extra(door, "\ud800"),
    "the same name again": lambda door: encoded([*door.fields.items(), next(iter(door.fields.items()))], door.media_type),
}


def extra(door: Door, value: str) -> bytes:
    """Return the door's body with a parameter of a strange value; JSON gets it both ways that JSON has."""
    if door.media_type == MULTIPART:
        strange = b'--B\r\nContent-Disposition: form-data; name="state"\r\n\r\n' + value.encode("utf-8", "surrogatepass") + b"\r\n"
        return strange + encoded(door.fields, MULTIPART)
    if door.media_type == JSON:
        return json.dumps({**door.fields, "client_id": value}).encode()
    return door.body() + b"&state=" + escaped(value)


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-08")
@pytest.mark.security("TK-07")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", MALFORMED)
async def test_a_value_that_no_database_or_log_should_see_stops_at_the_door(world: World, name: str, what: str) -> None:
    door = door_named(name, world.secrets)
    await refused(world, door, MALFORMED[what](door))
    assert world.notes.events[-1].cause in {"malformed_body", "repeated_parameter"}


@pytest.mark.security("IN-01")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xc3"], ids=bytes.hex)
async def test_bytes_that_are_no_utf_8_stop_at_the_door(world: World, name: str, raw: bytes) -> None:
    door = door_named(name, world.secrets)
    whole = door.body()
    bodies = {
        FORM: whole + b"&state=" + raw,
        MULTIPART: b'--B\r\nContent-Disposition: form-data; name="state"\r\n\r\n' + raw + b"\r\n" + whole,
        JSON: whole[:-1] + b',"state":"' + raw + b'"}',
    }
    await refused(world, door, bodies[door.media_type])
    if door.media_type == FORM:
        await refused(world, door, whole + b"&state=" + b"".join(b"%%%02x" % byte for byte in raw))
        await refused(world, door, whole + b"&" + raw + b"=x")


@pytest.mark.security("IN-02")
@pytest.mark.parametrize("name", NAMES)
async def test_a_parameter_of_sixty_kilobytes_is_refused_or_ignored_quickly(world: World, name: str) -> None:
    door = door_named(name, world.secrets)
    for parameter in (*door.fields, "state", "scope"):
        body = door.body(**{parameter: "x" * 60_000})
        began = time.process_time()
        answer = await knock(world.app, door.path, door.headers(world.secrets), body, address=world.address)
        check(door, answer, time.process_time() - began)
        ignored = parameter not in door.fields and (parameter != "scope" or answer.status == 200)
        assert answer.status in ({200, 400, 401, 413} if ignored or name in {"introspect", "revoke"} else {400, 401, 403, 413})


@pytest.mark.security("IN-03")
@pytest.mark.security("SC-04")
@pytest.mark.parametrize(
    "scope",
    [
        "s" * 50_000,
        " ".join(["orders"] * 9_000),
        " ".join(f"s{number}" for number in range(10_000)),
        " " * 50_000,
        "orders" + " " * 50_000 + "x",
    ],
    ids=["one", "the-same", "ten-thousand", "spaces", "a-gap"],
)
@pytest.mark.parametrize("name", ["token", "platform-client", "platform-refresh"])
async def test_a_huge_scope_is_refused_shortly(world: World, name: str, scope: str) -> None:
    door = door_named(name, world.secrets)
    answer = await refused(
        world, door, encoded({**door.fields, "scope": scope}, FORM).replace(b"%20", b"+"), media_type=FORM, statuses={400, 413}
    )
    assert len(answer.body) < 1000


@pytest.mark.security("SC-03")
@pytest.mark.parametrize("gap", ["\u00a0", "\u2003", "\u3000", ",", ";", "+", "\t", "\x1f", "\u0085", "\u2028"])
async def test_only_a_space_separates_scopes(world: World, gap: str) -> None:
    body = b"grant_type=client_credentials&scope=" + escaped(f"orders{gap}items")
    headers = [("content-type", FORM), ("authorization", basic_header("demo-service", world.secrets["demo-service"]))]
    answer = await knock(world.app, "/token", headers, body)
    assert answer.status == 400
    assert answer.json()["error"] in {"invalid_scope", "invalid_request"}


@pytest.mark.security("IN-05")
@pytest.mark.security("IN-06")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [200, 9_000, 50_000])
async def test_a_body_of_too_many_fields_is_refused_quickly(world: World, name: str, count: int) -> None:
    door = door_named(name, world.secrets)
    bodies = {
        FORM: door.body() + b"".join(b"&%d=" % number for number in range(count)),
        MULTIPART: encoded([*door.fields.items(), *((str(number), "") for number in range(count))], MULTIPART),
        JSON: encoded([*door.fields.items(), *((str(number), "") for number in range(count))], JSON),
    }
    await refused(world, door, bodies[door.media_type], statuses={400, 413})


@pytest.mark.security("IN-06")
@pytest.mark.parametrize("filler", [b";", b"&", b"=", b"%", b"+", b"%41", b"a=1;", b";a;", b"&=", b"\r\n", b"%%3b"], ids=bytes.decode)
@pytest.mark.parametrize("name", ["token", "introspect", "youzan", "platform-code"])
async def test_no_repetition_makes_a_form_slow(world: World, name: str, filler: bytes) -> None:
    door = door_named(name, world.secrets)
    body = door.body() + b"&x=" + filler * (55_000 // len(filler))
    began = time.process_time()
    answer = await knock(world.app, door.path, door.headers(world.secrets), body[:65_000], address=world.address)
    check(door, answer, time.process_time() - began)


@pytest.mark.security("IN-09")
@pytest.mark.security("VN-04")
@pytest.mark.parametrize("name", ["hex", "hex-refresh", "platform-password"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b'{"client_secret":true}',
        b'{"client_id":1,"client_secret":"x"}',
        b'{"client_id":["x"],"client_secret":"x"}',
        b'{"client_id":{"$ne":""},"client_secret":{"$ne":""}}',
        b'{"refresh_token":1.5}',
        b'{"username":NaN}',
        b'{"username":Infinity}',
        b'{"x":-Infinity,"refresh_token":"x"}',
        b'{"client_id":"a","client_id":"b"}',
        b'{"client_id":"a","cl\\u0069ent_id":"b"}',
        b'{"x":{"a":1,"a":2},"refresh_token":"x"}',
        b"[" * 100_000,
        b'{"a":' * 30_000,
        b'{"x":' + b"[" * 21 + b"]" * 21 + b"}",
        b'{"a":"' + b"]" * 60_000 + b'","b":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
        b'{"b":' + b'["]",' * 30_000 + b"1" + b"]" * 30_000 + b"}",
        b'{"a":"\\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]","b":' + b"[" * 30 + b"]" * 30 + b"}",
        b'{"a":' + b"9" * 200_000 + b"}",
        b'{"a":-' + b"9" * 200_000 + b"}",
        b'{"a":1e' + b"9" * 200_000 + b"}",
        b"\xef\xbb\xbf{}",
        '{"client_id":"x"}'.encode("utf-16"),
        '{"client_id":"x"}'.encode("utf-32-le"),
        b'{"client_id":"\\ud800"}',
        b'{"client_id":"\\udc00\\ud800"}',
        b'{"client_id":"\\u0000"}',
        b'{"client_id":"a\nb"}',
        b"{'client_id':'x'}",
        b'{"client_id":"x",}',
        b'{"client_id":"x"}{"client_id":"x"}',
        b'/**/{"client_id":"x"}',
        b'{"client_id":"x"} garbage',
    ],
    ids=lambda body: f"{body[:24]!r}-{len(body)}",
)
async def test_no_bad_json_is_more_than_a_bad_request(world: World, name: str, body: bytes) -> None:
    await refused(world, door_named(name, world.secrets), body, media_type=JSON)


SHAPES: dict[str, tuple[bytes, str]] = {
    "a file": (b'--B\r\nContent-Disposition: form-data; name="code"; filename="x"\r\n\r\nx\r\n' + END, MULTIPART),
    "a file without a name": (b'--B\r\nContent-Disposition: form-data; name="code"; filename=""\r\n\r\nx\r\n' + END, MULTIPART),
    "a file in the extended notation": (
        b"--B\r\nContent-Disposition: form-data; name=code; filename*=utf-8''x\r\n\r\nx\r\n" + END,
        MULTIPART,
    ),
    "a file in pieces": (b"--B\r\nContent-Disposition: form-data; name=code; filename*0=x\r\n\r\nx\r\n" + END, MULTIPART),
    "a part that is no form data": (b"--B\r\nContent-Disposition: attachment; name=code\r\n\r\nx\r\n" + END, MULTIPART),
    "a part with two names": (
        b"--B\r\nContent-Disposition: form-data; name=code\r\nContent-Disposition: form-data; name=state\r\n\r\nx\r\n" + END,
        MULTIPART,
    ),
    "a part without a name": (b"--B\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END, MULTIPART),
    "a part without a head": (b"--B\r\n\r\nx\r\n" + END, MULTIPART),
    "a thousand parts": (b"".join(PART % (b"p%d" % number, b"x") for number in range(1000)) + END, MULTIPART),
    "twenty-one parts": (b"".join(PART % (b"p%d" % number, b"x") for number in range(21)) + END, MULTIPART),
    "a thousand heads in a part": (b"--B\r\n" + b"X: y\r\n" * 1000 + b"\r\nx\r\n" + END, MULTIPART),
    "a head of 60 kilobytes": (b"--B\r\nContent-Disposition: form-data; name=" + b"n" * 60_000 + b"\r\n\r\nx\r\n" + END, MULTIPART),
    "backslashes": (b'--B\r\nContent-Disposition: form-data; name="' + b"\\" * 3900 + b'"\r\n\r\nx\r\n' + END, MULTIPART),
    "parameters without end": (b"--B\r\nContent-Disposition: form-data" + b'; a="' * 900 + b"\r\n\r\nx\r\n" + END, MULTIPART),
    "no boundary": (PART % (b"code", b"x") + END, "multipart/form-data"),
    "an empty boundary": (PART % (b"code", b"x") + END, "multipart/form-data; boundary="),
    "an empty quoted boundary": (PART % (b"code", b"x") + END, 'multipart/form-data; boundary=""'),
    "another boundary": (PART % (b"code", b"x") + END, "multipart/form-data; boundary=C"),
    "the first of two boundaries": (PART % (b"code", b"x") + END, "multipart/form-data; boundary=B; boundary=C"),
    "a boundary of 30 kilobytes": (
        (PART % (b"code", b"x") + END).replace(b"--B", b"--" + b"B" * 30_000),
        "multipart/form-data; boundary=" + "B" * 30_000,
    ),
    "a long way to the boundary": (b"p" * 40_000 + b"\r\n" + PART % (b"code", b"x") + END, MULTIPART),
    "a long way after the boundary": (PART % (b"code", b"x") + END + b"e" * 40_000, MULTIPART),
    "another part after the end": (PART % (b"code", b"x") + END + PART % (b"client_id", b"y") + END, MULTIPART),
    "no final boundary": (PART % (b"code", b"x"), MULTIPART),
    "an unfinished boundary": (PART % (b"code", b"x") + b"--B-", MULTIPART),
    "nothing": (b"", MULTIPART),
    "the end alone": (END, MULTIPART),
    "bare line feeds": ((PART % (b"code", b"x") + END).replace(b"\r\n", b"\n"), MULTIPART),
    "the same name twice": (PART % (b"grant_type", b"x") + PART % (b"grant_type", b"y") + END, MULTIPART),
    "a name of two bytes that are no letter": (PART % (b"\xff\xfe", b"x") + END, MULTIPART),
    "a form under a false name": (b"grant_type=x", MULTIPART),
}


@pytest.mark.security("IN-07")
@pytest.mark.security("VN-07")
@pytest.mark.parametrize("name", ["youzan-multipart", "fantem-anonymous", "platform-client"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_no_bad_multipart_is_more_than_a_bad_request(world: World, name: str, shape: str) -> None:
    body, media_type = SHAPES[shape]
    door = door_named(name, world.secrets)
    if shape not in {"nothing", "the end alone", "the same name twice", "a form under a false name"}:
        body = encoded(door.fields, MULTIPART).removesuffix(END) + body if media_type == MULTIPART else body
    await refused(world, door, body, media_type=media_type)


@pytest.mark.security("IN-07")
@pytest.mark.parametrize(
    "line",
    [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--A", b"--B", b"\r\n--", b"--", b"\r\r\n"],
    ids=repr,
)
async def test_no_repetition_makes_a_multipart_body_slow(world: World, line: bytes) -> None:
    door = door_named("youzan-multipart", world.secrets)
    body = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + line * (60_000 // len(line)) + b"\r\n" + END
    began = time.process_time()
    answer = await knock(world.app, door.path, door.headers(world.secrets), body, address=world.address)
    check(door, answer, time.process_time() - began)


@pytest.mark.security("TK-08")
@pytest.mark.security("IN-09")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/xml", "application/octet-stream", "application/json-patch+json", "", "form", "multipart/mixed; boundary=B"],
)
async def test_a_media_type_that_the_door_does_not_read_is_named_so(world: World, name: str, media_type: str) -> None:
    door = door_named(name, world.secrets)
    await refused(world, door, door.body(), media_type=media_type, statuses={415})


@pytest.mark.security("TK-08")
@pytest.mark.parametrize("name", ["token", "introspect", "revoke", "youzan", "fantem"])
async def test_json_is_not_read_where_forms_are(world: World, name: str) -> None:
    door = door_named(name, world.secrets)
    await refused(world, door, encoded(door.fields, JSON), media_type=JSON, statuses={415})
    await refused(world, door, encoded(door.fields, JSON))


@pytest.mark.security("DS-02")
@pytest.mark.parametrize("name", NAMES)
async def test_two_media_types_are_no_media_type(world: World, name: str) -> None:
    door = door_named(name, world.secrets)
    for types in ([door.media_type, "text/plain"], ["text/plain", door.media_type], [door.media_type, door.media_type + "; x=y"]):
        headers = [("content-type", each) for each in types] + door.headers(world.secrets)[1:]
        answer = await knock(world.app, door.path, headers, door.body(), address=world.address)
        assert complaints(door, answer) == []
        assert answer.status in {400, 415}


@pytest.mark.security("CA-04")
@pytest.mark.parametrize("name", NAMES)
async def test_two_authorizations_are_none(world: World, name: str) -> None:
    door = door_named(name, world.secrets)
    right = basic_header("demo-service", world.secrets["demo-service"])
    for pair in ((right, right), (right, "Bearer x"), ("Basic eDp5", right)):
        headers = [("content-type", door.media_type), *(("authorization", each) for each in pair)]
        answer = await knock(world.app, door.path, headers, door.body(), address=world.address)
        assert complaints(door, answer) == []
        assert answer.status == 400


@pytest.mark.security("IN-04")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_a_compressed_body_is_never_unpacked(world: World, name: str, coding: str) -> None:
    door = door_named(name, world.secrets)
    packed = zlib.compress(door.body() + b"&x=" + b"a" * 30_000_000, wbits=31)
    headers = [*door.headers(world.secrets), ("content-encoding", coding)]
    began = time.process_time()
    answer = await knock(world.app, door.path, headers, packed, address=world.address)
    check(door, answer, time.process_time() - began)
    assert answer.status in {400, 413, 415}


@pytest.mark.security("IN-04")
@pytest.mark.parametrize("name", NAMES)
async def test_a_body_beyond_the_limit_is_too_large_however_it_comes(world: World, name: str) -> None:
    door = door_named(name, world.secrets)
    big = door.body() + b" " * (door.limit + 1)
    for body in (big, [big[at : at + 8192] for at in range(0, len(big), 8192)], [big[at : at + 1] for at in range(100)] + [big[100:]]):
        await refused(world, door, body, statuses={413})


@pytest.mark.security("TK-03")
@pytest.mark.security("TK-04")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "parameter", ["client_id", "client_secret", "grant_type", "code", "refresh_token", "access_token", "password", "token"]
)
async def test_no_door_takes_a_credential_from_the_url(world: World, name: str, parameter: str) -> None:
    door = door_named(name, world.secrets)
    for query in (f"{parameter}=x", f"x=1&{parameter}", f"%{ord(parameter[0]):02x}{parameter[1:]}=x", f"{parameter}=x&" + "a&" * 5000):
        answer = await knock(world.app, door.path, door.headers(world.secrets), door.body(), query=query.encode(), address=world.address)
        assert complaints(door, answer) == []
        assert answer.status == 400


@pytest.mark.security("DS-03")
@pytest.mark.security("IN-08")
def test_thousands_of_hostile_requests_leave_a_server_as_it_was(live: Live) -> None:
    """The memory after a second round of the same is what it was after the first."""

    def resident() -> float:
        return sum(process.memory_info().rss for process in live.server.processes()) / 2**20

    secrets = {client: live.credentials(client)["client_secret"] for client in ("demo-service", "demo-web", "alexa-demo", "testclient")}
    secrets |= {client: live.credentials(client)["client_secret"] for client in ("platform-demo", "hex-demo")}
    sizes = []
    with httpx.Client(base_url=live.server.url, trust_env=False) as client:
        for turn in range(3):
            for number in range(60):
                for door in doors(secrets):
                    odd = [*NUL_AND_FRIENDS, *TRICKS, *PLAIN][number % 43]
                    name = [*door.fields][number % len(door.fields)]
                    body = door.body(**{name: odd + "x" * (number * 997 % 60_000), f"n{turn}{number}": "y"})
                    headers = {str(key): str(value) for key, value in door.headers(secrets)}
                    answer = client.post(door.path, content=body, headers=headers)
                    assert answer.status_code < 500
            sizes.append(resident())
        right = client.post("/third_party/oauth2/token", json={**live.credentials("hex-demo"), "store_id": "S001"})
    assert right.status_code in {200, 429}
    assert sizes[2] - sizes[1] < 5
    assert sizes[2] - sizes[0] < 20
