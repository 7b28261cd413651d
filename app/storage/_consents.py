"""The catalogue's consents: what people allowed applications, and what those have of it."""

from dataclasses import dataclass
from datetime import datetime

from app.core.scopes import scopes_of
from app.models import Client, Consent, Grant, Shop, Token
from app.storage._shelf import Shelf, first
from app.storage._tables import among


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantedApp:
    """An application and what it may do for one person: by living grants, and by a remembered consent.

    ``granted_at`` is the latest time that the person allowed something, ``last_used_at`` the latest issue of a token or use of a
    refresh token. ``client_name`` and ``dialect`` are ``None`` where the client was removed.
    """

    client_id: str
    client_name: str | None
    dialect: str | None
    scopes: tuple[str, ...]
    shops: tuple[Shop, ...]
    granted_at: datetime
    last_used_at: datetime | None
    is_remembered: bool


class Consents(Shelf):
    """Consents by person and client, and the grants that came of them."""

    def consent(self, user_id: str, client_id: str) -> Consent | None:
        """Return what a person allowed a client before."""
        return first(self._rows.find(Consent, user_id=user_id, client_id=client_id))

    def consents_of(self, user_id: str) -> list[Consent]:
        """Return a person's consents by client."""
        return self._rows.find(Consent, user_id=user_id, order_by=["client_id"])

    def put_consent(self, user_id: str, client_id: str, scope: str) -> Consent:
        """Remember that a person allowed a client these scopes too, and return all that it has."""
        there = self.consent(user_id, client_id)
        scopes = dict.fromkeys((*scopes_of(there.scope if there else ""), *scopes_of(scope)))
        consent = Consent(user_id=user_id, client_id=client_id, scope=" ".join(scopes), granted_at=self._clock.now())
        self._put(consent, user_id=user_id, client_id=client_id)
        return consent

    def withdraw_consent(self, user_id: str, client_id: str) -> int:
        """Forget a person's consent to a client and revoke what they granted it; return how many grants were alive."""
        self._rows.remove(Consent, user_id=user_id, client_id=client_id)
        return self.revoke_grants(user_id=user_id, client_id=client_id)

    def withdraw_consents(self, user_id: str) -> int:
        """Forget all consents of a person and revoke all that they granted; return how many grants were alive."""
        self._rows.remove(Consent, user_id=user_id)
        return self.revoke_grants(user_id=user_id)

    def revoke_grants(self, *, client_id: str | None = None, user_id: str | None = None, shop_id: str | None = None) -> int:
        """Revoke all grants of a client, of a user, for a shop, or of those together that are named, and return how many were alive.

        Raises:
            ValueError: none is named.
        """
        named = {"client_id": client_id, "user_id": user_id, "shop_id": shop_id}
        whose = {name: value for name, value in named.items() if value is not None}
        if not whose:
            raise ValueError("whose grants: a client's, a user's, or those for a shop?")
        return self._rows.change(Grant, {"revoked_at": self._clock.now()}, revoked_at=None, **whose)

    def apps_of(self, user_id: str) -> list[GrantedApp]:
        """Return the applications that may do something for a person, the latest used first."""
        consents = {consent.client_id: consent for consent in self.consents_of(user_id)}
        alive = ("expires_at", self._clock.now())
        by = ("client_id", "scope", "shop_id")
        rows = self._rows.latest(Grant, by, ("created_at",), after=alive, user_id=user_id, revoked_at=None)
        client_ids = sorted({*consents, *(row[0] for row in rows)})
        clients = {client.client_id: client for client in self._rows.find(Client, client_id=client_ids)}
        shops = self._rows.find(Shop, id=[row[2] for row in rows if row[2] is not None], order_by=["code"]) if rows else []
        apps = [self._app(user_id, client_id, clients.get(client_id), consents.get(client_id), rows, shops) for client_id in client_ids]
        return sorted(apps, key=lambda app: app.last_used_at or app.granted_at, reverse=True)

    def _app(
        self,
        user_id: str,
        client_id: str,
        client: Client | None,
        consent: Consent | None,
        rows: list[tuple[str, str, str | None, datetime]],
        shops: list[Shop],
    ) -> GrantedApp:
        grants = [row for row in rows if row[0] == client_id]
        shop_ids = {row[2] for row in grants}
        scopes = " ".join([consent.scope if consent else "", *(row[1] for row in grants)])
        return GrantedApp(
            client_id=client_id,
            client_name=client.client_name if client else None,
            dialect=client.dialect if client else None,
            scopes=scopes_of(scopes),
            shops=tuple(shop for shop in shops if shop.id in shop_ids),
            granted_at=max([*([consent.granted_at] if consent else []), *(row[3] for row in grants)]),
            last_used_at=self._last_use(user_id, client_id) if grants else None,
            is_remembered=consent is not None,
        )

    def _last_use(self, user_id: str, client_id: str) -> datetime | None:
        grants = among(Grant, "id", user_id=user_id, client_id=client_id, revoked_at=None)
        (moments,) = self._rows.latest(Token, (), ("issued_at", "last_used_at"), grant_id=grants)
        return max((moment for moment in moments if moment is not None), default=None)
