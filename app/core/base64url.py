"""Bytes as text for addresses, headers and JSON."""

from base64 import urlsafe_b64encode


def base64url(raw: bytes) -> str:
    """Return bytes as base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
