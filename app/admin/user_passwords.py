"""Passwords that an operator sets: proved before the transaction that stores them, since hashing is slow on purpose."""

import asyncio
from dataclasses import dataclass, field

from app.admin.fields import Fields, Refused
from app.admin.operator import Overtaken, Rules
from app.core.passwords import MAXIMUM_LENGTH, password_problem
from app.models import User
from app.proofs.passwords import MAXIMUM_HASH, hash_password, hash_problem, verify_password


def check_password(password: str) -> None:
    """Check a new password.

    Raises:
        Refused: it is too short or too long.
    """
    problem = password_problem(password)
    if problem is not None:
        raise Refused("password", problem)


def declared_hash(fields: Fields) -> str | None:
    """Read the hash of a password, which stands in the password's place.

    Raises:
        Refused: it is none, or stands beside a password.
    """
    password_hash = fields.text("password_hash", MAXIMUM_HASH)
    if password_hash is None:
        return None
    problem = hash_problem(password_hash, light=True)
    if problem is not None:
        raise Refused("password_hash", problem)
    if fields.text("password", MAXIMUM_LENGTH) is not None:
        raise Refused("password_hash", "stands beside a password: declare one of the two")
    return password_hash


def check_hash(rules: Rules, password_hash: str, proof: "Proof | None") -> None:
    """Check that a declared hash may be somebody's.

    Raises:
        Refused: it was made too cheaply, or the password is a published one.
    """
    problem = hash_problem(password_hash, light=rules.light_passwords)
    if problem is not None:
        raise Refused("password_hash", problem)
    if proof is not None and proof.is_published:
        raise Refused("password_hash", "is that of a published demo password: choose another password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A declared password against the hash that was stored: ``password_hash`` is that one where it is the same password.

    ``is_published`` tells of a declared hash that it is that of a published password.
    """

    seen: str | None = field(repr=False)
    password_hash: str = field(repr=False)
    is_published: bool = False

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


async def prove_hash(rules: Rules, password_hash: str, seen: str | None) -> Proof:
    """Find out, in a thread, whether a declared hash is that of a published password; one that is stored already is not asked about."""
    if password_hash == seen or hash_problem(password_hash, light=rules.light_passwords) is not None:
        return Proof(seen=seen, password_hash=password_hash)
    known = [await asyncio.to_thread(verify_password, password_hash, password) for password in rules.known_passwords]
    return Proof(seen=seen, password_hash=password_hash, is_published=any(known))
