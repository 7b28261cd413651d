"""What a client may be registered with of its access tokens, and of what it is told about tokens (RFC 8707, RFC 9068, RFC 9701)."""

from typing import Final

from app.admin.fields import Fields, Refused
from app.admin.openid_metadata import signature_algorithm
from app.admin.operator import Desk
from app.admin.resources import resource_uri
from app.core.resources import MAXIMUM_LENGTH, MAXIMUM_RESOURCES
from app.dialects.dialect import Dialect
from app.models import Client

_FORMATS: Final = ("opaque", "jwt")
_OF_STANDARD: Final = ("access_token_format", "access_token_signed_response_alg", "default_resources")
"""Keys that only clients of a dialect have whose requests can name resources."""
TOKEN_KEYS: Final = (*_OF_STANDARD, "introspection_signed_response_alg")


def declared_token_metadata(fields: Fields) -> dict[str, object]:
    """Read what is declared, each value by itself; an empty one takes a key away.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    return {
        "access_token_format": _format(fields),
        "access_token_signed_response_alg": signature_algorithm(fields, "access_token_signed_response_alg"),
        "introspection_signed_response_alg": signature_algorithm(fields, "introspection_signed_response_alg"),
        "default_resources": _resources(fields),
    }


def _format(fields: Fields) -> str | None:
    text = fields.text("access_token_format", 16)
    if text and text not in _FORMATS:
        raise Refused("access_token_format", f"is {' or '.join(_FORMATS)}")
    return text


def _resources(fields: Fields) -> list[str] | None:
    uris = fields.spaced("default_resources", MAXIMUM_LENGTH)
    if uris is not None and len(uris) > MAXIMUM_RESOURCES:
        raise Refused("default_resources", f"has more than {MAXIMUM_RESOURCES} entries")
    return None if uris is None else [resource_uri("default_resources", uri) for uri in uris]


def check_token_metadata(client: Client, dialect: Dialect) -> None:
    """Check that a client's metadata fits its dialect.

    Raises:
        Refused: it does not.
    """
    said = next((key for key in _OF_STANDARD if key in client.extra), None)
    if said is not None and not dialect.speaks_openid:
        raise Refused(said, f"is for clients of the standard server: tokens of the dialect {dialect.name} are as its document says")


def check_resources(desk: Desk, client: Client) -> None:
    """Check that the default resources of a client are there.

    Raises:
        Refused: one is not.
    """
    known = desk.catalog.resources_among(client.default_resources)
    lacking = next((uri for uri in client.default_resources if uri not in known), None)
    if lacking is not None:
        raise Refused("default_resources", f"there is no resource {lacking}")
