"""Which shops a person manages."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class UserShop:
    """A shop that a person may let applications act for."""

    table: ClassVar[str] = "user_shop"

    user_id: str
    shop_id: str
