"""A shop: the partner's own unit (a store, a merchant, a tenant) that a token may act for."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from sqlalchemy import Column, String, Table, UniqueConstraint

from app.models.record import UtcDateTime, metadata


@dataclass(slots=True, kw_only=True)
class Shop:
    """A shop of one dialect; ``code`` is the partner's name for it, unique within the dialect."""

    table: ClassVar[Table] = Table(
        "shop",
        metadata,
        Column("id", String(22), primary_key=True),
        Column("dialect", String(64), nullable=False),
        Column("code", String(200), nullable=False),
        Column("name", String(200)),
        Column("created_at", UtcDateTime, nullable=False),
        Column("disabled_at", UtcDateTime),
        UniqueConstraint("dialect", "code"),
    )

    id: str
    dialect: str
    code: str
    name: str | None = None
    created_at: datetime
    disabled_at: datetime | None = None
