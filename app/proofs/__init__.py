"""Slow proofs, awaited between load and decision; each has bounds of its own so that no other request waits for it.

Beside them what is awaited after the commit: signatures, and word to clients.
"""

from app.proofs.client_keys import ClientKeys
from app.proofs.gather import Gatherer
from app.proofs.hints import Hint, IdTokenHints
from app.proofs.key_keeper import KeyKeeper, check_signing_keys, sealed_key
from app.proofs.minter import Minter
from app.proofs.notifier import Notifier
from app.proofs.passwords import PasswordPool, hash_password, verify_password
from app.proofs.remote import Remote

__all__ = [
    "ClientKeys",
    "Gatherer",
    "Hint",
    "IdTokenHints",
    "KeyKeeper",
    "Minter",
    "Notifier",
    "PasswordPool",
    "Remote",
    "check_signing_keys",
    "hash_password",
    "sealed_key",
    "verify_password",
]
