"""What a start finds in a database, and what it says."""

import asyncio
import os
import socket
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.clock import SystemClock
from app.ledger import Writes
from app.storage import (
    DatabaseUnusable,
    SchemaNewer,
    SchemaOutdated,
    _postgresql_schema,
    _schema,
    _sqlite_schema,
    migrate,
    open_storage,
    prepare,
)
from tests.fixtures.postgresql import PostgresServer
from tests.storage.records import NOW, a_grant

NOBODY = 65534


async def execute(url: str, *statements: str) -> list[Any]:
    """Run statements on a database of either kind and return the rows of the last one."""
    rows: list[Any] = []
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for statement in statements:
                rows = connection.execute(statement).fetchall()
        return rows
    server = await asyncpg.connect(url)
    try:
        for statement in statements:
            rows = await server.fetch(statement)
    finally:
        await server.close()
    return rows


async def refusal(url: str) -> DatabaseUnusable:
    with pytest.raises(DatabaseUnusable) as info:
        await prepare(url)
    message = str(info.value)
    assert "\n" not in message
    assert len(message) < 300
    return info.value


async def test_empty_database_gets_the_schema_and_its_version(database_url: str) -> None:
    await prepare(database_url)
    assert [tuple(row) for row in await execute(database_url, "SELECT version_num FROM alembic_version")] == [(_schema.HEAD,)]
    await prepare(database_url)
    storage = await open_storage(database_url, clock=SystemClock())
    assert (await storage.commit(Writes(NOW, grants=[a_grant()]))).won
    await storage.close()


async def test_database_whose_migrations_were_all_undone_counts_as_empty(database_url: str) -> None:
    await migrate(database_url)
    await migrate(database_url, "base")
    await prepare(database_url)
    assert await migrate(database_url) == (_schema.HEAD, _schema.HEAD)


async def test_earlier_schema_asks_for_the_migration(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(database_url)
    monkeypatch.setattr(_schema, "REVISIONS", (_schema.HEAD, "9999"))
    monkeypatch.setattr(_schema, "HEAD", "9999")
    error = await refusal(database_url)
    assert isinstance(error, SchemaOutdated)
    assert str(error).endswith("run: tokenry migrate")


async def test_later_schema_is_refused_and_left_alone(database_url: str) -> None:
    await prepare(database_url)
    await execute(database_url, "UPDATE alembic_version SET version_num = '7777'")
    assert isinstance(await refusal(database_url), SchemaNewer)
    with pytest.raises(SchemaNewer):
        await migrate(database_url)
    assert [tuple(row) for row in await execute(database_url, "SELECT version_num FROM alembic_version")] == [("7777",)]


async def test_tables_of_another_program_are_refused_and_left_alone(database_url: str) -> None:
    await execute(database_url, "CREATE TABLE cookies (id INTEGER)")
    assert "another program" in str(await refusal(database_url))
    with pytest.raises(DatabaseUnusable, match="another program"):
        await migrate(database_url)
    assert await execute(database_url, "SELECT * FROM cookies") == []
    with pytest.raises((sqlite3.OperationalError, asyncpg.UndefinedTableError)):
        await execute(database_url, "SELECT * FROM client")


@pytest.mark.security("F-10")
async def test_two_processes_may_start_at_once_on_an_empty_database(database_url: str) -> None:
    program = f"import asyncio; from app.storage import prepare; asyncio.run(prepare({database_url!r}))"
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=asyncio.subprocess.PIPE) for _ in range(4)]
    for process in processes:
        _, words = await process.communicate()
        assert (process.returncode, words) == (0, b"")
    await prepare(database_url)


async def test_two_migrations_at_once_are_one(database_url: str) -> None:
    program = f"import asyncio; from app.storage import migrate; print(asyncio.run(migrate({database_url!r})))"
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    answers = [await process.communicate() for process in processes]
    assert sorted(answers) == sorted(
        [(f"(None, '{_schema.HEAD}')\n".encode(), b""), (f"('{_schema.HEAD}', '{_schema.HEAD}')\n".encode(), b"")]
    )


# SQLite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokenry.db"


