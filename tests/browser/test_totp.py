"""Codes of authenticator apps against the RFC's own vectors, and the sealing of their secrets."""

from base64 import b32encode
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from app.browser.pages import Pages
from app.browser.samples import frame
from app.browser.totp import TotpSecrets, is_code, new_secret, normal_code, provisioning_uri, step_of
from app.browser.views import TotpPage

SECRET: Final = b32encode(b"12345678901234567890").decode()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.rfc("6238", "B")
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert step_of(SECRET, code, at(seconds)) == seconds // 30


def test_one_step_either_way_is_near() -> None:
    steps = [step_of(SECRET, "050471", at(1111111111 + away * 30)) for away in (-2, -1, 0, 1, 2)]
    assert steps == [None, 37037037, 37037037, 37037037, None]


def test_what_is_no_code_is_none() -> None:
    assert [is_code(normal_code(text)) for text in ("050471", " 050 471\u3000", "\uff10\uff15\uff10471")] == [True] * 3
    assert [is_code(normal_code(text)) for text in ("", "05047", "0504711", "05047x", "\u0660" * 6, "050-471", "0" * 9999)] == [False] * 7


def test_a_secret_is_long_and_new() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert {len(new_secret()) for _ in range(10)} == {32}


@pytest.mark.parametrize("name", ["alice", "a:b/c?d&e=f", "爱丽丝", "😀" * 200])
def test_any_name_fits_into_the_picture(name: str) -> None:
    uri = provisioning_uri(SECRET, name, name)
    assert parse_qs(urlsplit(uri).query) == {"secret": [SECRET], "issuer": [name[:60]]}
    assert "svg" in Pages().render(TotpPage(person=name, uri=uri, secret=SECRET), frame("zh"))


def test_a_sealed_secret_is_of_one_person_and_one_key() -> None:
    secrets, other = TotpSecrets(b"k" * 32), TotpSecrets(b"o" * 32)
    sealed = secrets.seal("alice", SECRET)
    assert SECRET.encode() not in sealed
    assert sealed != secrets.seal("alice", SECRET)
    assert secrets.open("alice", sealed) == SECRET
    assert secrets.open("bob", sealed) is None
    assert other.open("alice", sealed) is None
    assert [secrets.open("alice", bent) for bent in (b"", b"short", sealed[:-1], sealed[:-1] + b"\x00")] == [None] * 4
