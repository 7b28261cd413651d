"""Where the server's time goes: one workload, with the sampler inside the server."""

import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.measure import WARMUP, Watched, run
from bench.report import hot_functions
from bench.runs import Plan, databases, in_short
from bench.stock import write_stock
from bench.workloads import WORKLOADS, amounts_for
from tests.fixtures.server import Server


def profile(workload: str, plan: Plan) -> None:
    """Run one workload with the sampler inside the server, and print what it saw."""
    seconds = max(plan.seconds, 8.0)
    for name in plan.databases:
        with ExitStack() as stack:
            create, processes = stack.enter_context(databases(name))
            url = create("bench_profile")
            stock = asyncio.run(write_stock(url, amounts_for([workload], 1, plan.connections, WARMUP + seconds)))
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "samples.json"
            program = [sys.executable, "-m", "bench.sampler", str(path)]
            server = stack.enter_context(Server(url, kept=False, program=program))
            plans = WORKLOADS[workload].plans(stock, plan.connections, WARMUP + seconds)
            os.kill(server.pid, signal.SIGUSR1)  # what was seen of the start does not count
            time.sleep(0.2)
            figures = run(server.port, plans, seconds=seconds, watched=Watched(server.processes, processes))
            path.unlink(missing_ok=True)
            os.kill(server.pid, signal.SIGUSR1)
            samples = _read(path)
            server.stop()
            print(f"\n## {workload} on {name}: {in_short(figures)}, database {figures.database_us:.0f} µs\n")
            print(hot_functions(samples))


def _read(path: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            samples: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError):
            time.sleep(0.05)
        else:
            return samples
    raise RuntimeError("the server wrote no samples")
