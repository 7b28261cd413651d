"""A client's assertion that was used (RFC 7523 §3), so that it is used once."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class UsedAssertion:
    """A used assertion under the digest of its client and its ``jti``. From ``expires_at`` on the assertion itself is dead."""

    table: ClassVar[str] = "used_assertion"

    key: bytes
    expires_at: datetime
