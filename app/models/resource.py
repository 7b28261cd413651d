"""A resource: an API that access tokens are for, known by its URI (RFC 8707 §2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, String, Table, Text

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class Resource:
    """A resource. ``scope`` are the scopes that it knows, with spaces: a token for it holds one of them at least.

    ``introspection_client`` is the client by which the resource's server asks about tokens (RFC 7662 §2.1).
    """

    table: ClassVar[Table] = Table(
        "resource",
        metadata,
        Column("uri", String(400), primary_key=True),
        Column("name", String(200)),
        Column("scope", Text, nullable=False),
        Column("introspection_client", String(200), ForeignKey("client.client_id", ondelete="SET NULL"), index=True),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("disabled_at", UtcDateTime),
    )

    uri: str
    name: str | None = None
    scope: str
    introspection_client: str | None = None
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None
