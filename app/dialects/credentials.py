"""How a client names itself on the wire: HTTP Basic, the body, or a bearer token."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from app.core.causes import Cause
from app.messages import Credentials, Refusal

MAXIMUM_CLIENT_ID: Final = 200
"""Characters; a longer one names no client, and is neither looked up nor counted."""
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


def bearer_token(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header (RFC 6750 §2.1), or ``None``."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token and " " not in token and not _CONTROL.search(token) else None
