"""The file of an SQLite database and the connections to it."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from app.ledger import StorageUnavailable, WriteRefused

BUSY_IN: Final = 2.0
"""Seconds to wait for another process that writes; below the deadline of a request."""
PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",  # a commit outlives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -32768",  # up to 32 MB: the pages of random keys are written again and again
    "PRAGMA wal_autocheckpoint = 4000",  # 16 MB: so that they are copied back less often
)
"""What every connection asks for."""

_REFUSED: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError, UnicodeError)
FAILURES: Final = (sqlite3.Error, OverflowError, UnicodeError)
"""All that goes wrong with a statement."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which must be there, with durable commits and a log that lets readers pass the writer."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_IN,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    for pragma in PRAGMAS:
        connection.execute(pragma)
    return connection


def create(path: Path) -> None:
    """Make an empty file for its owner alone if there is none; SQLite gives its companions the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def judged(error: BaseException) -> Exception:
    """Say whether the values or the database are to blame."""
    if isinstance(error, _REFUSED):
        return WriteRefused(type(error).__name__)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return StorageUnavailable(f"the database failed ({name})")
