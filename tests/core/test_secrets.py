import hashlib
import os
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.secrets import Encoding, SecretFormat, attempt_key, derive_key, digest, new_id, seal, unseal

KEY = bytes(range(32))


@pytest.mark.security("CD-07")
@pytest.mark.parametrize(
    ("encoding", "size", "pattern"),
    [
        ("urlsafe", 16, r"[A-Za-z0-9_-]{22}"),
        ("urlsafe", 32, r"[A-Za-z0-9_-]{43}"),
        ("hex", 16, r"[0-9a-f]{32}"),
        ("hex", 20, r"[0-9a-f]{40}"),
        ("HEX", 16, r"[0-9A-F]{32}"),
        ("hex", 5000, r"[0-9a-f]{10000}"),
    ],
)
def test_a_value_is_spelt_in_its_format(encoding: Encoding, size: int, pattern: str) -> None:
    values = {SecretFormat(encoding, size).generate() for _ in range(300)}
    assert len(values) == 300
    assert all(re.fullmatch(pattern, value) for value in values)


@pytest.mark.rfc("6749", "10.10")
@pytest.mark.security("CD-07")
def test_a_format_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 random bytes, not 15"):
        SecretFormat("hex", 15)


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no encoding is called 'base85': there are urlsafe, hex, HEX"):
        SecretFormat("base85")  # type: ignore[arg-type]  # what is tested


@pytest.mark.security("CD-07")
def test_no_byte_is_handed_out_twice_whatever_thread_asks() -> None:
    found: list[str] = []

    def draw() -> None:
        found.extend(new_id() for _ in range(2000))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_draws_its_own_values() -> None:
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(new_id() for _ in range(100)).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    theirs = {text[start : start + 22] for start in range(0, len(text), 22)}
    assert len(theirs) == 100
    assert theirs.isdisjoint({new_id() for _ in range(100)})


def test_an_id_has_22_url_safe_characters() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", new_id())


@pytest.mark.security("AT-01")
@given(st.text())
def test_a_digest_is_the_sha_256_of_any_text(secret: str) -> None:
    assert digest(secret) == hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def test_even_half_a_surrogate_pair_has_a_digest() -> None:
    assert len(digest("\ud800")) == 32


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_no_two_lists_of_parts_share_a_counter(one: list[str], other: list[str]) -> None:
    assert (attempt_key(*one) == attempt_key(*other)) == (one == other)


def test_where_the_parts_are_cut_makes_a_difference() -> None:
    assert (
        len({attempt_key("a", "bc"), attempt_key("ab", "c"), attempt_key("abc"), attempt_key("a", "b", "c"), attempt_key("1:a", "bc")}) == 5
    )


def test_a_derived_key_depends_on_the_secret_and_the_purpose() -> None:
    keys = {derive_key("secret", b"one"), derive_key("secret", b"other"), derive_key("Secret", b"one")}
    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3
    assert derive_key("secret", b"one") in keys


@given(st.binary(max_size=200))
def test_what_is_sealed_is_opened_by_its_key(plain: bytes) -> None:
    assert unseal(KEY, seal(KEY, plain)) == plain


def test_the_same_plain_text_is_never_sealed_alike() -> None:
    assert seal(KEY, b"the same") != seal(KEY, b"the same")


@given(st.binary(max_size=80), st.integers(min_value=0, max_value=200), st.integers(min_value=1, max_value=255))
def test_what_was_changed_by_one_bit_or_cut_is_not_opened(plain: bytes, place: int, change: int) -> None:
    sealed = bytearray(seal(KEY, plain))
    place %= len(sealed)
    assert unseal(KEY, bytes(sealed[:place])) is None
    sealed[place] ^= change
    assert unseal(KEY, bytes(sealed)) is None
    assert unseal(bytes(32), seal(KEY, plain)) is None
