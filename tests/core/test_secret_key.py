"""One secret key, and a key of its own for each purpose."""

import pytest

from app.core.secret_key import SecretKey

KEY = SecretKey("0123456789abcdef" * 4)


def test_each_purpose_has_a_key_of_its_own_and_always_the_same() -> None:
    keys = {purpose: KEY.derive(purpose) for purpose in (b"pending", b"csrf", b"totp", b"device cookies..")}
    assert len(set(keys.values())) == 4
    assert {len(key) for key in keys.values()} == {32}
    assert keys == {purpose: SecretKey(KEY.text).derive(purpose) for purpose in keys}
    assert SecretKey("f" * 64).derive(b"csrf") != keys[b"csrf"]


@pytest.mark.parametrize("purpose", [b"", b"seventeen letters"])
def test_a_purpose_is_a_short_word(purpose: bytes) -> None:
    with pytest.raises(ValueError, match=r"purpose|maximum"):
        KEY.derive(purpose)


@pytest.mark.security("LO-01")
def test_the_key_is_not_shown() -> None:
    assert KEY.text not in repr(KEY)
