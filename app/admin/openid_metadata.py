"""What a client of OpenID Connect may be registered with beside what every client may (OpenID Connect Registration §2)."""

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from app.admin.fields import Fields, Refused
from app.core.keys import Algorithm
from app.core.redirect_uris import redirect_uri_problem
from app.dialects.dialect import Dialect
from app.models import Client

MAXIMUM_AGE: Final = 10**9
"""Seconds."""
_HOST: Final = re.compile(r"[A-Za-z0-9.\-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")


def signature_algorithm(fields: Fields, key: str) -> str | None:
    """Return an algorithm that this server can sign with.

    Raises:
        Refused: it is another one.
    """
    algorithm = fields.text(key, 16)
    if not algorithm or algorithm in list(Algorithm):
        return algorithm
    reasons = {"none": "what nobody has signed proves nothing", "HS256": "it needs the client's secret, of which only a digest is kept"}
    reason = reasons.get(algorithm.replace("HS384", "HS256").replace("HS512", "HS256"))
    raise Refused(key, f"is one of {', '.join(Algorithm)}" + (f", and not {algorithm}: {reason}" if reason else ""))


def _subject_type(fields: Fields, key: str) -> str | None:
    subject_type = fields.text(key, 16)
    if subject_type and subject_type not in {"public", "pairwise"}:
        raise Refused(key, "is public or pairwise")
    return subject_type


def _https(fields: Fields, key: str) -> str | None:
    uri = fields.url(key)
    if uri and urlsplit(uri).scheme != "https":
        raise Refused(key, f"{uri}: must be an https address")
    return uri


def _logout_uri(fields: Fields, key: str) -> str | None:
    """Return an address that is told of logouts: https, or http on a machine's own addresses; it may have a query, and no fragment."""
    uri = fields.url(key)
    if not uri:
        return uri
    problem = redirect_uri_problem(uri)
    if problem is None and _HOST.fullmatch(urlsplit(uri).netloc) is None:
        problem = "its host holds a character that no host has"
    if problem is not None:
        raise Refused(key, f"{uri}: {problem}")
    return uri


_READERS: Final[Mapping[str, Callable[[Fields, str], object]]] = {
    "id_token_signed_response_alg": signature_algorithm,
    "userinfo_signed_response_alg": signature_algorithm,
    "subject_type": _subject_type,
    "sector_identifier_uri": _https,
    "default_max_age": lambda fields, key: fields.number(key, MAXIMUM_AGE),
    "require_auth_time": lambda fields, key: fields.flag(key),
    "backchannel_logout_uri": _logout_uri,
    "backchannel_logout_session_required": lambda fields, key: fields.flag(key),
    "frontchannel_logout_uri": _logout_uri,
    "frontchannel_logout_session_required": lambda fields, key: fields.flag(key),
}
OPENID_KEYS: Final = tuple(_READERS)


def declared_metadata(fields: Fields) -> dict[str, object]:
    """Read what is declared, each value by itself; an empty one takes a key away.

    Raises:
        Refused: with the first key that cannot be, and why.
    """
    return {key: read(fields, key) for key, read in _READERS.items()}


def check_metadata(client: Client, dialect: Dialect) -> None:
    """Check that a client's metadata fits its dialect and its redirect URIs.

    Raises:
        Refused: it does not.
    """
    said = next((key for key in OPENID_KEYS if key in client.extra), None)
    if said is not None and not dialect.speaks_openid:
        raise Refused(said, f"is of OpenID Connect, which the dialect {dialect.name} does not speak")
    _check_frontchannel(client)
    if client.is_pairwise and "sector_identifier_uri" not in client.extra:
        hosts = {urlsplit(uri).hostname for uri in client.redirect_uris}
        if len(hosts) != 1:
            raise Refused(
                "sector_identifier_uri",
                "is missing: subject_type = pairwise needs one host that stands for the client, and its redirect_uris have"
                f" {', '.join(sorted(map(str, hosts))) or 'none'}",
            )


def _check_frontchannel(client: Client) -> None:
    """Check that a page which browsers load is at an origin that the client has shown to be its own (Front-Channel Logout §2)."""
    uri = client.frontchannel_logout_uri
    if uri is not None and _origin(uri) not in {_origin(one) for one in client.redirect_uris}:
        raise Refused("frontchannel_logout_uri", f"{uri}: must have the scheme, host and port of one of the redirect_uris")


def _origin(uri: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(uri)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
