"""Alembic, imported only here: run under the same lock as the making of a schema, in one transaction."""

import contextlib
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.util import greenlet_spawn

from app.storage._address import Address
from app.storage._errors import SchemaOutdated
from app.storage._schema import HEAD, LOCK, REVISIONS, state_of
from app.storage._sqlalchemy import begin_immediate, engine_for

Step = tuple[str | None, str | None]


def folder_of(package: Path) -> Path:
    """Return where the migrations are: inside the package where it was installed, beside it in the repository."""
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


FOLDER: Final = folder_of(Path(__file__).parents[1])


async def migrate(address: Address, revision: str) -> Step:
    """Bring a database to a revision and return its revision before and after; see :func:`app.storage.migrate`."""
    if address.path is not None:
        return _on_sqlite(address, address.path, revision)
    return await _on_postgresql(address, revision)


def _on_sqlite(address: Address, path: Path, revision: str) -> Step:
    from app.storage._sqlite_schema import opened

    with opened(address, path) as connection:
        # A table is changed by making it anew, and dropping the old one must not take along what refers to it.
        connection.execute("PRAGMA foreign_keys = OFF")
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=NullPool)
        begin_immediate(engine)
        with engine.begin() as transaction:
            return _run(transaction, revision, address.shown)


async def _on_postgresql(address: Address, revision: str) -> Step:
    from app.storage._postgresql_schema import connected

    async with connected(address):
        pass
    engine = engine_for(address)

    def work() -> Step:
        try:
            with engine.begin() as connection:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
                return _run(connection, revision, address.shown)
        finally:
            engine.dispose()

    return await greenlet_spawn(work)


def _run(connection: Connection, revision: str, shown: str) -> Step:
    before = _revision(connection)
    with contextlib.suppress(SchemaOutdated):
        state_of(inspect(connection).get_table_names(), [before] if before else [], shown)
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    if _rank(revision) < _rank(before):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)
    return before, _revision(connection)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _rank(revision: str | None) -> int:
    if revision is None or revision == "base":
        return -1
    return REVISIONS.index(HEAD if revision == "head" else revision)
