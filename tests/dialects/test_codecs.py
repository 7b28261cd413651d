"""Bodies of every kind: read strictly, or refused, and nothing else ever comes out."""

import json
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.causes import Cause
from app.dialects.codecs import (
    JSON,
    MAXIMUM_BODY,
    MULTIPART,
    URLENCODED,
    decode_json,
    decode_multipart,
    decode_urlencoded,
    media_type_of,
)
from app.messages import Refusal
from tests.fixtures.work import bearable

T = TypeVar("T")

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
plain = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
names = plain.filter(bool)
fields = st.dictionaries(names, plain, max_size=20)
quotable = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=20)


def multipart(pairs: dict[str, str], boundary: str = BOUNDARY) -> bytes:
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs.items()]
    return f"{''.join(parts)}--{boundary}--\r\n".encode()


def cause_of(read: Callable[[], object]) -> Cause:
    with pytest.raises(Refusal) as refused:
        read()
    return refused.value.cause


def read_or_refused(read: Callable[[], T]) -> T | None:
    """Return what was read, or ``None`` where the body was refused for what it is; every other error fails the test."""
    try:
        return read()
    except Refusal as refusal:
        if refusal.cause in {Cause.MALFORMED_BODY, Cause.REPEATED_PARAMETER}:
            return None
        raise


# -- what was sent is what is read -----------------------------------------------------------------------------------------------


@given(fields)
def test_a_form_is_read_as_it_was_written(pairs: dict[str, str]) -> None:
    assert decode_urlencoded(urlencode(pairs).encode(), "") == pairs


@given(fields)
def test_a_form_need_not_be_escaped_where_it_is_not_ambiguous(pairs: dict[str, str]) -> None:
    raw = "&".join(f"{quote_plus(name, safe='é你')}={quote_plus(value, safe='=é你')}" for name, value in pairs.items())
    assert decode_urlencoded(raw.encode(), "") == pairs


@given(st.dictionaries(quotable, plain, max_size=20))
@example({"name": "--" + BOUNDARY})
def test_a_multipart_body_is_read_as_it_was_written(pairs: dict[str, str]) -> None:
    assert decode_multipart(multipart(pairs), CONTENT_TYPE) == pairs


@given(st.dictionaries(names, plain | st.none() | st.booleans() | st.integers() | st.lists(plain, max_size=3), max_size=20))
def test_a_json_object_is_read_as_it_was_written(members: dict[str, object]) -> None:
    assert decode_json(json.dumps(members).encode(), "") == members
    assert decode_json(json.dumps(members, ensure_ascii=False).encode(), "") == members


def test_a_field_without_an_equals_sign_is_an_empty_one() -> None:
    assert decode_urlencoded(b"a&b=&c=1&&=2&d==", "") == {"a": "", "b": "", "c": "1", "": "2", "d": "="}


def test_an_empty_form_has_no_fields() -> None:
    assert decode_urlencoded(b"", "") == {}
    assert decode_json(b"{}", "") == {}
    assert decode_multipart(b"--x--", "multipart/form-data; boundary=x") == {}


@pytest.mark.security("IN-10")
def test_what_is_escaped_twice_is_unescaped_once() -> None:
    assert decode_urlencoded(b"%2572edirect_uri=%2541&a=%2B+%2b", "") == {"%72edirect_uri": "%41", "a": "+ +"}


def test_a_percent_sign_that_escapes_nothing_stands_for_itself() -> None:
    assert decode_urlencoded(b"a=%zz%&b=%4", "") == {"a": "%zz%", "b": "%4"}


# -- nothing but a refusal -------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
@pytest.mark.security("TK-09")
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    check_texts(read_or_refused(lambda: decode_urlencoded(body, URLENCODED)) or {})


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(str.encode)
    | st.from_regex(rb'[\[\]{}",:\\0-9eE+. truefalsn-]{0,60}', fullmatch=True)
)
@pytest.mark.security("TK-09")
@pytest.mark.security("IN-09")
def test_any_bytes_are_a_json_object_or_refused(body: bytes) -> None:
    members = read_or_refused(lambda: decode_json(body, JSON)) or {}
    check_texts({name: value for name, value in members.items() if isinstance(value, str)})


pieces = st.sampled_from(
    [
        b"--x",
        b"--x--",
        b"\r\n",
        b"\n",
        b"Content-Disposition: form-data",
        b'; name="a"',
        b"; name=b",
        b"; filename=c",
        b"Content-Type: text/plain",
        b":",
        b"1",
        b"\xff",
        b"\x00",
    ]
)


