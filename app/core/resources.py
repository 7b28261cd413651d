"""Resource indicators: the URIs by which access tokens name whom they are for (RFC 8707 §2)."""

import re
from typing import Final

MAXIMUM_LENGTH: Final = 400
"""Characters of an indicator."""
MAXIMUM_RESOURCES: Final = 10
"""Of one request."""
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!$-;=?-Z_a-z~%\[\]@]+")
"""An absolute URI without a fragment, by the characters of RFC 3986 §2."""
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def resources_of(text: str) -> tuple[str, ...]:
    """Return the distinct indicators of a text in their order; spaces separate, for no URI holds one."""
    return tuple(dict.fromkeys(uri for uri in text.split(" ") if uri))


def is_resource(uri: str) -> bool:
    """Whether a text can name a resource: an absolute URI without a fragment (RFC 8707 §2), of at most 400 characters."""
    return len(uri) <= MAXIMUM_LENGTH and _URI.fullmatch(uri) is not None and _BAD_ESCAPE.search(uri) is None


def sought(text: str) -> tuple[str, ...]:
    """Return the indicators that are worth looking up; none of too many."""
    uris = resources_of(text)
    return tuple(filter(is_resource, uris)) if len(uris) <= MAXIMUM_RESOURCES else ()
