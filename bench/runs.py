"""What a measurement runs: databases, servers, and one load after the other, each between two of the yardstick."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

import psutil

from bench.measure import WARMUP, Figures, Watched, family, run, wait_for_calm
from bench.report import NOISY, Round, Row
from bench.stock import Stock, write_stock
from bench.workloads import BARE, FASTAPI, WORKLOADS, Workload, amounts_for
from tests.fixtures.postgresql import PostgresCluster
from tests.fixtures.server import Server

DATABASES: Final = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure and for how long."""

    workloads: list[str]
    databases: list[str]
    workers: list[int]
    seconds: float
    rounds: int
    connections: int
    patience: float = 0.0
    """Seconds to wait for a calm machine before each run; a run that is disturbed nevertheless is repeated, up to twice."""

    @property
    def tries(self) -> int:
        return 3 if self.patience else 1

    @property
    def baseline_seconds(self) -> float:
        return max(0.5, self.seconds / 2)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def databases(name: str) -> Iterator[tuple[Callable[[str], str], Callable[[], list[psutil.Process]]]]:
    """Yield how to make an empty database of a kind, and whose CPU time is its server's."""
    if name == "postgresql":
        with PostgresCluster(fsync=True) as cluster:
            yield cluster.create_database, lambda: family(cluster.pid or 0)
    else:
        with tempfile.TemporaryDirectory(prefix="tokenry-bench-") as folder:
            yield lambda each: f"sqlite:///{folder}/{each}.db", list


@contextmanager
def baseline() -> Iterator[Server]:
    """Run the yardsticks."""
    with Server(None, command="yardsticks", program=[sys.executable, "-m", "bench.baseline"], kept=False) as server:
        yield server


class Bench:
    """Runs a plan."""

    def __init__(self, plan: Plan, yardsticks: Server) -> None:
        self._plan = plan
        self._port = yardsticks.port
        self._watched = Watched(yardsticks.processes)

    def rows(self) -> Iterator[Row]:
        for name in self._plan.databases:
            with databases(name) as (create, processes):
                for workers in self._plan.workers:
                    yield from self._rows_of(name, workers, create(f"bench_{workers}"), processes)

    def _rows_of(self, name: str, workers: int, url: str, processes: Callable[[], list[psutil.Process]]) -> Iterator[Row]:
        plan = self._plan
        amounts = amounts_for(plan.workloads, plan.rounds * plan.tries, plan.connections, WARMUP + plan.seconds)
        stock = asyncio.run(write_stock(url, amounts))
        with Server(url, workers=workers, kept=False) as server:
            watched = Watched(server.processes, processes)
            rounds: dict[str, list[Round]] = {each: [] for each in plan.workloads}
            for number in range(plan.rounds):
                bare = self._yardstick(BARE)
                before = self._yardstick(FASTAPI)
                for each in plan.workloads:
                    figures = self._figures(WORKLOADS[each], stock, server.port, watched)
                    after = self._yardstick(FASTAPI)
                    rounds[each].append(Round(figures, (before, after), bare))
                    before = after
                    tell(f"{name}, {workers} worker(s), round {number + 1}: {each}: {in_short(figures)}; FastAPI {in_short(after)}")
            memory = max(process.memory_info().rss for process in server.processes()) / 2**20
            server.stop()
        for each, measured in rounds.items():
            yield Row(name, workers, each, measured, memory)

    def _figures(self, workload: Workload, stock: Stock, port: int, watched: Watched) -> Figures:
        plan = self._plan
        return self._calmly(
            lambda: run(port, workload.plans(stock, plan.connections, WARMUP + plan.seconds), seconds=plan.seconds, watched=watched)
        )

    def _yardstick(self, workload: Workload) -> Figures:
        plan = self._plan
        plans = workload.plans(Stock(), plan.connections, 0)
        return self._calmly(lambda: run(self._port, plans, seconds=plan.baseline_seconds, watched=self._watched))

    def _calmly(self, measure: Callable[[], Figures]) -> Figures:
        best: Figures | None = None
        for _ in range(self._plan.tries):
            wait_for_calm(self._plan.patience)
            figures = measure()
            if best is None or figures.foreign < best.foreign:
                best = figures
            if figures.foreign <= NOISY:
                break
        assert best is not None  # noqa: S101 (there is one try at least)
        return best


def in_short(figures: Figures) -> str:
    told = f"{figures.rate:,.0f}/s, {figures.server_us:.0f} µs, p99 {figures.p99_ms:.1f} ms"
    return told + (f", {figures.errors} errors {figures.samples}" if figures.errors else "")


def sandbox_start(times: int) -> float:
    """Return the seconds from the start of a sandbox's process to its first answer."""

    def once() -> float:
        with Server(None, command="sandbox", kept=False) as server:
            return server.start_seconds

    return median(once() for _ in range(times))
