"""A resource: an API that access tokens are for, known by its URI (RFC 8707 §2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Resource:
    """A resource. ``scope`` are the scopes that it knows, with spaces: a token for it holds one of them at least.

    ``introspection_client`` is the client by which the resource's server asks about tokens (RFC 7662 §2.1).
    """

    table: ClassVar[str] = "resource"

    uri: str
    name: str | None = None
    scope: str
    introspection_client: str | None = None
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None
