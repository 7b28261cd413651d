"""The catalogue's second factors: authenticator apps, passkeys and recovery codes."""

from collections.abc import Iterable

from app.models import Passkey, RecoveryCode, Totp, User
from app.storage._shelf import Shelf, first


class SecondFactors(Shelf):
    """What people prove themselves by beside or instead of a password. Whatever is good once is spent by one conditional statement."""

    # Authenticator apps

    def totp(self, user_id: str) -> Totp | None:
        """Return a person's authenticator app, confirmed or not."""
        return first(self._rows.find(Totp, user_id=user_id))

    def put_totp(self, user_id: str, secret_sealed: bytes) -> bool:
        """Store the secret of an authenticator app to be confirmed, in place of an unconfirmed one; false where one is confirmed."""
        there = self.totp(user_id)
        if there is not None and there.confirmed_at is not None:
            return False
        self._put(Totp(user_id=user_id, secret_sealed=secret_sealed), user_id=user_id)
        return True

    def confirm_totp(self, totp: Totp, step: int) -> bool:
        """Let an authenticator app count, by the time step of its first right code, and demand a second factor from now on.

        False where it was replaced or confirmed meanwhile.
        """
        now = self._clock.now()
        values = {"confirmed_at": now, "last_step": step}
        key = {"user_id": totp.user_id, "secret_sealed": totp.secret_sealed, "confirmed_at": None}
        if self._rows.change(Totp, values, **key) != 1:
            return False
        self._rows.change(User, {"second_factor_at": now, "updated_at": now}, id=totp.user_id, second_factor_at=None)
        return True

    def spend_totp_step(self, user_id: str, step: int) -> bool:
        """Spend the time step of a right code; false where it, or a later one, was spent before (RFC 6238 §5.2)."""
        totp = self.totp(user_id)
        if totp is None or totp.confirmed_at is None or (totp.last_step is not None and totp.last_step >= step):
            return False
        key = {"user_id": user_id, "secret_sealed": totp.secret_sealed, "last_step": totp.last_step}
        return self._rows.change(Totp, {"last_step": step}, **key) == 1

    def remove_totp(self, user_id: str) -> bool:
        """Forget an authenticator app with its recovery codes, demand no second factor any more, and say whether there was one."""
        removed = self._rows.remove(Totp, user_id=user_id) == 1
        self._rows.remove(RecoveryCode, user_id=user_id)
        self._demand_none(user_id)
        return removed

    def reset_second_factor(self, user_id: str) -> bool:
        """Forget all that a person has beside a password, demand no second factor any more, and say whether there was anything."""
        removed = self._rows.remove(Passkey, user_id=user_id)
        return self.remove_totp(user_id) or removed > 0

    def _demand_none(self, user_id: str) -> None:
        self._rows.change(User, {"second_factor_at": None, "updated_at": self._clock.now()}, id=user_id)

    # Recovery codes

    def put_recovery_codes(self, user_id: str, hashes: Iterable[bytes]) -> None:
        """Give a person new recovery codes, in place of all earlier ones."""
        self._rows.remove(RecoveryCode, user_id=user_id)
        for code_hash in hashes:
            self._rows.insert(RecoveryCode(user_id=user_id, code_hash=code_hash))

    def recovery_codes_of(self, user_id: str) -> list[RecoveryCode]:
        """Return a person's recovery codes, used and unused."""
        return self._rows.find(RecoveryCode, user_id=user_id, order_by=["code_hash"])

    def spend_recovery_code(self, user_id: str, code_hash: bytes) -> bool:
        """Spend a recovery code; false where there is none, or it was used before."""
        used = {"used_at": self._clock.now()}
        return self._rows.change(RecoveryCode, used, user_id=user_id, code_hash=code_hash, used_at=None) == 1

    # Passkeys

    def passkey(self, credential_id: bytes) -> tuple[Passkey, User] | None:
        """Return a passkey and whose it is; ``None`` also where they are disabled."""
        passkey = first(self._rows.find(Passkey, credential_id=credential_id))
        user = first(self._rows.find(User, id=passkey.user_id, disabled_at=None)) if passkey is not None else None
        return None if passkey is None or user is None else (passkey, user)

    def passkeys_of(self, user_id: str) -> list[Passkey]:
        """Return a person's passkeys, the oldest first."""
        return self._rows.find(Passkey, user_id=user_id, order_by=["created_at", "credential_id"])

    def add_passkey(self, passkey: Passkey) -> bool:
        """Store a passkey; false where its credential is known already, whoever has it (WebAuthn §7.1)."""
        if self._rows.find(Passkey, credential_id=passkey.credential_id):
            return False
        self._rows.insert(passkey)
        return True

    def use_passkey(self, passkey: Passkey, sign_count: int) -> bool:
        """Note a use and the authenticator's count; false where the passkey was used or removed since it was read.

        Also false where the count did not grow, which tells of a copy (WebAuthn §6.1.1); an authenticator that never counts says 0.
        """
        if (sign_count or passkey.sign_count) and sign_count <= passkey.sign_count:
            return False
        values = {"sign_count": sign_count, "last_used_at": self._clock.now()}
        return self._rows.change(Passkey, values, credential_id=passkey.credential_id, sign_count=passkey.sign_count) == 1

    def rename_passkey(self, user_id: str, credential_id: bytes, name: str) -> bool:
        """Give a person's passkey another name, and say whether it is there."""
        return self._rows.change(Passkey, {"name": name}, user_id=user_id, credential_id=credential_id) == 1

    def remove_passkey(self, user_id: str, credential_id: bytes) -> bool:
        """Forget a person's passkey, and say whether it was there."""
        return self._rows.remove(Passkey, user_id=user_id, credential_id=credential_id) == 1