@given(
    st.lists(pieces, max_size=20).map(b"".join) | st.binary(max_size=200), st.sampled_from(["x", '"x"', "", "é", "x; boundary=y", "\x00"])
)
@pytest.mark.security("IN-07")
def test_any_bytes_are_a_multipart_body_or_refused(body: bytes, boundary: str) -> None:
    check_texts(read_or_refused(lambda: decode_multipart(body, f"multipart/form-data; boundary={boundary}")) or {})


def check_texts(pairs: dict[str, str]) -> None:
    """Whatever was read can be stored and logged anywhere."""
    for text in (*pairs, *pairs.values()):
        text.encode("utf-8")
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


@given(st.text(max_size=60))
def test_any_content_type_has_a_media_type(content_type: str) -> None:
    assert ";" not in media_type_of(content_type)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON", " application/json ", "application/json;charset=GBK", "application/json ; charset=utf-8; x=y"],
)
def test_the_media_type_is_what_stands_before_the_parameters(content_type: str) -> None:
    assert media_type_of(content_type) == JSON


# -- what is refused -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"a=\xff", b"\xff=a", b"a=%FF", b"%FF=a", b"a=%ED%A0%80", b"a=%C0%AF", b"a=%E4%BD", b"a=\xe4%BD"])
def test_bad_utf_8_is_refused(body: bytes) -> None:
    assert cause_of(lambda: decode_urlencoded(body, "")) is Cause.MALFORMED_BODY


def test_utf_8_may_be_raw_or_escaped() -> None:
    assert decode_urlencoded("a=你%E5%A5%BD".encode(), "") == {"a": "你好"}


