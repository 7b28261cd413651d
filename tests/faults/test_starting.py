"""Several processes that start at the same moment on an empty database all come up."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.faults.driver import configuration, issue
from tests.fixtures.server import Server
from tests.journeys.wire import ask

AT_ONCE: Final = 3


@pytest.mark.security("F-10")
@pytest.mark.parametrize("kind", ["serve", "serve_with_a_file", "sandbox"])
def test_processes_that_start_at_once_on_an_empty_database_all_come_up(durable_url: str, tmp_path: Path, kind: str) -> None:
    flags = [] if kind == "serve" else configuration(tmp_path)
    with ExitStack() as stack:
        servers = [Server(durable_url, command=kind.partition("_")[0], arguments=flags) for _ in range(AT_ONCE)]
        for server in servers:
            stack.callback(server.close)
            server.launch()
        for server in servers:
            server.wait_until_live()
            if flags:
                assert ask(server.port, issue()).status == 200
            server.stop()
