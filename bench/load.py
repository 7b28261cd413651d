"""The load generator: a process of its own, told what to send on standard input, telling what came back on standard output.

A closed loop: each connection sends its next request when the answer to the last one is complete, so as many requests are
in flight as there are connections. Requests are ready-made bytes; an answer is looked at only as far as counting needs.
"""

import asyncio
import gc
import json
import sys
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Final, Literal

import uvloop

STALLED_SECONDS: Final = 20
"""After its end, how long a run waits for the answers that are still to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one connection sends: ``before`` + value + ``after``, for one value after the other.

    ``cycle`` begins again after the last value, ``once`` stops there, and ``chain`` takes each next value out of the answer
    to the one before. ``flow`` sends a browser's request that is answered by a redirect, and ``then`` (before and behind the code) a
    client's for the code in it; both count as one. A good answer has status 200 and holds ``expect``.
    """

    before: str
    after: str
    values: list[str]
    mode: Literal["cycle", "once", "chain", "flow"] = "cycle"
    expect: str = ""
    then: tuple[str, str] = ("", "")


@dataclass(slots=True)
class Result:
    """What came back. ``total`` counts from the first request on, ``requests`` and the latencies only after the warm-up."""

    total: int = 0
    requests: int = 0
    seconds: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    worst_ms: float = 0.0
    errors: int = 0
    samples: list[str] = field(default_factory=list)
    generator_cpu: float = 0.0
    """CPU seconds of this process, for judging whether it was the bottleneck."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


class Run:
    """What the connections of a run share: the clock's two marks and the sums."""

    def __init__(self, connections: int) -> None:
        self.latencies = array("d")
        self.total = 0
        self.bad: Counter[str] = Counter()
        self.going = True
        self.ended_at = 0.0
        self.ended = asyncio.Event()
        self.idle = asyncio.Event()
        self._busy = connections

    def end(self) -> None:
        if self.going:
            self.going = False
            self.ended_at = time.perf_counter()
            self.ended.set()

    def rest(self) -> None:
        self._busy -= 1
        if not self._busy:
            self.idle.set()


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self._run = run
        self._requests = _requests(plan)
        self._chain = (plan.before.encode(), plan.after.encode()) if plan.mode == "chain" else None
        self._then = (plan.then[0].encode(), plan.then[1].encode()) if plan.mode == "flow" else None
        self._expect = plan.expect.encode()
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def begin(self) -> None:
        self._send(next(self._requests))

    def _send(self, request: bytes) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n") + 4
        at = data.find(b"content-length: ") + 16
        if end < 4 or len(data) < end + int(data[at : data.find(b"\r", at)]):
            self._buffer = data
            return
        self._buffer = b""
        run = self._run
        if self._then is not None and data[9:11] == b"30":
            at = data.find(b"code=") + 5
            self._transport.write(self._then[0] + data[at : data.find(b"&", at)] + self._then[1])
            return
        run.total += 1
        run.latencies.append(time.perf_counter() - self._sent_at)
        if data[9:12] != b"200" or self._expect not in data:
            run.bad[data[:15].decode("latin-1") + " " + data[end : end + 200].decode("utf-8", "replace")] += 1
        if not run.going:
            run.rest()
            return
        request = next(self._requests, b"") if self._chain is None else self._next_in_chain(data, *self._chain)
        if request:
            self._send(request)
        else:  # Nothing left to send: a run at less than its full number of connections would be another one.
            run.end()
            run.rest()

    @staticmethod
    def _next_in_chain(data: bytes, before: bytes, after: bytes) -> bytes:
        at = data.find(b'"refresh_token":"') + 17
        return before + data[at : data.find(b'"', at)] + after if at > 16 else b""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._sent_at and not self._run.idle.is_set():
            self._run.bad[f"connection lost ({exc})"] += 1
            self._run.rest()


def _requests(plan: Plan) -> Iterator[bytes]:
    requests = [f"{plan.before}{value}{plan.after}".encode() for value in plan.values]
    return cycle(requests) if plan.mode in {"cycle", "flow"} else iter(requests)


async def drive(port: int, plans: list[Plan], *, warmup: float, seconds: float) -> Result:
    """Send what the plans say to a port of this machine, for ``warmup`` and then ``seconds``."""
    loop = asyncio.get_running_loop()
    run = Run(len(plans))
    connections = []
    for plan in plans:
        _, connection = await loop.create_connection(lambda plan=plan: Connection(run, plan), "127.0.0.1", port)  # type: ignore[misc]
        connections.append(connection)
    cpu = time.process_time()
    for connection in connections:
        connection.begin()
    await asyncio.sleep(warmup)
    before, started_at = len(run.latencies), time.perf_counter()
    loop.call_later(seconds, run.end)
    await run.ended.wait()
    measured = sorted(run.latencies[before : len(run.latencies)])
    result = Result(requests=len(measured), seconds=run.ended_at - started_at)
    try:
        async with asyncio.timeout(STALLED_SECONDS):
            await run.idle.wait()
    except TimeoutError:
        run.bad["no answer"] += 1
    run.idle.set()
    result.generator_cpu = time.process_time() - cpu
    result.total = run.total
    result.errors = sum(run.bad.values())
    result.samples = [f"{count} × {text}" for text, count in run.bad.most_common(3)]
    if measured:
        result.p50_ms, result.p99_ms, result.worst_ms = (
            measured[min(len(measured) - 1, int(len(measured) * share))] * 1000 for share in (0.5, 0.99, 1)
        )
    return result


def main() -> None:
    task = json.load(sys.stdin)
    plans = [Plan(**plan) for plan in task.pop("plans")]
    gc.disable()  # a run is short, and a collection would look like a slow server
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(drive(plans=plans, **task))
    json.dump(asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
