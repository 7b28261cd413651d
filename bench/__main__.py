"""Measures the service: requests per second, latency and CPU time, beside a FastAPI route that answers a constant.

Each workload runs between two runs of that yardstick, round after round, so that what the machine does besides falls on both; what is
told are medians. The databases are our own: an SQLite file, and a PostgreSQL cluster with fsync on.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Container
from pathlib import Path

from bench.measure import cores
from bench.profiling import profile
from bench.report import memory, table, yardsticks
from bench.runs import DATABASES, Bench, Plan, baseline, sandbox_start, tell
from bench.workloads import WORKLOADS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--workloads", type=_list_of(WORKLOADS), default=list(WORKLOADS), help=f"of {','.join(WORKLOADS)}; all")
    parser.add_argument("--databases", type=_list_of(DATABASES), default=list(DATABASES), help=f"of {','.join(DATABASES)}")
    parser.add_argument("--workers", type=_numbers, default=[1, 2], help="numbers of server processes, as 1,2")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="one short round with one worker: does everything work?")
    parser.add_argument(
        "--patience",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="wait so long for a calm machine before each run, repeat disturbed ones",
    )
    parser.add_argument("--profile", choices=WORKLOADS, metavar="WORKLOAD", help="run one workload and show where the server's time goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    return parser.parse_args()


def _list_of(known: Container[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {name}: see --help")
        return names

    return parse


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    options = arguments()
    plan = Plan(
        workloads=options.workloads,
        databases=options.databases,
        workers=[1] if options.quick else options.workers,
        seconds=0.8 if options.quick else options.seconds,
        rounds=1 if options.quick else options.rounds,
        connections=options.connections,
        patience=options.patience,
    )
    if options.profile:
        profile(options.profile, plan)
        return
    started = time.monotonic()
    start_seconds = sandbox_start(1 if options.quick else 3)
    with baseline() as server:
        rows = [row.figures() for row in Bench(plan, server).rows()]
    print(table(rows))
    print(f"\n{yardsticks(rows)}")
    print(f"The sandbox answers {start_seconds:.2f} s after its start. {memory(rows)}")
    print(f"{cores()} cores, Python {platform.python_version()}, {plan.connections} connections, {plan.rounds} rounds of {plan.seconds} s.")
    tell(f"took {time.monotonic() - started:.0f} s")
    if options.json:
        found = {"sandbox_start_seconds": round(start_seconds, 3), "rows": rows}
        options.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    if any(row["errors"] for row in rows):
        tell("some requests failed: " + "; ".join(text for row in rows for text in row["error_samples"]))
        sys.exit(1)


if __name__ == "__main__":
    main()
