"""The catalogue's signing keys."""

from app.models import SigningKey
from app.storage._shelf import Shelf, first


class SigningKeys(Shelf):
    """The keys that this server signs with: few, and never deleted, so that it stays known what they were."""

    def signing_keys(self) -> list[SigningKey]:
        """Return all signing keys, retired ones too, in the order of their coming into use."""
        return self._rows.find(SigningKey, order_by=["active_from", "kid"])

    def signing_key(self, kid: str) -> SigningKey | None:
        """Return a signing key by its name."""
        return first(self._rows.find(SigningKey, kid=kid))

    def add_signing_key(self, key: SigningKey) -> None:
        """Publish one more signing key."""
        self._rows.insert(key)

    def retire_signing_key(self, kid: str) -> bool:
        """Trust a signing key no more, and say whether it was trusted until now."""
        return self._rows.change(SigningKey, {"retired_at": self._clock.now()}, kid=kid, retired_at=None) == 1