@pytest.mark.security("AT-08")
async def test_file_and_its_companions_are_their_owners_alone(path: Path) -> None:
    mask = os.umask(0)
    try:
        storage = await open_storage(f"sqlite:///{path}", clock=SystemClock())
        await storage.commit(Writes(NOW, grants=[a_grant()]))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await storage.close()
    finally:
        os.umask(mask)
    assert modes == {"tokenry.db": 0o600, "tokenry.db-wal": 0o600, "tokenry.db-shm": 0o600}


@pytest.mark.security("F-02")
async def test_sqlite_syncs_every_commit(path: Path) -> None:
    storage: Any = await open_storage(f"sqlite:///{path}", clock=SystemClock())
    assert storage._writing.execute("PRAGMA synchronous").fetchone() == (2,)
    assert storage._writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    await storage.close()


async def test_relative_path_is_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await prepare("sqlite:///data 100%.db")
    assert (tmp_path / "data 100%.db").is_file()


@pytest.mark.security("F-19")
async def test_missing_folder_is_named(tmp_path: Path) -> None:
    assert str(await refusal(f"sqlite:///{tmp_path}/no/where.db")) == (
        f"the folder {tmp_path}/no of the database does not exist: create it"
    )


async def test_folder_is_no_database(tmp_path: Path) -> None:
    assert "is a folder" in str(await refusal(f"sqlite:///{tmp_path}"))


@pytest.mark.security("F-19")
@pytest.mark.parametrize("content", [b"# some notes\n" * 100, b"SQLite format 3\x00", os.urandom(4096)])
async def test_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "is no SQLite database" in str(await refusal(f"sqlite:///{path}"))
    assert path.read_bytes() == content
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.security("F-19")
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
async def test_file_that_was_cut_short_is_refused_and_left_alone(path: Path, share: float) -> None:
    await prepare(f"sqlite:///{path}")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged or cut short" in str(await refusal(f"sqlite:///{path}"))
    assert path.read_bytes() == whole[: int(len(whole) * share)]


@contextmanager
def unprivileged() -> Iterator[None]:
    """As root, do something as nobody: root may write everything."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with all above it, and only its owner may write."""
    folders = [folder for folder in (tmp_path, *tmp_path.parents) if folder.owner() == tmp_path.owner() and folder != Path("/")]
    modes = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in folders if not folder.stat().st_mode & stat.S_IXOTH}
    for folder, mode in modes.items():
        folder.chmod(mode | stat.S_IXOTH | stat.S_IROTH)
    place = tmp_path / "place"
    place.mkdir(0o555)
    yield place
    place.chmod(0o755)
    for folder, mode in modes.items():
        folder.chmod(mode)


@pytest.mark.security("F-19")
async def test_folder_that_cannot_be_written_is_named(reachable: Path) -> None:
    with unprivileged():
        message = str(await refusal(f"sqlite:///{reachable}/tokenry.db"))
    assert "give this user the right to write" in message
    assert list(reachable.iterdir()) == []


@pytest.mark.security("F-19")
@pytest.mark.parametrize("mode", [0o000, 0o444])
async def test_file_that_cannot_be_written_is_named(reachable: Path, mode: int) -> None:
    reachable.chmod(0o755)
    path = reachable / "tokenry.db"
    await prepare(f"sqlite:///{path}")
    path.chmod(mode)
    with unprivileged():
        assert "give this user the right to write" in str(await refusal(f"sqlite:///{path}"))


async def test_folder_that_cannot_be_entered_is_named(reachable: Path) -> None:
    reachable.chmod(0o700)
    (reachable / "inner").mkdir()
    reachable.chmod(0o000)
    with unprivileged():
        assert "give this user the right" in str(await refusal(f"sqlite:///{reachable}/inner/tokenry.db"))


async def test_locked_file_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.storage._sqlite_file.BUSY_IN", 0.1)
    monkeypatch.setattr("app.storage._sqlite_schema._WAL_TRIES", 2)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "locked by another program" in str(await refusal(f"sqlite:///{path}"))


