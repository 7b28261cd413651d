"""One measured run: a load generator against a port, and the CPU time that others spent on it meanwhile."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Final

import psutil

from bench.load import STALLED_SECONDS, Plan, Result
from tests.fixtures.server import ROOT

WARMUP: Final = 0.4
CALM_PERCENT: Final = 6
"""Of all cores: what a machine that has nothing to do may show."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed. CPU times are in microseconds per request, ``foreign`` in busy cores that were none of ours."""

    rate: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    server_us: float
    database_us: float
    generator_us: float
    errors: int
    samples: list[str]
    requests: int
    foreign: float


@dataclass(frozen=True, slots=True)
class Watched:
    """Whose CPU time counts as the server's and as the database's; asked anew each time, since processes come and go."""

    server: Callable[[], Iterable[psutil.Process]]
    database: Callable[[], Iterable[psutil.Process]] = tuple


def wait_for_calm(seconds: float) -> None:
    """Wait until others leave this machine alone, for at most some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and psutil.cpu_percent(interval=0.5) > CALM_PERCENT:
        pass


def run(port: int, plans: list[Plan], *, seconds: float, watched: Watched) -> Figures:
    """Run the load generator once."""
    task = json.dumps({"port": port, "warmup": WARMUP, "seconds": seconds, "plans": [asdict(plan) for plan in plans]})
    before = _times(watched)
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=task,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=WARMUP + seconds + STALLED_SECONDS + 30,
    )
    server, database, ours, busy = (now - then for now, then in zip(_times(watched), before, strict=True))
    result = Result(**json.loads(done.stdout))
    each = 1e6 / max(result.total, 1)
    return Figures(
        rate=result.rate,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        worst_ms=result.worst_ms,
        server_us=server * each,
        database_us=database * each,
        generator_us=result.generator_cpu * each,
        errors=result.errors,
        samples=result.samples,
        requests=result.requests,
        foreign=max(0.0, busy - server - database - ours) / (WARMUP + seconds),
    )


def _times(watched: Watched) -> tuple[float, float, float, float]:
    """Return CPU seconds so far: of the server, the database, our own children, and all of this machine."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    machine = psutil.cpu_times()
    busy = sum(machine) - machine.idle - machine.iowait - machine.guest
    return spent(watched.server()), spent(watched.database()), children.ru_utime + children.ru_stime, busy


def spent(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds of processes that are there, those of their ended children included."""
    total = 0.0
    for process in processes:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def family(pid: int) -> list[psutil.Process]:
    """Return a process and all of its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
