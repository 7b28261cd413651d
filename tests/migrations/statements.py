"""The schema as SQL: `make schema` writes it from the models, a file for each database."""

from pathlib import Path
from typing import Final

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from app.models.schema import metadata

FOLDER: Final = Path(__file__).parents[2] / "app" / "storage" / "schema"
DIALECTS: Final[dict[str, Dialect]] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy's own
}


def schema_for(dialect: Dialect) -> str:
    """Return the statements that make all tables and their indexes."""
    made = ["-- Written by `make schema` from app/models/schema.py; what an empty database gets. Not to be changed by hand."]
    for table in metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements: list[ClauseElement] = [CreateTable(table), *map(CreateIndex, indexes)]
        for statement in statements:
            lines = str(statement.compile(dialect=dialect)).strip().replace("\t", "  ").splitlines()
            made.append("\n".join(line.rstrip() for line in lines) + ";")
    return "\n".join(made) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, dialect in DIALECTS.items():
        (FOLDER / f"{name}.sql").write_text(schema_for(dialect), encoding="utf-8")
