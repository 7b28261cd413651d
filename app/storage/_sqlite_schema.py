"""Opening the file of an SQLite database: what it holds, and giving an empty one its schema."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from app.storage._address import Address
from app.storage._errors import DatabaseUnusable
from app.storage._schema import VERSION_TABLE, State, state_of, statements
from app.storage._sqlite_file import connect, create

_RIGHTS: Final = "give this user the right to write the file and its folder"
_REASONS: Final = {
    "SQLITE_NOTADB": "is no SQLite database: name another file",
    "SQLITE_CORRUPT": "is damaged or cut short: restore it from a backup",
    "SQLITE_BUSY": "is locked by another program: end that one, or try again",
    "SQLITE_READONLY": f"cannot be written: {_RIGHTS}",
    "SQLITE_CANTOPEN": f"cannot be opened: {_RIGHTS}",
    "SQLITE_PERM": f"cannot be opened: {_RIGHTS}",
    "SQLITE_FULL": "cannot be written: the disk is full",
}
_WAL_TRIES: Final = 200
"""Switching to the write-ahead log needs the file alone and does not wait for it; a try takes 10 ms."""


def prepare(address: Address, path: Path) -> None:
    """Make sure that the file holds our schema; make the file, and the schema, where there is nothing.

    Raises:
        DatabaseUnusable: or one of its kinds; nothing was changed.
    """
    with opened(address, path) as connection:
        _prepare(connection, address.shown)


def holds_schema(address: Address, path: Path) -> bool:
    """Whether the file holds our schema; ``False`` where it is empty.

    Raises:
        DatabaseUnusable: or one of its kinds, also where there is no file.
    """
    if not path.exists():
        raise DatabaseUnusable(f"there is no database at {path}: name the right file, or make it with tokenry migrate")
    with opened(address, path) as connection:
        return state(connection, address.shown)[0] is State.CURRENT


@contextmanager
def opened(address: Address, path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file for a while, and make it where there is none.

    Raises:
        DatabaseUnusable: it cannot be opened, or failed.
    """
    try:
        if not path.parent.is_dir():
            raise DatabaseUnusable(f"the folder {path.parent} of the database does not exist: create it")
        if path.is_dir():
            raise DatabaseUnusable(f"{path} is a folder: name a file for the database")
        create(path)
        with closing(connect(path)) as connection:
            yield connection
    except OSError as error:
        raise DatabaseUnusable(f"{path} cannot be opened ({error.strerror}): {_RIGHTS}") from None
    except sqlite3.Error as error:
        raise unusable(error, address.shown) from None


def unusable(error: sqlite3.Error, shown: str) -> DatabaseUnusable:
    """Say what is wrong with a file and what to do about it."""
    name = getattr(error, "sqlite_errorname", "")
    reason = next((words for code, words in _REASONS.items() if name.startswith(code)), f"cannot be used ({name or error})")
    return DatabaseUnusable(f"{shown} {reason}")


def state(connection: sqlite3.Connection, shown: str) -> tuple[State, list[str]]:
    """Return what the database holds, and its tables' names."""
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables = [name for name in tables if not name.startswith("sqlite_")]
    versions = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() if VERSION_TABLE in tables else []  # noqa: S608
    return state_of(tables, [version for (version,) in versions], shown), tables


def _prepare(connection: sqlite3.Connection, shown: str) -> None:
    found, _ = state(connection, shown)
    _use_log(connection, shown)
    if found is State.CURRENT:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found, tables = state(connection, shown)
        if found is State.EMPTY:
            for statement in statements("sqlite", tables):
                connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _use_log(connection: sqlite3.Connection, shown: str) -> None:
    """Switch the file to the write-ahead log, so that readers and the writer do not wait for each other."""
    for remaining in reversed(range(_WAL_TRIES)):
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or not remaining:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise DatabaseUnusable(f"{shown} lies where no write-ahead log can be kept: put it on a local disk")
        return
