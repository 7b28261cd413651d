"""Which shops a person manages."""

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Column, ForeignKey, String, Table

from app.models.record import metadata


@dataclass(slots=True, kw_only=True)
class UserShop:
    """A shop that a person may let applications act for."""

    table: ClassVar[Table] = Table(
        "user_shop",
        metadata,
        Column("user_id", String(22), ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
        Column("shop_id", String(22), ForeignKey("shop.id", ondelete="CASCADE"), primary_key=True, index=True),
    )

    user_id: str
    shop_id: str
