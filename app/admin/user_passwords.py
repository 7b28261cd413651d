"""Passwords that an operator sets: proved before the transaction that stores them, since hashing is slow on purpose."""

import asyncio
from dataclasses import dataclass, field

from app.admin.fields import Refused
from app.admin.operator import Overtaken, Rules
from app.core.passwords import password_problem
from app.models import User
from app.proofs.passwords import hash_password, verify_password


def check_password(password: str) -> None:
    """Check a new password.

    Raises:
        Refused: it is too short or too long.
    """
    problem = password_problem(password)
    if problem is not None:
        raise Refused("password", problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A declared password against the hash that was stored: ``password_hash`` is that one where it is the same password."""

    seen: str | None = field(repr=False)
    password_hash: str = field(repr=False)

    def settle(self, user: User | None) -> str:
        """Return the hash to store.

        Raises:
            Mistake: the stored one is not what was seen any more.
        """
        if user is not None and user.password_hash != self.seen:
            raise Overtaken(f"the password of {user.username} was changed by somebody else just now: look, and try again")
        return self.password_hash


async def prove(rules: Rules, password: str, seen: str | None, *, anew: bool = False) -> Proof:
    """Check a password against the stored hash, in a thread, and hash it where it is another; ``anew`` always hashes it."""
    if seen is not None and not anew and await asyncio.to_thread(verify_password, seen, password):
        return Proof(seen=seen, password_hash=seen)
    return Proof(seen=seen, password_hash=await asyncio.to_thread(hash_password, password, light=rules.light_passwords))
