"""A full disk: nothing is promised that could not be written, what is there can be read, and room heals it."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.faults.conftest import Report
from tests.faults.driver import Connection, Ledger, configuration, introspect, issue, revoke
from tests.fixtures.server import Server

SMALL: Final = "4m"
LARGE: Final = "64m"
ENOUGH: Final = 200_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not mounted:
        pytest.skip("a file system can be mounted by root alone, and not in every container")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", str(folder)], check=True)


@pytest.mark.may_skip
@pytest.mark.security("F-07")
@pytest.mark.security("RV-09")
@pytest.mark.timeout(120)
async def test_on_a_full_disk_nothing_is_promised_that_is_not_written(small_disk: Path, tmp_path: Path, report: Report) -> None:
    with Server(f"sqlite:///{small_disk / 'tokenry.db'}", arguments=configuration(tmp_path)) as server:
        async with Connection(server.port, Ledger()) as ask:
            tokens: list[str] = []
            while (answer := await ask(issue())).status == 200:
                tokens.append(answer.json()["access_token"])
                assert len(tokens) < ENOUGH
            filled = len(tokens)
            assert (answer.status, "retry-after" in answer.headers) == (503, True)
            for _ in range(50):  # a last free page may take one more
                answer = await ask(issue())
                assert answer.status in {200, 503}
                if answer.status == 200:
                    tokens.append(answer.json()["access_token"])
            refused = [token for token in tokens[:20] if (await ask(revoke(token))).status == 503]
            assert refused, "a full disk takes revocations?"
            for token in [*tokens[20:], *refused]:
                told = await ask(introspect(token))
                assert (told.status, told.json()["active"]) == (200, True)
            grow(small_disk)
            started = time.monotonic()
            while (answer := await ask(issue())).status != 200:
                assert time.monotonic() - started < 10, "room does not heal it"
                await asyncio.sleep(0.05)
            healed = time.monotonic() - started
            assert (await ask(revoke(refused[0]))).status == 200
            assert (await ask(introspect(refused[0]))).json() == {"active": False}
    report(f"F-07 SQLite on {SMALL}: first refusal after {filled} tokens, 0 wrong answers, well again {healed:.2f} s after there was room")