@pytest.mark.parametrize("code", [*range(32), *range(127, 160)])
@pytest.mark.security("IN-08")
def test_every_control_character_is_refused(code: int) -> None:
    for text in (chr(code), f"a{chr(code)}b"):
        escaped = urlencode({"x": text}).encode()
        assert cause_of(lambda escaped=escaped: decode_urlencoded(escaped, "")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now
        raw = f"x={text}".encode()
        assert cause_of(lambda raw=raw: decode_urlencoded(raw, "")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now
        body = json.dumps({"x": text}).encode()
        assert cause_of(lambda body=body: decode_json(body, "")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now
        parts = multipart({"x": text})
        assert cause_of(lambda parts=parts: decode_multipart(parts, CONTENT_TYPE)) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now


@pytest.mark.security("TK-07")
@pytest.mark.parametrize("body", [b"a=1&a=1", b"a=&a=1", b"a&a", b"%61=1&a=2", b"a+b=1&a%20b=2"])
def test_a_name_twice_is_refused(body: bytes) -> None:
    assert cause_of(lambda: decode_urlencoded(body, "")) is Cause.REPEATED_PARAMETER


def test_names_that_may_be_repeated_are_joined_by_spaces() -> None:
    repeatable = frozenset({"resource"})
    assert decode_urlencoded(b"resource=a&b=1&resource=c", "", repeatable) == {"resource": "a c", "b": "1"}
    assert decode_multipart(
        b'--x\r\nContent-Disposition: form-data; name="resource"\r\n\r\na\r\n'
        b'--x\r\nContent-Disposition: form-data; name="resource"\r\n\r\nb\r\n--x--',
        "multipart/form-data; boundary=x",
        repeatable,
    ) == {"resource": "a b"}
    assert cause_of(lambda: decode_urlencoded(b"a=1&a=2", "", repeatable)) is Cause.REPEATED_PARAMETER


@pytest.mark.security("IN-05")
def test_a_form_has_a_hundred_fields_and_no_more() -> None:
    assert len(decode_urlencoded("&".join(f"n{n}=1" for n in range(100)).encode(), "")) == 100
    assert cause_of(lambda: decode_urlencoded("&".join(f"n{n}=1" for n in range(101)).encode(), "")) is Cause.MALFORMED_BODY
    assert cause_of(lambda: decode_urlencoded(b"&" * 100, "")) is Cause.MALFORMED_BODY


@pytest.mark.security("IN-09")
def test_a_json_object_has_a_hundred_members_and_no_more() -> None:
    assert len(decode_json(json.dumps({f"n{n}": n for n in range(100)}).encode(), "")) == 100
    assert cause_of(lambda: decode_json(json.dumps({f"n{n}": n for n in range(101)}).encode(), "")) is Cause.MALFORMED_BODY


@pytest.mark.security("IN-09")
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_is_nested_twenty_levels_and_no_deeper(opening: str) -> None:
    closing = "]" if opening == "[" else "}"

    def nested(levels: int) -> bytes:
        return ('{"a":' + opening * (levels - 1) + "1" + closing * (levels - 1) + "}").encode()

    assert decode_json(nested(20), "")
    for levels in (21, 100, 1000, 40_000):
        assert cause_of(lambda levels=levels: decode_json(nested(levels), "")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now


def test_brackets_inside_texts_nest_nothing() -> None:
    text = "[{" * 100 + "]" * 500
    assert decode_json(json.dumps({"a": text, "b": '\\"[[['}).encode(), "") == {"a": text, "b": '\\"[[['}
    hidden = b'{"a":"' + b"]" * 5000 + b'","b":' + b"[" * 5000 + b"]" * 5000 + b"}"
    assert cause_of(lambda: decode_json(hidden, "")) is Cause.MALFORMED_BODY


@pytest.mark.security("IN-09")
@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_of_javascript_is_no_json(constant: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode_json(f'{{"a":{constant}}}'.encode(), "")
    assert refused.value.description == f"The JSON holds {constant.lstrip('-')}, which is no JSON number."


@pytest.mark.security("VN-04")
@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"x":{"b":1,"b":2}}', b'{"x":[{"b":1,"b":2}]}'])
def test_a_member_twice_is_refused_at_any_depth(body: bytes) -> None:
    assert cause_of(lambda: decode_json(body, "")) is Cause.REPEATED_PARAMETER


@pytest.mark.parametrize(
    "body", [b"", b" ", b"[]", b"null", b"1", b'"a"', b"{", b"{}}", b"{'a':1}", b'{"a":01}', b'{"a":1}x', b"\xef\xbb\xbf{}", b'{"a":"\n"}']
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert cause_of(lambda: decode_json(body, "")) is Cause.MALFORMED_BODY


def test_half_a_surrogate_pair_is_refused_and_a_whole_one_read() -> None:
    assert cause_of(lambda: decode_json(b'{"a":"\\ud83d"}', "")) is Cause.MALFORMED_BODY
    assert decode_json(b'{"a":"\\ud83d\\ude00"}', "") == {"a": "\U0001f600"}


def test_a_number_of_any_length_does_no_harm() -> None:
    assert cause_of(lambda: decode_json(b'{"a":' + b"9" * 10_000 + b"}", "")) is Cause.MALFORMED_BODY
    assert decode_json(b'{"a":1e999}', "")["a"] == float("inf")


# -- multipart -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=x",
        'multipart/form-data; boundary="x"',
        "multipart/form-data;boundary=x",
        "multipart/form-data; BOUNDARY=x; charset=utf-8",
        "multipart/form-data; boundary=first; boundary=x",
        'multipart/form-data; boundary="first"; charset=utf-8; boundary="x"',
    ],
)
def test_of_several_boundaries_the_last_counts(content_type: str) -> None:
    assert decode_multipart(multipart({"a": "1"}, "x"), content_type) == {"a": "1"}


@pytest.mark.parametrize(
    ("content_type", "description"),
    [
        ("multipart/form-data", "The multipart body has no boundary."),
        ("multipart/form-data; boundary=", "The multipart body has no boundary."),
        ('multipart/form-data; boundary=""', "The multipart body has no boundary."),
        ("multipart/form-data; boundary=x; boundary=", "The multipart body has no boundary."),
        ("multipart/form-data; boundary=y", "The multipart body is malformed."),
        ("multipart/form-data; boundary=x; boundary=y", "The multipart body is malformed."),
    ],
)
@pytest.mark.security("VN-07")
def test_without_its_boundary_a_body_is_refused(content_type: str, description: str) -> None:
    with pytest.raises(Refusal) as refused:
        decode_multipart(multipart({"a": "1"}, "x"), content_type)
    assert refused.value.description == description


@pytest.mark.security("IN-07")
@pytest.mark.security("VN-07")
@pytest.mark.parametrize("parameter", ['filename="a"', "filename=a", 'filename=""', "filename*=UTF-8''a", 'FileName="a"'])
def test_a_file_is_refused(parameter: str) -> None:
    body = f'--x\r\nContent-Disposition: form-data; name="a"; {parameter}\r\n\r\n1\r\n--x--\r\n'.encode()
    assert cause_of(lambda: decode_multipart(body, "multipart/form-data; boundary=x")) is Cause.MALFORMED_BODY


@pytest.mark.security("IN-07")
def test_a_body_has_twenty_parts_and_no_more() -> None:
    assert len(decode_multipart(multipart({f"n{n}": "1" for n in range(20)}), CONTENT_TYPE)) == 20
    with pytest.raises(Refusal) as refused:
        decode_multipart(multipart({f"n{n}": "1" for n in range(21)}), CONTENT_TYPE)
    assert refused.value.description == "The request body has too many parts."


@pytest.mark.security("IN-07")
def test_what_stands_before_and_behind_the_parts_is_ignored_up_to_a_kilobyte() -> None:
    body = multipart({"a": "1"}, "x")
    assert decode_multipart(b"p" * 1022 + b"\r\n" + body + b"e" * 1000, "multipart/form-data; boundary=x") == {"a": "1"}
    for bent in (b"p" * 1025 + body, body + b"e" * 1025):
        assert cause_of(lambda bent=bent: decode_multipart(bent, "multipart/form-data; boundary=x")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now


def test_a_body_that_ends_early_is_refused_wherever_it_ends() -> None:
    body = multipart({"a": "1"}, "x").removesuffix(b"\r\n")
    for end in range(len(body)):
        assert cause_of(lambda end=end: decode_multipart(body[:end], "multipart/form-data; boundary=x")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now


def test_a_last_delimiter_that_begins_no_line_ends_nothing() -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1--x--\r\n'
    with pytest.raises(Refusal) as refused:
        decode_multipart(body, "multipart/form-data; boundary=x")
    assert refused.value.description == "The multipart body ends early."


def test_a_part_without_a_name_is_refused() -> None:
    for header in ("Content-Disposition: form-data", "Content-Type: text/plain", "Content-Disposition:"):
        body = f"--x\r\n{header}\r\n\r\n1\r\n--x--\r\n".encode()
        assert cause_of(lambda body=body: decode_multipart(body, "multipart/form-data; boundary=x")) is Cause.MALFORMED_BODY  # type: ignore[misc]  # bound now


# -- time ------------------------------------------------------------------------------------------------------------------------

KILOBYTES = 64 * 1024
HOSTILE: dict[str, Callable[[], object]] = {
    "a text that never ends, after brackets": lambda: decode_json(b"[" * 21 + b'"' + b'\\"' * 120_000, ""),
    "many texts that never end": lambda: decode_json(b"[" * 21 + b'"a' * 100_000, ""),
    "backslashes": lambda: decode_json(b"[" * 21 + b'"' + b"\\" * 200_000, ""),
    "brackets": lambda: decode_json(b"[" * 250_000, ""),
    "brackets and texts": lambda: decode_json(b'["[",' * 50_000, ""),
    "digits": lambda: decode_json(b'{"a":' + b"9" * 250_000 + b"}", ""),
    "members": lambda: decode_json(b"{" + b'"a":1,' * 40_000, ""),
    "ampersands": lambda: decode_urlencoded(b"&" * KILOBYTES, ""),
    "semicolons": lambda: decode_urlencoded(b"a;b=" * (KILOBYTES // 4), ""),
    "percent signs": lambda: decode_urlencoded(b"%" * KILOBYTES, ""),
    "equals signs": lambda: decode_urlencoded(b"=" * KILOBYTES, ""),
    "boundaries": lambda: decode_multipart(b"--x\r\n" * 12_000, "multipart/form-data; boundary=x"),
    "almost boundaries": lambda: decode_multipart(
        b'--xxxx\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"\r\n--xxx" * 8_000 + b"\r\n--xxxx--", "m; boundary=xxxx"
    ),
    "parameters of a part": lambda: decode_multipart(
        b"--x\r\nContent-Disposition: form-data" + b";a=b" * 15_000 + b"\r\n\r\n1\r\n--x--", "m; boundary=x"
    ),
    "a quoted name that never ends": lambda: decode_multipart(
        b'--x\r\nContent-Disposition: form-data; name="' + b'\\"' * 30_000 + b"\r\n\r\n1\r\n--x--", "m; boundary=x"
    ),
    "headers of a part": lambda: decode_multipart(b"--x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n1\r\n--x--", "m; boundary=x"),
    "boundary parameters": lambda: decode_multipart(b"x", "multipart/form-data" + ';boundary="' * 6_000),
    "spaces in the content type": lambda: decode_multipart(b"x", "multipart/form-data;" + " " * 60_000),
}


@pytest.mark.security("IN-06")
@pytest.mark.security("IN-07")
@pytest.mark.security("IN-09")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("read", [pytest.param(read, id=name.replace(" ", "-")) for name, read in HOSTILE.items()])
def test_no_body_takes_longer_than_its_size_deserves(read: Callable[[], object]) -> None:
    with bearable():
        read_or_refused(read)


def test_the_bounds_of_bodies_are_those_of_the_contract() -> None:
    assert MAXIMUM_BODY == {URLENCODED: 65_536, MULTIPART: 65_536, JSON: 262_144}
