"""What a check of a password costs, counted where it is done."""

from typing import NamedTuple

import pytest
from argon2 import extract_parameters

from app.proofs import passwords


class Hashing(NamedTuple):
    """One check of a password against a hash: by these its time is given, whatever the password."""

    memory_cost: int
    time_cost: int
    parallelism: int


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[Hashing]:
    """Every check of a password in this process, as it comes; each is done nevertheless."""
    seen: list[Hashing] = []
    verify = passwords.verify_password

    def counted(password_hash: str, password: str) -> bool:
        cost = extract_parameters(password_hash)
        seen.append(Hashing(cost.memory_cost, cost.time_cost, cost.parallelism))
        return verify(password_hash, password)

    monkeypatch.setattr(passwords, "verify_password", counted)
    return seen
