"""The catalogue's shops of people: which shops a person manages, and those for which a client may act as well."""

from app.models import Client, ClientShop, Shop, UserShop
from app.storage._shelf import Shelf
from app.storage._tables import among


class UserShops(Shelf):
    """Shops by person."""

    def user_shops(self, user_id: str) -> list[Shop]:
        """Return the shops that a person manages, by dialect and code."""
        return self._rows.find(Shop, id=among(UserShop, "shop_id", user_id=user_id), order_by=["dialect", "code"])

    def managed_shops(self, user_id: str, client_id: str) -> list[Shop]:
        """Return the shops that a person manages and a client may act for, by code: of its dialect, granted to it and enabled."""
        granted = among(ClientShop, "shop_id", client_id=client_id)
        return self._rows.find(
            Shop,
            id=among(UserShop, "shop_id", user_id=user_id, shop_id=granted),
            dialect=among(Client, "dialect", client_id=client_id),
            disabled_at=None,
            order_by=["code"],
        )

    def grant_user_shop(self, user_id: str, shop_id: str) -> bool:
        """Let a person manage a shop, and say whether they did not yet."""
        if self._rows.find(UserShop, user_id=user_id, shop_id=shop_id):
            return False
        self._rows.insert(UserShop(user_id=user_id, shop_id=shop_id))
        return True

    def withdraw_user_shop(self, user_id: str, shop_id: str) -> bool:
        """Let a person no longer manage a shop, and say whether they did. What they granted for it is not revoked."""
        return self._rows.remove(UserShop, user_id=user_id, shop_id=shop_id) == 1
