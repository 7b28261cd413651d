"""How a client names itself on the wire: HTTP Basic, the body, or a bearer token."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from app.core.causes import Cause
from app.messages import CLIENT_ASSERTION, Credentials, Refusal

MAXIMUM_CLIENT_ID: Final = 200
"""Characters; a longer one names no client, and is neither looked up nor counted."""
MAXIMUM_ASSERTION: Final = 16 * 1024
"""Characters of a client's JWT; a longer one is not even taken apart."""
JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""The only type of assertion that is understood (RFC 7523 §2.2)."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _form_decoded(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    return raw.decode("utf-8")


def is_basic(authorization: str) -> bool:
    """Whether an Authorization header tries HTTP Basic, however badly."""
    return authorization.partition(" ")[0].lower() == "basic"


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """Return the client_id and secret of an ``Authorization: Basic`` header, or ``None`` where it is of another scheme.

    Both are form-decoded (RFC 6749 §2.3.1), so a raw ``+`` is a space.

    Raises:
        Refusal: the header is Basic but malformed.
    """
    if not is_basic(authorization):
        return None
    try:
        client_id, colon, secret = base64.b64decode(authorization[len("Basic ") :].strip(), validate=True).partition(b":")
        decoded = _form_decoded(client_id), _form_decoded(secret)
    except (binascii.Error, ValueError):
        raise Refusal(Cause.INVALID_CLIENT, detail="malformed Basic credentials") from None
    if not colon or not decoded[0] or _CONTROL.search("".join(decoded)):
        raise Refusal(Cause.INVALID_CLIENT, detail="malformed Basic credentials")
    return decoded


def client_credentials(authorization: str | None, body: Mapping[str, str], id_name: str, secret_name: str) -> Credentials:
    """Return how the client names itself by header or body.

    Raises:
        Refusal: the header is malformed, the name is no client's, or header and body disagree (RFC 6749 §2.3: one method per request).
    """
    credentials = _credentials(authorization, body.get(id_name), body.get(secret_name))
    if credentials.client_id is not None and len(credentials.client_id) > MAXIMUM_CLIENT_ID:
        raise Refusal(Cause.INVALID_CLIENT, detail="the client_id is too long to be one")
    return credentials


def _credentials(authorization: str | None, client_id: str | None, secret: str | None) -> Credentials:
    basic = basic_credentials(authorization) if authorization else None
    if basic is None:
        return Credentials(client_id, secret, "client_secret_post" if secret else "none")
    if secret is not None:
        raise Refusal(Cause.CONFLICTING_CREDENTIALS)
    if client_id is not None and client_id != basic[0]:
        raise Refusal(Cause.CONFLICTING_CREDENTIALS, "The client_id differs from the one of the Authorization header.")
    return Credentials(basic[0], basic[1] or None, "client_secret_basic")


def asserted_credentials(
    authorization: str | None, body: Mapping[str, str], names: Mapping[str, str], paths: tuple[str, ...]
) -> Credentials:
    """Return how the client names itself by an assertion (RFC 7521 §4.2, RFC 7523 §2.2); ``names`` are those of the parameters.

    Who it is is read from what nobody has checked yet: it only says whose keys are to check it.

    Raises:
        Refusal: the assertion is of another type or no JWT, the client names itself in another way beside it, or as somebody else.
    """
    assertion, kind = body.get(names["client_assertion"]), body.get(names["client_assertion_type"])
    if assertion is None or kind is None:
        lacking = names["client_assertion" if assertion is None else "client_assertion_type"]
        raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {lacking} is missing.")
    if names["client_secret"] in body or (authorization and is_basic(authorization)):
        raise Refusal(Cause.CONFLICTING_CREDENTIALS)
    if kind != JWT_BEARER:
        raise Refusal(Cause.INVALID_CLIENT, f"The only client_assertion_type here is {JWT_BEARER}.")
    client_id = _asserted_id(assertion)
    if client_id is None:
        raise Refusal(Cause.INVALID_CLIENT, "The client_assertion is no JWT whose sub is a client_id.")
    if body.get(names["client_id"], client_id) != client_id:
        raise Refusal(Cause.INVALID_CLIENT, "The client_id differs from the sub of the client_assertion.")
    return Credentials(client_id, None, CLIENT_ASSERTION, assertion, paths)


def _asserted_id(assertion: str) -> str | None:
    """Return the ``sub`` of a JWT that nobody has checked, or ``None``."""
    if len(assertion) > MAXIMUM_ASSERTION or not assertion.isascii() or assertion.count(".") != 2:  # noqa: PLR2004 (of three parts)
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
    except (ValueError, RecursionError):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) and 0 < len(subject) <= MAXIMUM_CLIENT_ID and not _CONTROL.search(subject) else None


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (RFC 6750 §2.1), or ``None``."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token and not _CONTROL.search(token) else None
