"""Beside whom a sandbox stands: time to ready and memory of ours, and of what else people start for their tests, in one run.

    make bench-sandbox

The others are installed into ``build/peers`` the first time, in their own environments and in these versions.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from tests.fixtures.server import free_port

ROOT: Final = Path(__file__).parents[1]
PEERS: Final = ROOT / "build" / "peers"
NANOIDP: Final = "nanoidp==3.4.0"
OIDC_PROVIDER_MOCK: Final = "oidc-provider-mock==0.3.4"
OAUTH2_MOCK_SERVER: Final = "oauth2-mock-server@8.2.3"
_STARTS_IN: Final = 60
_SETTLES: Final = 0.3


@dataclass(frozen=True, slots=True)
class Peer:
    """A server and how it is started; ``{port}`` stands for its port."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def _in_venv(package: str, program: str) -> str:
    """Return a program of a package that has an environment to itself."""
    folder = PEERS / package.partition("=")[0]
    if not (folder / "bin" / program).exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", package], check=True)
    return str(folder / "bin" / program)


def _in_node(package: str, program: str) -> str:
    folder = PEERS / "node"
    binary = folder / "node_modules" / ".bin" / program
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, package], check=True)  # noqa: S607
    return str(binary)


def peers() -> list[Peer]:
    """Return the servers; ours first."""
    return [
        Peer("tokenry sandbox", [sys.executable, "-m", "app", "sandbox", "--port", "{port}"], {"PYTHONPATH": str(ROOT)}),
        Peer("oauth2-mock-server", ["node", _in_node(OAUTH2_MOCK_SERVER, "oauth2-mock-server"), "-a", "127.0.0.1", "-p", "{port}"]),
        Peer("nanoidp", [_in_venv(NANOIDP, "nanoidp"), "--host", "127.0.0.1", "--port", "{port}"]),
        Peer("oidc-provider-mock", [_in_venv(OIDC_PROVIDER_MOCK, "oidc-provider-mock"), "-p", "{port}"]),
    ]


def measured(peer: Peer) -> tuple[float, float]:
    """Start a server and return the seconds until it tells its metadata, and the MB that it holds then."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TOKENRY_")}
    folder = tempfile.mkdtemp(prefix="tokenry-peer-")
    started = time.monotonic()
    process = subprocess.Popen(
        [part.replace("{port}", str(port)) for part in peer.command],
        cwd=folder,
        env={**inherited, **peer.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() - started > _STARTS_IN:
                raise SystemExit(f"bench-sandbox: {peer.name} did not start")
            time.sleep(0.005)
        seconds = time.monotonic() - started
        time.sleep(_SETTLES)
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        return seconds, sum(each.memory_info().rss for each in family) / 2**20
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    """Measure all of them in turn, and print a table."""
    parser = argparse.ArgumentParser(description="Time to ready and memory of the sandbox, beside what else there is.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    found = peers()
    figures: dict[str, list[tuple[float, float]]] = {peer.name: [] for peer in found}
    for _ in range(rounds + 1):
        for peer in found:
            figures[peer.name].append(measured(peer))
    sys.stdout.write("| server | ready, median s | best s | memory, MB |\n| --- | --- | --- | --- |\n")
    for name, rows in figures.items():
        counted = rows[1:]  # the first start reads files that lie on the disk
        seconds, memory = [row[0] for row in counted], [row[1] for row in counted]
        sys.stdout.write(f"| {name} | {median(seconds):.2f} | {min(seconds):.2f} | {median(memory):.0f} |\n")


if __name__ == "__main__":
    main()
