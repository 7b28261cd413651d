"""A shop: the partner's own unit (a store, a merchant, a tenant) that a token may act for."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class Shop:
    """A shop of one dialect; ``code`` is the partner's name for it, unique within the dialect."""

    table: ClassVar[str] = "shop"

    id: str
    dialect: str
    code: str
    name: str | None = None
    created_at: datetime
    disabled_at: datetime | None = None
