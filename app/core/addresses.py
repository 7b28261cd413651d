"""Network addresses: which of them are the public internet's, and which somebody could reach only from where this server stands."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv6 addresses behind which a gateway reaches IPv4 ones (RFC 6052 §2.1)."""
_COMPATIBLE: Final = 2**32
_UNICAST: Final = IPv6Network("2000::/3")
"""All that is given out of IPv6 (RFC 4291 §2.4). Beside it lie loopback, local networks, and further ways to write IPv4 addresses."""
_SET_APART: Final = (IPv4Network("192.0.0.0/24"), IPv6Network("3fff::/20"))
"""What Python came to know as special in a later version than the oldest that we run on (RFC 6890 §2.2.2, RFC 9637)."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, also where it stands for an IPv4 address in one of the ways that there are."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(str(inner))
        if address not in _UNICAST or address.sixtofour or address.teredo:
            return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _SET_APART)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) % _COMPATIBLE)
    return address.ipv4_mapped


def network_of(address: str) -> str:
    """Return what one party is sure to have to itself: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 6:  # noqa: PLR2004 (the protocol's number)
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return address
