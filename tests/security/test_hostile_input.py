"""Whatever is sent to a door, its answer is quick, in the door's own grammar, and never a fault of ours."""

import base64
import json
import os
import zlib
from collections.abc import Sequence
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fixtures.server import NO_TLS
from tests.fixtures.work import bearable
from tests.fixtures.world import World, basic_header
from tests.security.doors import FORM, JSON, MULTIPART, NAMES, PATHS, Answer, Door, complaints, door_named, doors, encoded, knock
from tests.security.live import Live

LONG = os.environ.get("SECURITY_PROFILE") == "long"
"""Minutes of made-up requests instead of seconds: ``SECURITY_PROFILE=long``."""
made_up = settings(
    max_examples=5000 if LONG else 80,
    derandomize=not LONG,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
PART: Final = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
END: Final = b"--B--\r\n"

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
WORDS_OF_GRANTS: Final = [
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "password",
    "authorize_platform",
    "silent",
    "implicit",
]
TYPES: Final = [
    *(FORM, MULTIPART, JSON, f"{JSON}; charset=utf-16", f"{FORM};charset=ascii", "multipart/form-data", "text/plain", "", "a", ";;;"),
    *('multipart/form-data; boundary="', "multipart/form-data; boundary=", "multipart/form-data; boundary=A; boundary=B", "*/*"),
]
WORLD_CLIENTS: Final = ["demo-service", "demo-web", "alexa-demo", "testclient", "platform-demo", "hex-demo"]
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


def from_nowhere(number: int) -> str:
    """Return an address, so that no counter ends a run of requests."""
    return f"{10 + (number >> 24 & 63)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


visitors = st.integers(0, 2**30 - 1).map(from_nowhere)


def check(door: Door, answer: Answer, *, method: str = "POST") -> None:
    """Hold an answer to its door's grammar."""
    if method == "HEAD":
        assert answer.status in {400, 405, 415}
        assert answer.body == b""
        return
    assert complaints(door, answer) == []


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-08")
@pytest.mark.security("TK-13")
@pytest.mark.security("VN-10")
@made_up
@given(request=requests(), address=visitors)
async def test_no_made_up_request_is_a_fault_of_ours(shared_world: World, request: Any, address: str) -> None:
    path, headers, pieces, query, method = request
    with bearable():
        answer = await knock(shared_world.app, path, headers, pieces, query=query, method=method, address=address)
    check(door_at(path), answer, method=method)


@pytest.mark.security("IN-08")
@pytest.mark.security("TK-13")
@made_up
@given(name=st.sampled_from(NAMES), parameter=names, value=values, address=visitors)
async def test_no_made_up_value_beside_right_credentials_is_a_fault_of_ours(
    shared_world: World, name: str, parameter: str, value: str, address: str
) -> None:
    door = door_named(name, shared_world.secrets)
    if door.media_type == MULTIPART:
        parameter, value = (text.encode("utf-8", "replace").decode() for text in (parameter, value))
    headers, body = door.headers(shared_world.secrets), door.body(**{parameter: value})
    with bearable():
        answer = await knock(shared_world.app, door.path, headers, body, address=address)
    check(door, answer)


@pytest.mark.security("TK-09")
@made_up
@given(name=st.sampled_from(NAMES), at=st.integers(0, 2000), cut=st.integers(0, 5), put=st.binary(max_size=5), address=visitors)
async def test_no_damage_to_a_right_body_is_a_fault_of_ours(
    shared_world: World, name: str, at: int, cut: int, put: bytes, address: str
) -> None:
    door = door_named(name, shared_world.secrets)
    whole = door.body()
    at %= len(whole)
    body = whole[:at] + put + whole[at + cut :]
    with bearable():
        answer = await knock(shared_world.app, door.path, door.headers(shared_world.secrets), body, address=address)
    check(door, answer)


@pytest.mark.security("CA-06")
@pytest.mark.security("CA-07")
@made_up
@given(text=st.one_of(st.binary(max_size=80), odd_texts), path=st.sampled_from(PATHS), address=visitors)
async def test_no_made_up_authorization_is_a_fault_of_ours(shared_world: World, text: str | bytes, path: str, address: str) -> None:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    door = door_at(path)
    media_type = JSON if door.grammar == "hex" else FORM
    body = (
        b'{"refresh_token":"x","client_id":"x","client_secret":"x","store_id":"x"}' if media_type == JSON else b"grant_type=refresh_token"
    )
    for value in (b"Basic " + base64.b64encode(raw), b"Basic " + raw, b"Bearer " + raw, raw):
        answer = await knock(shared_world.app, path, [("content-type", media_type), ("authorization", value)], body, address=address)
        assert complaints(door, answer) == []
        assert answer.status in {400, 401, 429}


async def refused(
    world: World,
    door: Door,
    body: bytes | Sequence[bytes],
    *,
    media_type: str | None = None,
    statuses: frozenset[int] = frozenset({400}),
) -> Answer:
    """Send a body that must be refused, and hold the answer to the door's grammar."""
    headers = door.headers(world.secrets)
    if media_type is not None:
        headers[0] = ("content-type", media_type)
    with bearable():
        answer = await knock(world.app, door.path, headers, body, address=world.address)
    check(door, answer)
    assert answer.status in statuses, (door.name, answer)
    return answer


def with_more(door: Door, name: bytes, value: bytes) -> bytes:
    """Return the door's body with one more field of raw bytes."""
    whole = door.body()
    if door.media_type == MULTIPART:
        return PART % (name, value) + whole
    if door.media_type == JSON:
        return whole[:-1] + b',"' + name + b'":"' + value + b'"}'
    return whole + b"&" + b"".join(b"%%%02x" % byte for byte in name) + b"=" + b"".join(b"%%%02x" % byte for byte in value)


STRANGE = [b"\0", b"a\0b", b"\x1f", b"\x7f", b"\xc2\x9c", b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xc3"]


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-08")
@pytest.mark.parametrize("value", STRANGE, ids=bytes.hex)
async def test_a_value_that_no_database_or_log_should_see_stops_at_the_door(any_world: World, value: bytes) -> None:
    for door in doors(any_world.secrets):
        await refused(any_world, door, with_more(door, b"state", value))
        await refused(any_world, door, with_more(door, value, b"x"))
        if door.media_type == FORM:
            await refused(any_world, door, door.body() + b"&state=" + value)


@pytest.mark.security("IN-01")
@pytest.mark.security("IN-09")
@pytest.mark.parametrize("escape", [r"\u0000", r"\u001b", r"\u0085", r"\ud800", r"\udc00\ud800", "\n"])
async def test_what_json_can_spell_and_a_database_cannot_hold_stops_at_the_door(any_world: World, escape: str) -> None:
    for door in doors(any_world.secrets):
        if door.media_type == JSON:
            await refused(any_world, door, with_more(door, b"client_name", escape.encode()))
            await refused(any_world, door, with_more(door, b"state", escape.encode()))


@pytest.mark.security("TK-07")
async def test_no_field_stands_there_twice(any_world: World) -> None:
    for door in doors(any_world.secrets):
        for field in door.fields.items():
            await refused(any_world, door, encoded([*door.fields.items(), field], door.media_type))
            await refused(any_world, door, encoded([*door.fields.items(), (field[0], "another")], door.media_type))
            await refused(any_world, door, encoded([(field[0], ""), *door.fields.items()], door.media_type))


@pytest.mark.security("IN-02")
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_a_parameter_of_sixty_kilobytes_is_refused_or_ignored_quickly(world: World) -> None:
    for door in doors(world.secrets):
        for parameter in (*door.fields, "state", "scope"):
            body = door.body(**{parameter: "x" * 60_000})
            with bearable():
                answer = await knock(world.app, door.path, door.headers(world.secrets), body, address=world.address)
            check(door, answer)
            if parameter in door.fields and parameter != "token":
                assert answer.status != 200


@pytest.mark.security("IN-03")
@pytest.mark.security("SC-04")
@pytest.mark.parametrize(
    "scope",
    [
        "s" * 50_000,
        " ".join(["orders"] * 9_000),
        " ".join(f"s{number}" for number in range(10_000)),
        " " * 50_000,
        f"orders{' ' * 50_000}x",
    ],
    ids=["one", "the-same", "ten-thousand", "spaces", "a-gap"],
)
@pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
async def test_a_huge_scope_is_refused_shortly(world: World, scope: str) -> None:
    for name in ("token", "platform-client", "platform-refresh"):
        door = door_named(name, world.secrets)
        body = encoded({**door.fields, "scope": scope}, FORM).replace(b"%20", b"+")
        answer = await refused(world, door, body, media_type=FORM, statuses=frozenset({400, 413}))
        assert len(answer.body) < 1000


@pytest.mark.security("SC-03")
@pytest.mark.parametrize("gap", ["\u00a0", "\u2003", "\u3000", ",", ";", "+", "\t", "\x1f", "\u0085", "\u2028"], ids=ascii)
async def test_only_a_space_separates_scopes(any_world: World, gap: str) -> None:
    door = door_named("token", any_world.secrets)
    answer = await refused(any_world, door, door.body(scope=f"orders{gap}items"))
    assert answer.json()["error"] in {"invalid_scope", "invalid_request"}


@pytest.mark.security("IN-05")
@pytest.mark.parametrize("count", [200, 9_000, 50_000])
async def test_a_body_of_too_many_fields_is_refused_quickly(any_world: World, count: int) -> None:
    for door in doors(any_world.secrets):
        body = encoded([*door.fields.items(), *((str(number), "") for number in range(count))], door.media_type)
        await refused(any_world, door, body, statuses=frozenset({400, 413}))


@pytest.mark.security("IN-06")
@pytest.mark.parametrize("filler", [b";", b"&", b"=", b"%", b"+", b"%41", b"a=1;", b";a;", b"&=", b"\r\n", b"%%3b"], ids=repr)
async def test_no_repetition_makes_a_form_slow(any_world: World, filler: bytes) -> None:
    for name in ("token", "introspect", "youzan", "platform-code"):
        door = door_named(name, any_world.secrets)
        body = (door.body() + b"&x=" + filler * (55_000 // len(filler)))[:65_000]
        with bearable():
            answer = await knock(any_world.app, door.path, door.headers(any_world.secrets), body, address=any_world.address)
        check(door, answer)


BAD_JSON: Final = [
    *(b"", b"null", b"[]", b'"x"', b"1", b"{", b'{"client_secret":true}', b'{"client_id":1,"client_secret":"x"}'),
    *(b'{"client_id":["x"],"client_secret":"x"}', b'{"client_id":{"$ne":""},"client_secret":{"$ne":""}}', b'{"refresh_token":1.5}'),
    *(b'{"username":NaN}', b'{"username":Infinity}', b'{"x":-Infinity,"refresh_token":"x"}', b'{"client_id":"a","client_id":"b"}'),
    *(b'{"client_id":"a","cl\\u0069ent_id":"b"}', b'{"x":{"a":1,"a":2},"refresh_token":"x"}'),
    *(b"[" * 100_000, b'{"a":' * 30_000, b'{"x":' + b"[" * 21 + b"]" * 21 + b"}"),
    b'{"a":"' + b"]" * 60_000 + b'","b":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    b'{"b":' + b'["]",' * 30_000 + b"1" + b"]" * 30_000 + b"}",
    b'{"a":"\\"]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]","b":' + b"[" * 30 + b"]" * 30 + b"}",
    *(b'{"a":' + b"9" * 200_000 + b"}", b'{"a":-' + b"9" * 200_000 + b"}", b'{"a":1e' + b"9" * 200_000 + b"}"),
    *(b"\xef\xbb\xbf{}", '{"client_id":"x"}'.encode("utf-16"), '{"client_id":"x"}'.encode("utf-32-le")),
    *(b"{'client_id':'x'}", b'{"client_id":"x",}', b'{"client_id":"x"}{"client_id":"x"}', b'/**/{"client_id":"x"}', b'{"client_id":"x"} y'),
]


@pytest.mark.security("IN-09")
@pytest.mark.security("VN-04")
@pytest.mark.parametrize("body", BAD_JSON, ids=lambda body: f"{body[:24]!r}-{len(body)}")
async def test_no_bad_json_is_more_than_a_bad_request(any_world: World, body: bytes) -> None:
    for name in ("hex", "hex-refresh", "platform-password"):
        await refused(any_world, door_named(name, any_world.secrets), body, media_type=JSON)


DISPOSITION: Final = b"--B\r\nContent-Disposition: "
CODE: Final = PART % (b"code", b"x")
LONG_BOUNDARY: Final = "B" * 30_000
SHAPES: dict[str, tuple[bytes, str]] = {
    "a file": (DISPOSITION + b'form-data; name="code"; filename="x"\r\n\r\nx\r\n' + END, MULTIPART),
    "a file without a name": (DISPOSITION + b'form-data; name="code"; filename=""\r\n\r\nx\r\n' + END, MULTIPART),
    "a file in the extended notation": (DISPOSITION + b"form-data; name=code; filename*=utf-8''x\r\n\r\nx\r\n" + END, MULTIPART),
    "a file in pieces": (DISPOSITION + b"form-data; name=code; filename*0=x\r\n\r\nx\r\n" + END, MULTIPART),
    "a part that is no form data": (DISPOSITION + b"attachment; name=code\r\n\r\nx\r\n" + END, MULTIPART),
    "a part with two names": (
        DISPOSITION + b"form-data; name=code\r\nContent-Disposition: form-data; name=state\r\n\r\nx\r\n" + END,
        MULTIPART,
    ),
    "a part without a name": (DISPOSITION + b"form-data\r\n\r\nx\r\n" + END, MULTIPART),
    "a part without a head": (b"--B\r\n\r\nx\r\n" + END, MULTIPART),
    "a thousand parts": (b"".join(PART % (b"p%d" % number, b"x") for number in range(1000)) + END, MULTIPART),
    "twenty-one parts": (b"".join(PART % (b"p%d" % number, b"x") for number in range(21)) + END, MULTIPART),
    "a thousand heads in a part": (b"--B\r\n" + b"X: y\r\n" * 1000 + b"\r\nx\r\n" + END, MULTIPART),
    "a head of 60 kilobytes": (DISPOSITION + b"form-data; name=" + b"n" * 60_000 + b"\r\n\r\nx\r\n" + END, MULTIPART),
    "parameters without end": (DISPOSITION + b"form-data" + b'; a="' * 900 + b"\r\n\r\nx\r\n" + END, MULTIPART),
    "no boundary": (CODE + END, "multipart/form-data"),
    "an empty boundary": (CODE + END, "multipart/form-data; boundary="),
    "an empty quoted boundary": (CODE + END, 'multipart/form-data; boundary=""'),
    "another boundary": (CODE + END, "multipart/form-data; boundary=C"),
    "the first of two boundaries": (CODE + END, "multipart/form-data; boundary=B; boundary=C"),
    "a boundary of 30 kilobytes": (
        (CODE + END).replace(b"--B", b"--" + LONG_BOUNDARY.encode()),
        f"multipart/form-data; boundary={LONG_BOUNDARY}",
    ),
    "a long way to the boundary": (b"p" * 40_000 + b"\r\n" + CODE + END, MULTIPART),
    "a long way after the boundary": (CODE + END + b"e" * 40_000, MULTIPART),
    "another part after the end": (CODE + END + PART % (b"client_id", b"y") + END, MULTIPART),
    "no final boundary": (CODE, MULTIPART),
    "an unfinished boundary": (CODE + b"--B-", MULTIPART),
    "nothing": (b"", MULTIPART),
    "the end alone": (END, MULTIPART),
    "bare line feeds": ((CODE + END).replace(b"\r\n", b"\n"), MULTIPART),
    "the same name twice": (CODE + CODE + END, MULTIPART),
    "a name that is no UTF-8": (PART % (b"\xff\xfe", b"x") + END, MULTIPART),
    "a form under a false name": (b"grant_type=silent", MULTIPART),
}
_BARE: Final = frozenset({"nothing", "the end alone", "a form under a false name"})


@pytest.mark.security("IN-07")
@pytest.mark.security("VN-07")
@pytest.mark.parametrize("shape", SHAPES)
async def test_no_bad_multipart_is_more_than_a_bad_request(any_world: World, shape: str) -> None:
    shaped, media_type = SHAPES[shape]
    for name in ("youzan-multipart", "fantem-anonymous", "platform-client"):
        door = door_named(name, any_world.secrets)
        right = encoded({key: value for key, value in door.fields.items() if key != "code" or "twice" in shape}, MULTIPART)
        body = shaped if shape in _BARE or media_type != MULTIPART else right.removesuffix(END) + shaped
        answer = await refused(any_world, door, body, media_type=media_type)
        assert answer.json()["error"] == "invalid_request"


@pytest.mark.security("IN-07")
@pytest.mark.parametrize("line", [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--A", b"--B", b"--", b"\r\r\n"], ids=repr)
async def test_no_repetition_makes_a_multipart_body_slow(any_world: World, line: bytes) -> None:
    door = door_named("youzan-multipart", any_world.secrets)
    body = PART % (b"x", line * (60_000 // len(line))) + END
    with bearable():
        answer = await knock(any_world.app, door.path, door.headers(any_world.secrets), body, address=any_world.address)
    check(door, answer)


@pytest.mark.security("TK-08")
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/xml", "application/octet-stream", "application/json-patch+json", "", "form", "multipart/mixed; boundary=B"],
)
async def test_a_media_type_that_the_door_does_not_read_is_named_so(any_world: World, media_type: str) -> None:
    for door in doors(any_world.secrets):
        await refused(any_world, door, door.body(), media_type=media_type, statuses=frozenset({415}))


@pytest.mark.security("TK-08")
async def test_json_is_not_read_where_forms_are(any_world: World) -> None:
    for name in ("token", "introspect", "revoke", "youzan", "fantem"):
        door = door_named(name, any_world.secrets)
        await refused(any_world, door, encoded(door.fields, JSON), media_type=JSON, statuses=frozenset({415}))
        await refused(any_world, door, encoded(door.fields, JSON))


@pytest.mark.security("DS-02")
async def test_two_media_types_are_no_media_type(any_world: World) -> None:
    for door in doors(any_world.secrets):
        for types in ([door.media_type, "text/plain"], ["text/plain", door.media_type], [door.media_type, f"{door.media_type}; x=y"]):
            headers = [*(("content-type", each) for each in types), *door.headers(any_world.secrets)[1:]]
            answer = await knock(any_world.app, door.path, headers, door.body(), address=any_world.address)
            assert complaints(door, answer) == []
            assert answer.status in {400, 415}


@pytest.mark.security("CA-04")
async def test_two_authorizations_are_none(any_world: World) -> None:
    right = basic_header("demo-service", any_world.secrets["demo-service"])
    for door in doors(any_world.secrets):
        for pair in ((right, right), (right, "Bearer x"), ("Basic eDp5", right)):
            headers = [("content-type", door.media_type), *(("authorization", each) for each in pair)]
            answer = await knock(any_world.app, door.path, headers, door.body(), address=any_world.address)
            assert complaints(door, answer) == []
            assert answer.status == 400


@pytest.mark.security("IN-04")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_a_compressed_body_is_never_unpacked(any_world: World, coding: str) -> None:
    for door in doors(any_world.secrets):
        packed = zlib.compress(door.body() + b"&x=" + b"a" * 3_000_000, wbits=31)
        headers = [*door.headers(any_world.secrets), ("content-encoding", coding)]
        with bearable():
            answer = await knock(any_world.app, door.path, headers, packed, address=any_world.address)
        check(door, answer)
        assert answer.status in {400, 413, 415}


@pytest.mark.security("IN-04")
async def test_a_body_beyond_the_limit_is_too_large_however_it_comes(any_world: World) -> None:
    for door in doors(any_world.secrets):
        big = door.body() + b" " * (door.limit + 1)
        for body in (big, [big[at : at + 8192] for at in range(0, len(big), 8192)], [*(big[at : at + 1] for at in range(100)), big[100:]]):
            await refused(any_world, door, body, statuses=frozenset({413}))


@pytest.mark.security("TK-03")
@pytest.mark.security("TK-04")
@pytest.mark.security("BR-03")
@pytest.mark.parametrize(
    "parameter", ["client_id", "client_secret", "grant_type", "code", "refresh_token", "access_token", "password", "token"]
)
async def test_no_door_takes_a_credential_from_the_url(any_world: World, parameter: str) -> None:
    for door in doors(any_world.secrets):
        for query in (f"{parameter}=x", f"x=1&{parameter}", f"%{ord(parameter[0]):02x}{parameter[1:]}=x", f"{parameter}=x&{'a&' * 5000}"):
            headers = door.headers(any_world.secrets)
            answer = await knock(any_world.app, door.path, headers, door.body(), query=query.encode(), address=any_world.address)
            assert complaints(door, answer) == []
            assert answer.status == 400


@pytest.mark.security("DS-03")
@pytest.mark.security("IN-08")
def test_thousands_of_hostile_requests_leave_a_server_as_it_was(live: Live) -> None:
    """The memory after the same once more is what it was before."""
    secrets = {name: live.credentials(name)["client_secret"] for name in WORLD_CLIENTS}
    knocks = [door for door in doors(secrets) if door.name != "platform-password"]
    sizes = []
    with httpx.Client(base_url=live.server.url, verify=NO_TLS, trust_env=False) as client:
        for turn in range(3):
            for number in range(15):
                for door in knocks:
                    name = [*door.fields][number % len(door.fields)]
                    changes = {name: ODD[number % len(ODD)] + "x" * (number * 997 % 60_000), f"n{turn}{number}": "y"}
                    body = encoded({**door.fields, **changes}, door.media_type if door.media_type != MULTIPART else FORM)
                    headers = {str(key): str(value) for key, value in door.headers(secrets)}
                    answer = client.post(
                        door.path, content=body, headers={**headers, "content-type": door.media_type.replace(MULTIPART, FORM)}
                    )
                    assert answer.status_code < 500
            sizes.append(sum(process.memory_info().rss for process in live.server.processes()) / 2**20)
    assert sizes[2] - sizes[1] < 8
    assert sizes[2] - sizes[0] < 20
