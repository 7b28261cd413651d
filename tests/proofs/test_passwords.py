"""The pool in which passwords are checked."""

import asyncio
import os
import sys

import pytest

from app.proofs import PasswordPool


@pytest.mark.security("BF-10")
@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
@pytest.mark.may_skip
async def test_a_check_gives_way_to_answers() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)  # of the calling thread

    pool = PasswordPool(threads=1)
    try:
        checking = await asyncio.get_running_loop().run_in_executor(pool._executor, niceness)
        assert checking == min(19, niceness() + 5)
    finally:
        pool.close()
