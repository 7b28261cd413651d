"""Every look-up of the hot path goes by an index, on SQLite too."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.storage import _sqlite_load, _sqlite_write, prepare
from app.storage._clients import SELECT_CLIENTS

STATEMENTS = {
    name: statement
    for module in (_sqlite_load, _sqlite_write)
    for name, statement in vars(module).items()
    if isinstance(statement, str) and statement.startswith(("SELECT", "UPDATE", "DELETE")) and "{" not in statement
} | {"clients": SELECT_CLIENTS.format(condition="c.client_id IN (?, ?)")}


@pytest.mark.parametrize("name", STATEMENTS)
async def test_statement_scans_no_table(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenry.db"
    await prepare(f"sqlite:///{path}")
    statement = STATEMENTS[name]
    marks = [None] * (2 if "?2" in statement else 1 if "?1" in statement else statement.count("?"))
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", marks)]
    assert [step for step in plan if step.startswith("SCAN") and "CONSTANT ROW" not in step and "subquery" not in step] == []
    assert plan
