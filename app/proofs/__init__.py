"""Slow proofs, awaited between load and decision; each has bounds of its own so that no other request waits for it.

Beside them the one thing that is awaited after the commit: signatures.
"""

from app.proofs.gather import Gatherer
from app.proofs.key_keeper import KeyKeeper, check_signing_keys, sealed_key
from app.proofs.minter import Minter
from app.proofs.passwords import PasswordPool, hash_password, verify_password

__all__ = ["Gatherer", "KeyKeeper", "Minter", "PasswordPool", "check_signing_keys", "hash_password", "sealed_key", "verify_password"]
