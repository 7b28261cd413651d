"""The migrations and the models are one schema, up and down, on both databases."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from app.core.clock import SystemClock
from app.models.schema import metadata
from app.storage import SchemaOutdated, _migrate, _schema, migrate, open_storage, prepare
from tests.migrations.statements import DIALECTS, FOLDER, schema_for

CATALOGUE = """
SELECT 'column', table_name || '.' || column_name, data_type || ' ' || coalesce(character_maximum_length::text, '') || ' ' || is_nullable
  || ' ' || ordinal_position || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
ORDER BY 1, 2
"""


async def schema_of(url: str) -> list[Any]:
    """Return everything that the database knows of its schema."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        # The same words, however they are quoted and set in lines.
        return [(kind, name, re.sub(r'[\s"]+', "", sql or "").upper()) for kind, name, sql in rows]
    server = await asyncpg.connect(url)
    rows = await server.fetch(CATALOGUE)
    await server.close()
    return [tuple(row) for row in rows]


@pytest.fixture
def second_url(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A second empty database of the same kind."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'second.db'}"
        return
    cluster = request.getfixturevalue("postgres_cluster")
    name = "second_" + database_url.partition("?")[0].rpartition("_")[2]
    yield cluster.create_database(name)
    cluster.drop_database(name)


async def test_migrated_schema_equals_the_one_that_is_made_at_once(database_url: str, second_url: str) -> None:
    await migrate(database_url)
    await prepare(second_url)
    migrated, made = await schema_of(database_url), await schema_of(second_url)
    assert migrated == made
    assert len(made) > len(metadata.tables)


async def test_models_ask_for_nothing_that_the_migrations_lack(database_url: str) -> None:
    await migrate(database_url)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    storage = await open_storage(
        database_url.replace("sqlite", "sqlite+aiosqlite", 1).replace("postgresql", "postgresql+asyncpg", 1), clock=SystemClock()
    )
    assert await storage.transact(lambda catalog: differences(catalog._rows._connection)) == []  # type: ignore[attr-defined]
    await storage.close()


@pytest.mark.parametrize("name", DIALECTS)
def test_the_schema_as_sql_is_the_models(name: str) -> None:
    assert (FOLDER / f"{name}.sql").read_text(encoding="utf-8") == schema_for(DIALECTS[name]), "run: make schema"


async def test_migrations_can_be_undone_and_done_again(database_url: str) -> None:
    assert await migrate(database_url) == (None, _schema.HEAD)
    assert await migrate(database_url) == (_schema.HEAD, _schema.HEAD)
    before = await schema_of(database_url)
    assert await migrate(database_url, "base") == (_schema.HEAD, None)
    left = [row for row in await schema_of(database_url) if "alembic_version" not in row[1]]
    assert left == []
    assert await migrate(database_url) == (None, _schema.HEAD)
    assert await schema_of(database_url) == before


async def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on a database of either kind and return the rows of the last one."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            return [connection.execute(statement).fetchall() for statement in statements][-1]
    server = await asyncpg.connect(url)
    rows = [await server.fetch(statement) for statement in statements]
    await server.close()
    return [tuple(row) for row in rows[-1]]


async def test_database_of_the_first_schema_is_refused_until_it_is_migrated_and_keeps_its_data(database_url: str) -> None:
    await migrate(database_url, "0001")
    moment = "1000000" if database_url.startswith("sqlite") else "to_timestamp(1)"
    await run(
        database_url,
        f"INSERT INTO \"user\" (id, username, username_key, created_at, updated_at) VALUES ('1', 'Ada', 'ada', {moment}, {moment})",  # noqa: S608 (our own words)
        f"INSERT INTO shop (id, dialect, code, created_at) VALUES ('2', 'youzan', '88888', {moment})",  # noqa: S608 (our own words)
    )
    with pytest.raises(SchemaOutdated, match="run: tokenry migrate"):
        await prepare(database_url)
    assert await migrate(database_url) == ("0001", _schema.HEAD)
    storage = await open_storage(database_url, clock=SystemClock())
    ada = await storage.look(lambda catalog: catalog.user("1"))
    assert ada is not None
    assert (ada.username, ada.created_at, ada.second_factor_at) == ("Ada", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), None)
    assert await storage.transact(lambda catalog: catalog.grant_user_shop("1", "2"))
    assert [shop.code for shop in await storage.look(lambda catalog: catalog.user_shops("1"))] == ["88888"]
    await storage.close()
    assert await migrate(database_url, "0001") == (_schema.HEAD, "0001")
    assert await run(database_url, 'SELECT id, username FROM "user"') == [("1", "Ada")]
    assert await migrate(database_url) == ("0001", _schema.HEAD)
    assert await run(database_url, "SELECT * FROM user_shop") == []


def test_program_names_all_revisions_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(_migrate.FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == _schema.REVISIONS
    assert scripts.get_heads() == [_schema.HEAD]
    assert len(list((_migrate.FOLDER / "versions").glob("*.py"))) == len(_schema.REVISIONS)


def test_migrations_are_found_in_an_installed_package_too(tmp_path: Path) -> None:
    package = tmp_path / "app"
    package.mkdir()
    (tmp_path / "migrations").mkdir()
    assert _migrate.folder_of(package) == tmp_path / "migrations"
    (package / "_migrations").mkdir()
    assert _migrate.folder_of(package) == package / "_migrations"
