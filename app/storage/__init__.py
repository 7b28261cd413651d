"""The database: the only room that speaks SQL.

``open_storage`` opens the database of a URL, ``load`` finds facts, ``commit`` writes; both are shared by all requests in flight
(see :mod:`app.storage._batch`). Operators and pages work in transactions over a :class:`Catalog`, and pages look at it without one.

``sqlite:///path`` and ``postgresql://…`` have engines of their own on their drivers; a URL that names a driver
(``sqlite+aiosqlite:///…``, ``postgresql+asyncpg://…``) gets the portable one on SQLAlchemy Core.
"""

from app.core.clock import Clock
from app.ledger import StorageUnavailable, WriteRefused
from app.storage._address import parse
from app.storage._consents import GrantedApp
from app.storage._errors import DatabaseUnusable, SchemaNewer, SchemaOutdated
from app.storage._interface import Counters, Storage
from app.storage._key_file import open_key
from app.storage._storage import Limits
from app.storage.catalog import Catalog

__all__ = [
    "Catalog",
    "Counters",
    "DatabaseUnusable",
    "GrantedApp",
    "Limits",
    "SchemaNewer",
    "SchemaOutdated",
    "Storage",
    "StorageUnavailable",
    "WriteRefused",
    "holds_schema",
    "migrate",
    "open_key",
    "open_storage",
    "prepare",
]


async def open_storage(url: str, *, clock: Clock, limits: Limits | None = None) -> Storage:
    """Open the database of a URL; an empty one gets its schema.

    Raises:
        SchemaOutdated: the database must be migrated first.
        SchemaNewer: the database is a later version's.
        DatabaseUnusable: there is no usable database; the message says what to do.
    """
    await prepare(url)
    address = parse(url)
    limits = limits or Limits()
    if address.driver or address.backend not in {"sqlite", "postgresql"}:
        from app.storage._portable import PortableStorage

        return PortableStorage(address, clock, limits)
    if address.path is not None:
        from app.storage._sqlite import SqliteStorage

        return SqliteStorage(address.path, clock, limits)
    from app.storage._postgresql import PostgresqlStorage

    return PostgresqlStorage(address, clock, limits)


async def prepare(url: str) -> None:
    """Make sure that the database of a URL holds our schema, and make it where there is nothing; two processes may do so at once.

    Raises:
        SchemaOutdated: the database must be migrated first.
        SchemaNewer: the database is a later version's.
        DatabaseUnusable: there is no usable database; the message says what to do.
    """
    address = parse(url)
    if address.path is not None:
        from app.storage import _sqlite_schema

        _sqlite_schema.prepare(address, address.path)
    elif address.backend == "postgresql":
        from app.storage import _postgresql_schema

        await _postgresql_schema.prepare(address)
    else:
        raise DatabaseUnusable(f"tokenry has no schema for {address.backend}")


async def holds_schema(url: str) -> bool:
    """Whether the database of a URL holds our schema; ``False`` where it is empty. Nothing is made or changed.

    Raises:
        SchemaOutdated: the database must be migrated first.
        SchemaNewer: the database is a later version's.
        DatabaseUnusable: there is no usable database; the message says what to do.
    """
    address = parse(url)
    if address.path is not None:
        from app.storage import _sqlite_schema

        return _sqlite_schema.holds_schema(address, address.path)
    if address.backend != "postgresql":
        raise DatabaseUnusable(f"tokenry has no schema for {address.backend}")
    from app.storage import _postgresql_schema

    return await _postgresql_schema.holds_schema(address)


async def migrate(url: str, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database of a URL to a revision, by default the latest, and return its revision before and after.

    Raises:
        SchemaNewer: the database is a later version's.
        DatabaseUnusable: there is no usable database; the message says what to do.
    """
    from app.storage._migrate import migrate as run

    return await run(parse(url), revision)
