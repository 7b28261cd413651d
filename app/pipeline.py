"""The heart: read → load → gather → respond → commit → sign → render. The only awaits on a machine's path are here."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from datetime import datetime
from typing import Final, TypeVar

from app.core.causes import Cause
from app.core.clock import Clock
from app.dialects import Answer, MachineDoor, Reading, WireRequest, is_basic
from app.ledger import Facts, StorageUnavailable
from app.messages import Endpoint, Outcome, Proofs, Refusal, Request
from app.models import Client
from app.oauth2 import AuthorizationServer, needs_of, presented_jwt
from app.proofs import Gatherer, Minter
from app.storage import Storage

PATIENCE: Final = 4.0
"""Seconds for a whole exchange: voice platforms give up after 4.5."""
_ANSWERED_IN: Final = 3.0
"""Seconds within which the storage answers, or says that it cannot."""
_TRIES: Final = 2
"""An exchange that lost a race decides once more over fresh facts, where the winner shows."""
_LOST: Final = defaultdict(lambda: Cause.BAD_REFRESH_TOKEN, authorization_code=Cause.BAD_CODE)
_RETRY_IN: Final = 1
"""Seconds after which a client may come back when the storage was away."""

T = TypeVar("T")


class Exchange:
    """What became of one request, for whoever observes: how it was read, what was decided and what was answered.

    ``defect`` is what the program itself stumbled over; the client is told no more than that it did. ``assertion_is_used``: its commit
    lost a race, but not before the client's assertion was used.
    """

    __slots__ = ("answer", "assertion_is_used", "at", "defect", "outcome", "reading", "request")
    answer: Answer

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.reading: Reading | None = None
        self.request: Request | None = None
        self.outcome = Outcome()
        self.defect: Exception | None = None
        self.assertion_is_used = False

    def fail(self, refusal: Refusal) -> None:
        """Put a fault of ours in the place of what was decided; it is still told to the same client."""
        self.outcome = Outcome(refusal=refusal, client=self.outcome.client)


class Pipeline:
    """Carries every exchange of every dialect."""

    def __init__(self, storage: Storage, engine: AuthorizationServer, gatherer: Gatherer, minter: Minter, clock: Clock) -> None:
        self._storage = storage
        self._engine = engine
        self._gatherer = gatherer
        self._minter = minter
        self._clock = clock

    async def exchange(self, door: MachineDoor, wire: WireRequest) -> Exchange:
        """Answer one request; a fault of ours is an answer too."""
        exchange = Exchange(self._clock.now())
        try:
            reading = exchange.reading = door.read(wire)
            await self._settle(door, reading, exchange)
        except Refusal as refusal:
            exchange.outcome = Outcome(refusal=refusal.settled())
        except StorageUnavailable as problem:
            exchange.fail(Refusal(Cause.UNAVAILABLE, detail=str(problem), retry_in=_RETRY_IN))
        except TimeoutError:
            exchange.fail(Refusal(Cause.UNAVAILABLE, detail="no answer in time", retry_in=_RETRY_IN))
        except Exception as defect:  # noqa: BLE001 (whatever it is, the client gets an answer and the operator a line)
            exchange.defect = defect
            exchange.fail(Refusal(Cause.SERVER_ERROR, detail=type(defect).__name__))
        read = exchange.reading
        word, tried_basic = (read.word, read.tried_basic) if read is not None else ("", wire_tried_basic(wire))
        exchange.answer = door.render(exchange.outcome, word, exchange.at, tried_basic=tried_basic)
        return exchange

    async def _settle(self, door: MachineDoor, reading: Reading, exchange: Exchange) -> None:
        """Decide until a commit is won; the second time the winner of a lost race shows in the facts.

        What memory has is tried first: it is enough for a yes that the commit confirms, and never for a no.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        needs = needs_of(reading.candidates)
        asserted = reading.candidates[0].credentials.assertion is not None
        remembered = None if asserted else self._storage.recall(needs)
        if remembered is not None and await self._decide(door, reading, exchange, remembered, deadline):
            return
        for _ in range(_TRIES):
            facts = await _by(deadline, self._storage.load(needs))
            if await self._decide(door, reading, exchange, facts, deadline):
                return
        exchange.outcome.refusal = Refusal(_LOST[reading.candidates[0].grant_type], detail="spent by another request")

    async def _decide(self, door: MachineDoor, reading: Reading, exchange: Exchange, facts: Facts, deadline: float) -> bool:
        """Gather, respond, commit and sign once; false where the commit lost its race, or memory was not enough."""
        request = exchange.request = reading.choose(named_client(facts))
        door.set_policy(request, named_client(facts))
        now = exchange.at = self._clock.now()
        proofs = await self._gather(door, exchange, request, facts, deadline)
        exchange.outcome, writes = self._engine.respond(request, facts, proofs, now)
        if facts.remembered and (exchange.outcome.refusal is not None or not writes):
            return False
        if writes and not (receipt := await _by(deadline, self._storage.commit(writes))).won:
            exchange.assertion_is_used |= writes.once is not None
            if receipt.is_repeated:
                exchange.fail(Refusal(Cause.INVALID_CLIENT, "The client_assertion was used before."))
            return receipt.is_repeated
        if exchange.outcome.is_unsigned:
            exchange.outcome.members = await _in_time(deadline, self._minter.mint(exchange.outcome.members))
        return True

    async def _gather(self, door: MachineDoor, exchange: Exchange, request: Request, facts: Facts, deadline: float) -> Proofs:
        """Find out what the decision hangs on, where it hangs on anything but the facts."""
        proofs = Proofs()
        if request.credentials.assertion is not None:
            proofs = await _in_time(deadline, self._gatherer.find_keys(request, facts))
            proofs.assertion_is_used = exchange.assertion_is_used
        if request.grant_type == "password":
            client = self._engine.wants_password(request, facts, proofs, exchange.at)
            if client is not None:
                exchange.outcome.client = client
                proofs = await _in_time(deadline, self._gatherer.check_password(request, facts, proofs))
        elif door.endpoint is not Endpoint.TOKEN and (jwt := presented_jwt(request)) is not None and (facts.token or facts.bearer):
            proofs.jwt_is_ours = await _in_time(deadline, self._minter.recognises(jwt))
        return proofs


def _by(deadline: float, answer: Awaitable[T]) -> Awaitable[T]:
    """Return an answer of the storage that comes, or fails, until a moment on the loop's clock.

    It is bounded by itself, and a timer costs more than the decision: there is one only where that bound would be too late.
    """
    if asyncio.get_running_loop().time() + _ANSWERED_IN <= deadline:
        return answer
    return _in_time(deadline, answer)


async def _in_time(deadline: float, answer: Awaitable[T]) -> T:
    """Wait until a moment on the loop's clock, in a task: whoever carries the exchange may be none (see :mod:`app.listener`).

    Raises:
        TimeoutError: it has come.
    """

    async def waited() -> T:
        async with asyncio.timeout_at(deadline):
            return await answer

    return await asyncio.ensure_future(waited())


def named_client(facts: Facts) -> Client | None:
    """Return the client that the request names, by itself or by what it presents."""
    if facts.client is not None:
        return facts.client
    held = facts.bearer or facts.code or facts.token
    return held.client if held is not None else None


def wire_tried_basic(wire: WireRequest) -> bool:
    """Whether a request that could not be read came with HTTP Basic."""
    return wire.authorization is not None and is_basic(wire.authorization)
