"""An answer leaves only after what it promises is on the disk: a kill cannot show it, for the kernel survives, so the calls are watched."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.faults.conftest import Report
from tests.faults.driver import configuration, exchange, issue, plant_codes, refresh, revoke
from tests.fixtures.postgresql import PostgresCluster
from tests.fixtures.server import Server
from tests.journeys.wire import Answer, ask

SYNC: Final = re.compile(r"\b(?:fdatasync|fsync|sync_file_range|msync)\(|pwritev2\(.*RWF_DSYNC|\bopen\(.*O_D?SYNC")
ANSWER: Final = re.compile(r"\b(?:write|writev|sendto|sendmsg|send)\(.*HTTP/1\.1 \d+")
REQUEST: Final = re.compile(r"POST /")

pytestmark = pytest.mark.may_skip


@contextmanager
def traced(pids: list[int], path: Path) -> Iterator[None]:
    """Watch processes while the body runs."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not here")
    calls = "trace=fdatasync,fsync,msync,sync_file_range,pwritev2,read,recvfrom,recvmsg,readv,write,writev,sendto,sendmsg"
    flags = [part for pid in pids for part in ("-p", str(pid))]
    tracer = subprocess.Popen(["strace", "-f", "-s", "64", "-e", calls, "-o", str(path), *flags], stderr=subprocess.PIPE, text=True)
    try:
        assert tracer.stderr is not None
        attached = 0
        while attached < len(pids):
            line = tracer.stderr.readline()
            if "ptrace" in line or not line:
                pytest.skip(f"processes cannot be traced here: {line}")
            attached += "attached" in line
        yield
        time.sleep(0.2)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=20)


def syncs_before_the_answer(path: Path) -> tuple[int, int]:
    """Return how often something was synced between a request and its answer, and after the answer."""
    lines = path.read_text(errors="replace").splitlines()
    begun = next(number for number, line in enumerate(lines) if REQUEST.search(line))
    answered = next(number for number, line in enumerate(lines) if number >= begun and ANSWER.search(line))
    before = sum(bool(SYNC.search(line)) for line in lines[begun:answered])
    return before, sum(bool(SYNC.search(line)) for line in lines[answered:])


def requests_of(codes: list[tuple[str, str]], port: int) -> Iterator[tuple[str, bytes]]:
    """Yield one request for every way to write."""
    yield "issue", issue()
    yield "exchange", exchange(*codes[0])
    first = ask(port, exchange(*codes[1])).json()
    yield "rotate", refresh(first["refresh_token"], codes[1][1])
    second = ask(port, exchange(*codes[2])).json()
    yield "revoke", revoke(second["access_token"], codes[2][1])
    yield "replay", exchange(*codes[0])


async def check(server: Server, url: str, pids: list[int], tmp_path: Path) -> str:
    codes = await plant_codes(url, 4)
    told = []
    for name, request in requests_of(codes, server.port):
        path = tmp_path / f"{name}.strace"
        with traced(pids, path):
            answer: Answer = ask(server.port, request)
        assert answer.status in {200, 400}, answer
        before, after = syncs_before_the_answer(path)
        told.append(f"{name} {before}")
        assert before >= 1, f"{name}: the answer left before a sync ({after} after it)\n{path.read_text()}"
    return ", ".join(told)


@pytest.mark.security("F-02")
async def test_sqlite_syncs_before_every_answer_that_promises(tmp_path: Path, report: Report) -> None:
    url = f"sqlite:///{tmp_path / 'tokenry.db'}"
    with Server(url, arguments=configuration(tmp_path)) as server:
        told = await check(server, url, [server.pid], tmp_path)
    report(f"F-02 SQLite, syncs before the answer: {told}")


@pytest.mark.security("F-02")
@pytest.mark.parametrize("setting", ["on", "off"])
async def test_postgresql_syncs_before_every_answer_whatever_its_default(tmp_path: Path, report: Report, setting: str) -> None:
    with PostgresCluster(fsync=True, settings={"synchronous_commit": setting, "wal_writer_delay": "10s"}) as cluster:
        url = cluster.create_database("sync")
        with Server(url, arguments=configuration(tmp_path)) as server:
            assert ask(server.port, issue()).status == 200  # both connections are made now
            backends = [process.pid for process in psutil.Process(cluster.pid).children()]
            told = await check(server, url, [server.pid, *backends], tmp_path)
    report(f"F-02 PostgreSQL with synchronous_commit={setting}, syncs before the answer: {told}")
