"""Faults on demand: which exchanges go wrong, how often and in which way."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.causes import Cause
from app.core.mistakes import Taken

_MAXIMUM = 100


class FaultKind(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"
    """The door answers an error of its dialect: the one that ``cause`` has there."""
    STATUS = "status"
    """An answer of this ``status`` that no door made, as a proxy in front would give it."""
    LATENCY = "latency"
    """The answer is right, and comes ``seconds`` late."""
    SLOW_BODY = "slow_body"
    """The body comes in pieces over ``seconds``."""
    CUT_BODY = "cut_body"
    """The connection ends in the middle of the body."""
    RESET = "reset"
    """The connection ends without an answer; the request was done."""
    EXPIRED = "expired"
    """Tokens are issued that have expired already."""
    NOT_YET_VALID = "not_yet_valid"
    """Signed tokens are valid from an hour later on."""
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_NONCE = "wrong_nonce"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KID = "unknown_kid"
    """Signed tokens by a key that is published nowhere."""
    KEYS_ROTATED = "keys_rotated"
    """New keys sign from this exchange on, and the old ones are not published any more."""


TOKEN_FAULTS = frozenset(
    {
        FaultKind.EXPIRED,
        FaultKind.NOT_YET_VALID,
        FaultKind.WRONG_AUDIENCE,
        FaultKind.WRONG_ISSUER,
        FaultKind.WRONG_NONCE,
        FaultKind.BAD_SIGNATURE,
        FaultKind.UNKNOWN_KID,
    }
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """A fault and the exchanges that it befalls: those of a client, by a grant, at a path; of these the ``nth``, or each by chance.

    ``times`` is how often it may happen, ``None`` for ever. ``probability`` is drawn from ``seed``, so that a run can be repeated.
    ``seen`` counts the exchanges that it could have befallen, ``happened`` those that it did.
    """

    kind: FaultKind
    client_id: str | None = None
    grant: str | None = None
    path: str | None = None
    nth: int | None = None
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    seconds: float = 1.0
    status: int = 500
    retry_after: int | None = None
    cause: Cause = Cause.SERVER_ERROR
    number: int = 0
    seen: int = 0
    happened: int = 0
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin the row of chances with its seed."""
        self._chance = random.Random(self.seed)  # noqa: S311 (nothing secret)

    def befalls(self, client_id: str | None, grant: str | None, path: str) -> bool:
        """Whether it happens now: to an exchange of a client, by a grant, at a path."""
        wanted = ((self.client_id, client_id), (self.grant, grant), (self.path, path))
        if any(mine is not None and mine != theirs for mine, theirs in wanted):
            return False
        self.seen += 1
        is_spent = self.times is not None and self.happened >= self.times
        if is_spent or (self.nth is not None and self.seen != self.nth) or self._chance.random() >= self.probability:
            return False
        self.happened += 1
        return True


class Faults:
    """The faults of one namespace, in the order in which they were asked for; the first that befalls an exchange happens."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def __iter__(self) -> Iterator[Fault]:
        """Go through them."""
        return iter(list(self._faults.values()))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._faults)

    def add(self, fault: Fault) -> Fault:
        """Take one more.

        Raises:
            Taken: there are too many.
        """
        if len(self._faults) >= _MAXIMUM:
            raise Taken(f"there are {_MAXIMUM} faults already: remove some")
        fault.number = next(self._numbers)
        self._faults[fault.number] = fault
        return fault

    def remove(self, number: int) -> bool:
        """Take one away, and say whether it was there."""
        return self._faults.pop(number, None) is not None

    def clear(self) -> None:
        """Take all away."""
        self._faults.clear()

    def next(self, client_id: str | None, grant: str | None, path: str) -> Fault | None:
        """Return the fault that befalls an exchange."""
        return next((fault for fault in self if fault.befalls(client_id, grant, path)), None)
