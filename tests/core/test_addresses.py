"""Which addresses are the public internet's."""

import pytest

from app.core.addresses import is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1"),  # noqa: S104 (bound by nobody)
    *("::1", "::", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:1::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.security("AD-12")
@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_address_behind_a_firewall_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(address)


def test_what_is_no_address_is_told() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        is_public("localhost")
