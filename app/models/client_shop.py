"""Which shops a client may act for."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True, kw_only=True)
class ClientShop:
    """A shop granted to a client."""

    table: ClassVar[str] = "client_shop"

    client_id: str
    shop_id: str
