"""Opening a PostgreSQL database: whether it can be reached, what it holds, and giving an empty one its schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from app.storage._address import Address
from app.storage._errors import DatabaseUnusable
from app.storage._postgresql_link import FAILURES, connect
from app.storage._schema import LOCK, VERSION_TABLE, State, state_of, statements

if TYPE_CHECKING:
    from app.storage._postgresql_link import Connection

_LOOK_IN: Final = 2.5
"""Seconds for a look at the database."""
_CREATE_IN: Final = 60
"""Seconds for making the schema, the wait for another process that makes it among them."""
_TABLES: Final = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
)


async def prepare(address: Address) -> None:
    """Make sure that the database holds our schema; make it where there is nothing.

    Raises:
        DatabaseUnusable: or one of its kinds; nothing was changed.
    """
    async with connected(address) as connection:
        async with asyncio.timeout(_LOOK_IN):
            found, _ = await state(connection, address.shown)
        if found is State.EMPTY:
            async with asyncio.timeout(_CREATE_IN):
                await _create(connection, address.shown)


async def holds_schema(address: Address) -> bool:
    """Whether the database holds our schema; ``False`` where it is empty.

    Raises:
        DatabaseUnusable: or one of its kinds.
    """
    async with connected(address) as connection, asyncio.timeout(_LOOK_IN):
        return (await state(connection, address.shown))[0] is State.CURRENT


@asynccontextmanager
async def connected(address: Address) -> "AsyncIterator[Connection]":
    """Connect for a while.

    Raises:
        DatabaseUnusable: there is no connection, or it failed.
    """
    try:
        connection = await connect(address.dsn)
    except (*FAILURES, ValueError) as error:
        raise DatabaseUnusable(_reason(error, address)) from None
    try:
        yield connection
    except FAILURES as error:
        raise DatabaseUnusable(_reason(error, address)) from None
    finally:
        connection.terminate()


async def state(connection: "Connection", shown: str) -> tuple[State, list[str]]:
    """Return what the database holds, and its tables' names."""
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    versions = await connection.fetch(f"SELECT version_num FROM {VERSION_TABLE}") if VERSION_TABLE in tables else []  # noqa: S608
    return state_of(tables, [row[0] for row in versions], shown), tables


async def _create(connection: "Connection", shown: str) -> None:
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        found, tables = await state(connection, shown)
        if found is State.EMPTY:
            for statement in statements("postgresql", tables):
                await connection.execute(statement)


def _reason(error: BaseException, address: Address) -> str:
    """Say why there is no database, and what to do about it; the driver's own words might repeat the URL."""
    shown = address.shown
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"{shown} refuses the user or the password: check the database URL"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"{shown} does not exist: create it"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{shown} does not let this user make tables: grant it CREATE on the schema"
    if isinstance(error, asyncpg.CannotConnectNowError | asyncpg.TooManyConnectionsError):
        return f"{shown} takes no connections now ({type(error).__name__}): try again shortly"
    if isinstance(error, OSError | TimeoutError | asyncpg.PostgresConnectionError):
        return f"{shown} cannot be reached ({type(error).__name__}): is it running, and are host and port right?"
    return f"{shown} cannot be used ({type(error).__name__}): check the database URL"
