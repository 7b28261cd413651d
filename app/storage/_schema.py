"""Which schema a database has, and how an empty one gets ours."""

from collections.abc import Collection, Sequence
from enum import Enum
from pathlib import Path
from typing import Final

from app.storage._errors import DatabaseUnusable, SchemaNewer, SchemaOutdated

REVISIONS: Final[tuple[str, ...]] = ("0001", "0002", "0003", "0004", "0005", "0006")
"""The migrations, oldest first; the last one is the schema of the models."""
HEAD: Final = REVISIONS[-1]
VERSION_TABLE: Final = "alembic_version"
LOCK: Final = 0x746F6B656E7279
"""The advisory lock under which a PostgreSQL database gets or changes its schema: the name of the program as a number."""
TURN: Final = LOCK + 1
"""The advisory lock that operators' transactions hold one after the other."""

_FOLDER: Final = Path(__file__).with_name("schema")
_VERSION_DDL: Final = (
    f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
)


class State(Enum):
    """What a database holds."""

    EMPTY = "empty"
    CURRENT = "current"


def state_of(tables: Collection[str], versions: Sequence[str], shown: str) -> State:
    """Judge a database by the names of its tables and the rows of its version table.

    Raises:
        SchemaOutdated: a migration is due.
        SchemaNewer: this program does not know the schema.
        DatabaseUnusable: the tables are another program's.
    """
    if not versions:
        if set(tables) - {VERSION_TABLE}:
            raise DatabaseUnusable(f"{shown} holds tables of another program: give tokenry a database of its own")
        return State.EMPTY
    if any(version not in REVISIONS for version in versions):
        raise SchemaNewer(f"{shown} has a schema that this version does not know ({versions[0]}): run the version that made it")
    if versions[0] != HEAD:
        raise SchemaOutdated(f"{shown} has the schema of an earlier version ({versions[0]}): run: tokenry migrate")
    return State.CURRENT


def statements(backend: str, tables: Collection[str] = ()) -> list[str]:
    """Return the statements that make the whole schema and say its version; ``tables`` are those that are there.

    They stand in a file for each database, written by `make schema`: SQLAlchemy would take longer to load than they take to run.
    """
    text = (_FOLDER / f"{backend}.sql").read_text(encoding="utf-8")
    made = [statement.strip() for statement in text.split(";\n") if statement.strip()]
    if VERSION_TABLE not in tables:
        made.append(_VERSION_DDL)
    return [*made, f"INSERT INTO {VERSION_TABLE} (version_num) VALUES ('{HEAD}')"]  # noqa: S608 (our own constant)
