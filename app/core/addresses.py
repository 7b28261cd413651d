"""Network addresses: which of them are the public internet's, and which somebody could reach only from where this server stands."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
"""IPv6 addresses behind which a gateway reaches IPv4 ones (RFC 6052 §2.1)."""
_COMPATIBLE: Final = 2**32
"""Below it lie the unspecified address, the loopback address, and what was once meant for IPv4 (RFC 4291 §2.5.5.1)."""


def is_public(text: str) -> bool:
    """Whether an address is one of the public internet, also where it stands for an IPv4 address in one of the ways that there are."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is not None:
            return is_public(str(inner))
        if int(address) < _COMPATIBLE or address.sixtofour or address.teredo or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) % _COMPATIBLE)
    return address.ipv4_mapped
