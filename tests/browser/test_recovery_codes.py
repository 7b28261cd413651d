"""Recovery codes: how they are spelt, and what is taken for the same."""

import pytest

from app.browser.recovery_codes import code_hash, new_codes


def test_codes_are_many_and_unlike_any_other() -> None:
    codes = [code for _ in range(50) for code in new_codes()]
    assert len(set(codes)) == 500
    assert {len(code) for code in codes} == {19}
    assert not set("".join(codes)) & set("ilouILOU")


@pytest.mark.parametrize(
    "typed", ["k7f0-1m2x-q0wz-9a1b", " K7F0 1M2X Q0WZ 9A1B ", "k7fo-lm2x-qOwz-9aIb", "k7f01m2xq0wz9a1b", "\uff4b7f0-1m2x-q0wz-9a1b"]
)
def test_spelling_does_not_matter(typed: str) -> None:
    assert code_hash("alice", typed) == code_hash("alice", "k7f0-1m2x-q0wz-9a1b")


def test_a_digest_is_of_one_person_and_one_code() -> None:
    code = new_codes()[0]
    digests = {
        code_hash("alice", code),
        code_hash("bob", code),
        code_hash("alice", code[:-1]),
        code_hash("alice", ""),
        code_hash("alic", f"e{code}"),
    }
    assert len(digests) == 5
    assert {len(digest) for digest in digests} == {32}
    assert code_hash("alice", "x" * 10**6)
