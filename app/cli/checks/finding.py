"""What a check has found."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Whether something is to be done."""

    OK = "ok"
    HINT = "hint"
    """Worth knowing, and wrong only for those whom it concerns."""
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One sentence about one thing; ``check`` is its name, for programs."""

    check: str
    verdict: Verdict
    text: str


def ok(check: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(check, Verdict.OK, text)


def hint(check: str, text: str) -> Finding:
    """Return what is worth knowing."""
    return Finding(check, Verdict.HINT, text)


def problem(check: str, text: str) -> Finding:
    """Return what is wrong, and what to do about it."""
    return Finding(check, Verdict.PROBLEM, text)
