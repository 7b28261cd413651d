"""From the figures of all rounds to one table."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.measure import Figures

NOISY: Final = 0.25
"""Busy cores of others from which on a run is called disturbed."""


@dataclass(frozen=True, slots=True)
class Round:
    """One run of a workload, and the yardsticks around it: the framework's before and after, and the bare answer of the round."""

    workload: Figures
    framework: tuple[Figures, Figures]
    bare: Figures

    @property
    def framework_rate(self) -> float:
        return sum(each.rate for each in self.framework) / 2

    @property
    def framework_us(self) -> float:
        return sum(each.server_us for each in self.framework) / 2

    @property
    def framework_p99(self) -> float:
        return sum(each.p99_ms for each in self.framework) / 2


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds of one workload over one database with one number of workers."""

    database: str
    workers: int
    workload: str
    rounds: Sequence[Round]
    memory: float
    """Of the largest server process after all rounds, in megabytes."""

    def of(self, value: Callable[[Round], float]) -> float:
        return median(value(each) for each in self.rounds)

    def figures(self) -> dict[str, Any]:
        """Return the medians, and what must not hide behind one."""
        return {
            "database": self.database,
            "workers": self.workers,
            "workload": self.workload,
            "requests_per_second": round(self.of(lambda each: each.workload.rate), 1),
            "of_fastapi": round(self.of(lambda each: each.workload.rate / each.framework_rate), 3),
            "of_fastapi_by_cpu": round(self.of(lambda each: each.framework_us / each.workload.server_us), 3),
            "of_bare": round(self.of(lambda each: each.workload.rate / each.bare.rate), 3),
            "of_bare_by_cpu": round(self.of(lambda each: each.bare.server_us / each.workload.server_us), 3),
            "p50_ms": round(self.of(lambda each: each.workload.p50_ms), 2),
            "p99_ms": round(self.of(lambda each: each.workload.p99_ms), 2),
            "p99_of_fastapi": round(self.of(lambda each: each.workload.p99_ms / each.framework_p99), 2),
            "worst_ms": round(max(each.workload.worst_ms for each in self.rounds), 1),
            "server_us": round(self.of(lambda each: each.workload.server_us), 1),
            "database_us": round(self.of(lambda each: each.workload.database_us), 1),
            "generator_us": round(self.of(lambda each: each.workload.generator_us), 1),
            "fastapi_requests_per_second": round(self.of(lambda each: each.framework_rate), 1),
            "fastapi_us": round(self.of(lambda each: each.framework_us), 1),
            "fastapi_p99_ms": round(self.of(lambda each: each.framework_p99), 2),
            "bare_requests_per_second": round(self.of(lambda each: each.bare.rate), 1),
            "bare_us": round(self.of(lambda each: each.bare.server_us), 1),
            "requests": sum(each.workload.requests for each in self.rounds),
            "errors": sum(each.workload.errors for each in self.rounds),
            "error_samples": [text for each in self.rounds for text in each.workload.samples][:3],
            "memory_mb": round(self.memory, 1),
            "foreign_cores": round(max(each.workload.foreign for each in self.rounds), 2),
        }


_HEAD: Final = (
    "| database | workers | workload | req/s | × FastAPI | × FastAPI by CPU | × bare | p50 ms | p99 ms | p99 × FastAPI"
    " | server µs | database µs | errors |"
)


def table(rows: Iterable[dict[str, Any]]) -> str:
    """Return Markdown; a star marks what ran while others kept the machine busy."""
    lines = [_HEAD, "|" + " --- |" * (_HEAD.count("|") - 1)]
    for row in rows:
        star = " *" if row["foreign_cores"] > NOISY else ""
        cells = [
            row["database"],
            row["workers"],
            row["workload"] + star,
            f"{row['requests_per_second']:,.0f}",
            f"{row['of_fastapi']:.2f}",
            f"{row['of_fastapi_by_cpu']:.2f}",
            f"{row['of_bare']:.2f}",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            f"{row['p99_of_fastapi']:.2f}",
            f"{row['server_us']:.0f}",
            f"{row['database_us']:.0f}",
            row["errors"],
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def yardsticks(rows: Sequence[dict[str, Any]]) -> str:
    """Return one line on what the ratios are to."""
    if not rows:
        return ""

    def middle(name: str) -> float:
        return float(median(row[name] for row in rows))

    return (
        f"FastAPI's constant answer in one process: {middle('fastapi_requests_per_second'):,.0f} req/s, {middle('fastapi_us'):.0f} µs,"
        f" p99 {middle('fastapi_p99_ms'):.1f} ms; bare ASGI: {middle('bare_requests_per_second'):,.0f} req/s, {middle('bare_us'):.0f} µs."
        f" The generator spends {middle('generator_us'):.0f} µs a request."
    )


def memory(rows: Iterable[dict[str, Any]]) -> str:
    """Return one line on the memory of a server process after its load."""
    found = {f"{row['database']}, {row['workers']} worker(s)": row["memory_mb"] for row in rows}
    return "Memory of a process after the load: " + "; ".join(f"{size:.0f} MB ({name})" for name, size in found.items()) + "."


def hot_functions(samples: dict[str, Any], count: int = 40) -> str:
    """Return Markdown of a profile: by part of the program, by function, by line."""
    total = sum(samples["own"].values()) or 1
    rooms: dict[str, int] = {}
    for name, own in samples["own"].items():
        room = _room(name)
        rooms[room] = rooms.get(room, 0) + own
    parts = [f"{total} samples", "", "| own time | part |", "| --- | --- |"]
    parts += [f"| {own / total:.1%} | {room} |" for room, own in sorted(rooms.items(), key=lambda item: -item[1])[:count]]
    parts += ["", "| own time | with callees | function |", "| --- | --- | --- |"]
    own_first = sorted(samples["own"].items(), key=lambda item: -item[1])[:count]
    parts += [f"| {own / total:.1%} | {samples['under'].get(name, own) / total:.1%} | {name} |" for name, own in own_first]
    parts += ["", "| own time | line |", "| --- | --- |"]
    lines = sorted(samples["lines"].items(), key=lambda item: -item[1])[:count]
    parts += [f"| {own / total:.1%} | {name} |" for name, own in lines]
    return "\n".join(parts)


def _room(name: str) -> str:
    """Return the part of the program that a function belongs to: two levels of our own, one of others."""
    path = name.partition(":")[0]
    if path.startswith("app/"):
        return "/".join(path.split("/")[:2]).removesuffix(".py")
    return path.split("/")[0]
