"""Where the database is: what a database URL says, and how it may be named without its secrets."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote

from app.storage._errors import DatabaseUnusable

# Strict, so that an unquoted "@", "/" or "#" inside a password never makes a part of it look like a host or a database.
_HOST: Final = r"(?:\[[0-9A-Fa-f:.%]+\]|[^@/?#\s:,\[\]]*)(?::\d+)?"
_POSTGRESQL: Final = re.compile(rf"(?:[^@/?#\s]*@)?(?P<host>{_HOST}(?:,{_HOST})*)(?:/(?P<database>[^@/?#\s]*)(?:\?(?P<query>[^@#\s]*))?)?")
_UNREADABLE: Final = (
    "the database URL cannot be read: write postgresql://user:password@host:port/database,"
    " special characters in the password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A database's address.

    ``url`` may hold a password and is never shown; ``shown`` may be. ``driver`` is named only where the portable engine is asked for.
    ``path`` is the file of an SQLite database. ``dsn`` is what asyncpg takes.
    """

    url: str = field(repr=False)
    backend: str
    driver: str
    shown: str
    path: Path | None = None

    @property
    def dsn(self) -> str:
        """Return the URL without a driver's name."""
        return f"{self.backend}://{self.url.partition('://')[2]}"


def parse(url: str) -> Address:
    """Read a database URL.

    Raises:
        DatabaseUnusable: it names no database; the message does not repeat the URL.
    """
    scheme, _, rest = url.strip().partition("://")
    backend, _, driver = scheme.lower().partition("+")
    if backend == "postgres":
        backend = "postgresql"
    if not rest or not backend.isalnum():
        raise DatabaseUnusable("the database URL must start with sqlite:/// or postgresql://")
    url = f"{backend}{'+' if driver else ''}{driver}://{rest}"
    if backend == "sqlite":
        return _sqlite(url, driver, rest)
    if backend == "postgresql":
        return _postgresql(url, driver, rest)
    if not driver:
        raise DatabaseUnusable("the database URL must start with sqlite:/// or postgresql://, or name a driver for SQLAlchemy")
    return Address(url, backend, driver, f"the {backend} database")


def _sqlite(url: str, driver: str, rest: str) -> Address:
    if not rest.startswith("/") or rest in {"/", "/:memory:"}:
        raise DatabaseUnusable("the SQLite database needs a file: write sqlite:///tokenry.db or sqlite:////absolute/path/tokenry.db")
    if "?" in rest:
        raise DatabaseUnusable("the SQLite URL takes no options: write sqlite:/// and the path of the file alone")
    path = Path(rest[1:])
    return Address(url, "sqlite", driver, str(path), path)


def _postgresql(url: str, driver: str, rest: str) -> Address:
    parts = _POSTGRESQL.fullmatch(rest)
    if parts is None:
        raise DatabaseUnusable(_UNREADABLE)
    host = parts["host"] or parse_qs(parts["query"] or "").get("host", ["this machine"])[0]
    database = unquote(parts["database"] or "")
    return Address(url, "postgresql", driver, f"PostgreSQL at {host}" + (f", database {database}" if database else ""))
