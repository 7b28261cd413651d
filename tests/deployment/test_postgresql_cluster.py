"""The PostgreSQL that the tests themselves stand on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import sqlalchemy
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.fixtures import postgresql
from tests.fixtures.postgresql import PostgresCluster, PostgresServer

pytestmark = pytest.mark.usefixtures("postgres_cluster")


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresCluster]:
    with PostgresCluster(fsync=True) as cluster:
        yield cluster


async def test_asyncpg_and_sqlalchemy_read_the_url(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()
    engine = create_async_engine(postgres_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as session:
        assert await session.scalar(sqlalchemy.text("SELECT current_database()")) == make_url(postgres_url).database
    await engine.dispose()


async def test_a_database_can_be_the_template_of_another(postgres_cluster: PostgresServer) -> None:
    connection = await asyncpg.connect(postgres_cluster.create_database("template_of_a_test"))
    await connection.execute("CREATE TABLE t (n int)")
    await connection.close()
    connection = await asyncpg.connect(postgres_cluster.create_database("copy_of_a_test", template="template_of_a_test"))
    assert await connection.fetchval("SELECT count(*) FROM t") == 0
    postgres_cluster.drop_database("copy_of_a_test")  # ends the connection, which is still open
    postgres_cluster.drop_database("template_of_a_test")
    connection.terminate()


def test_a_name_that_needs_quoting_is_refused(postgres_cluster: PostgresServer) -> None:
    with pytest.raises(ValueError, match="plain"):
        postgres_cluster.create_database('x"; DROP')


async def test_a_durable_cluster_keeps_its_address_and_its_commits_over_a_crash(durable: PostgresCluster) -> None:
    url = durable.create_database("kept")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.execute("CREATE TABLE t AS SELECT 7 AS n")
    durable.restart(immediate=True)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT n FROM t")
    connection.terminate()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT n FROM t") == 7
    await connection.close()


async def test_the_port_asks_for_a_password(durable: PostgresCluster) -> None:
    head, tail = durable.url("postgres").split("@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"{head}x@{tail}")


def test_a_stopped_cluster_leaves_no_process_and_no_folder() -> None:
    cluster = PostgresCluster()
    cluster.start()
    folder, children = cluster._directory, psutil.Process().children(recursive=True)
    mine = [child for child in children if str(folder) in " ".join(child.cmdline())]
    assert len(mine) >= 2
    cluster.stop()
    cluster.stop()
    assert not any(child.is_running() for child in mine)
    assert not folder.exists()


def test_a_killed_owner_leaves_no_process_and_no_folder() -> None:
    script = "from tests.fixtures.postgresql import *; c = PostgresCluster(); c.start(); print(c._directory, flush=True)"
    with subprocess.Popen([sys.executable, "-c", f"{script}; input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
        owner.send_signal(signal.SIGKILL)
    assert folder.is_absolute()
    deadline = time.monotonic() + 30
    while (folder.exists() or server.is_running()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert not server.is_running()


def test_the_wheel_serves_where_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = postgresql._wheel_binaries()
    assert wheel is not None
    monkeypatch.setenv("PG_BIN", os.fspath(wheel))
    assert postgresql.find_binaries() == wheel
    with PostgresCluster() as cluster:
        cluster.create_database("made")
