"""Slow proofs, awaited between load and decision; each has bounds of its own so that no other request waits for it."""

from app.proofs.gather import Gatherer
from app.proofs.passwords import PasswordPool, hash_password, verify_password

__all__ = ["Gatherer", "PasswordPool", "hash_password", "verify_password"]
