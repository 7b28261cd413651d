"""Which shops a client may act for."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, String, Table

from app.models.record import metadata


@dataclass(slots=True, kw_only=True)
class ClientShop:
    """A shop granted to a client."""

    table: ClassVar[Table] = Table(
        "client_shop",
        metadata,
        Column("client_id", String(200), ForeignKey("client.client_id", ondelete="CASCADE"), primary_key=True),
        Column("shop_id", String(22), ForeignKey("shop.id", ondelete="CASCADE"), primary_key=True, index=True),
    )

    client_id: str
    shop_id: str