async def test_busy_file_is_waited_for_while_it_switches_to_its_log(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, other.execute, ["COMMIT"])
        release.start()
        await prepare(f"sqlite:///{path}")
        release.join()
    assert await migrate(f"sqlite:///{path}") == (_schema.HEAD, _schema.HEAD)


def test_file_that_cannot_have_a_log_is_refused() -> None:
    connection: Any = sqlite3.connect(":memory:")
    with closing(connection), pytest.raises(DatabaseUnusable, match="local disk"):
        _sqlite_schema._use_log(connection, "tokenry.db")


async def test_schema_that_another_process_made_meanwhile_is_left(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(database_url)
    empty: Any = (_schema.State.EMPTY, [])
    looks = iter([True])
    see, see_too = _sqlite_schema.state, _postgresql_schema.state

    async def look_too(*arguments: Any) -> Any:
        return empty if next(looks, False) else await see_too(*arguments)

    monkeypatch.setattr(_sqlite_schema, "state", lambda *arguments: empty if next(looks, False) else see(*arguments))
    monkeypatch.setattr(_postgresql_schema, "state", look_too)
    await prepare(database_url)
    assert next(looks, False) is False


# PostgreSQL


@pytest.mark.security("F-02")
async def test_postgresql_syncs_every_commit_even_where_the_server_would_not(postgres_url: str) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    await execute(postgres_url, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    assert (await execute(postgres_url, "SHOW synchronous_commit"))[0][0] == "off"
    storage: Any = await open_storage(postgres_url, clock=SystemClock())
    await storage.commit(Writes(NOW, grants=[a_grant()]))
    assert await storage._writing._connection.fetchval("SHOW synchronous_commit") == "on"
    ((found,),) = await storage.transact(lambda catalog: catalog._rows._fetch("SHOW synchronous_commit", []))
    assert found == "on"
    await storage.close()


async def test_stronger_promise_of_the_server_is_kept(postgres_url: str) -> None:
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    await execute(postgres_url, f'ALTER DATABASE "{name}" SET synchronous_commit = remote_apply')
    storage: Any = await open_storage(postgres_url, clock=SystemClock())
    await storage.commit(Writes(NOW, grants=[a_grant()]))
    assert await storage._writing._connection.fetchval("SHOW synchronous_commit") == "remote_apply"
    await storage.close()


async def test_unreachable_server_is_named_within_three_seconds(silent_port: int) -> None:
    for url in (
        "postgresql://ada:s3cret@127.0.0.1:1/tokenry",
        "postgresql://ada:s3cret@/tokenry?host=/nowhere",
        f"postgresql://ada:s3cret@127.0.0.1:{silent_port}/tokenry",
    ):
        async with asyncio.timeout(3):
            message = str(await refusal(url))
        assert "cannot be reached" in message
        assert "s3cret" not in message


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are made, for the system takes them, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_missing_database_is_named(postgres_cluster: PostgresServer) -> None:
    message = str(await refusal(postgres_cluster.url("absent")))
    assert message.endswith("database absent does not exist: create it")


async def test_user_who_is_refused_is_told_so(postgres_url: str, new_user: Callable[[str], str]) -> None:
    url = new_user("nobody_here").replace("nobody_here", "stranger")
    assert "refuses the user or the password" in str(await refusal(url))


async def test_server_that_takes_no_connection_is_named(postgres_url: str, new_user: Callable[[str], str]) -> None:
    await execute(postgres_url, "CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 0")
    try:
        assert "takes no connections now" in str(await refusal(new_user("crowd")))
    finally:
        await execute(postgres_url, "DROP ROLE crowd")


async def test_user_who_may_not_create_tables_is_told_so(postgres_url: str, new_user: Callable[[str], str]) -> None:
    url = new_user("reader")
    await execute(postgres_url, "CREATE ROLE reader LOGIN PASSWORD 'reader'")
    try:
        assert "grant it CREATE" in str(await refusal(url))
    finally:
        await execute(postgres_url, "DROP OWNED BY reader", "DROP ROLE reader")


@pytest.fixture
def new_user(postgres_url: str) -> Callable[[str], str]:
    return lambda name: postgres_url.replace("tokenry@", f"{name}:{name}@", 1)
