"""A connection to PostgreSQL of our own: made when it is needed, dropped when it is in doubt, bounded in time."""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import asyncpg

from app.ledger import StorageUnavailable, WriteRefused
from app.storage import _postgresql_arrays as arrays

if TYPE_CHECKING:
    from asyncpg.prepared_stmt import PreparedStatement

    Connection = asyncpg.Connection[asyncpg.Record]

CONNECT_IN: Final = 2.0
"""Seconds a connection may take to be made."""
STATEMENT_IN: Final = 2.5
"""Seconds a statement of the hot path may take, here and on the server."""
FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""All that goes wrong with a connection or a statement; asyncio's and the system's time-outs among them."""

HOT_SETTINGS: Final = {
    "statement_timeout": f"{STATEMENT_IN * 1000:.0f}",
    # Every statement of the hot path looks rows up by their keys. Said once, the planner is neither asked for each batch nor misled
    # by a table that was empty when it was asked.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "join_collapse_limit": "1",
    "jit": "off",
}
_STATEMENTS: Final = 100
"""How many prepared statements a connection keeps; there are as many as kinds of batches, mostly a dozen."""
# A commit that is not on disk when it is answered breaks a promise after a power cut. Stronger values are the operator's choice.
_DURABLE: Final = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
_REFUSED: Final = ("22", "23")
"""Classes of SQLSTATE: the value or the row is not what the table can hold."""
_UNDONE: Final = ("40001", "40P01")
"""Serialization failure and deadlock."""


class Undone(Exception):  # noqa: N818 (a state)
    """The database undid the statement because of others at work: nothing was written, and it may be sent again."""


async def connect(dsn: str, settings: Mapping[str, str] = MappingProxyType({})) -> "Connection":
    """Make a connection with durable commits, and these settings.

    They are said in a statement: poolers refuse to be told when the connection is made.
    """
    statements = [*(f"SET {name} = '{value}'" for name, value in settings.items()), _DURABLE]
    async with asyncio.timeout(CONNECT_IN):
        connection = await asyncpg.connect(dsn, server_settings={"application_name": "tokenry"})
        try:
            await connection.execute("; ".join(statements))
        except BaseException:
            connection.terminate()
            raise
    return connection


class Link:
    """Runs the prepared statements of one direction, reads or writes."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._statements: dict[str, PreparedStatement[asyncpg.Record]] = {}

    async def fetch(self, sql: str, arguments: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Run a statement and return its rows.

        Raises:
            WriteRefused: the database cannot hold a value.
            Undone: nothing was done, because of a deadlock or a conflict.
            StorageUnavailable: no connection, no answer in time, or no room; what became of the statement is unknown.
        """
        connection = await self._open()
        # Ended from outside: a cancelled fetch would ask the server to stop over a second connection, which may hang as well.
        deadline = self._loop.call_later(STATEMENT_IN, connection.terminate)
        try:
            statement = self._statements.get(sql)
            if statement is None:
                if len(self._statements) >= _STATEMENTS:
                    del self._statements[next(iter(self._statements))]
                statement = self._statements[sql] = await connection.prepare(sql)
            return cast("Sequence[Sequence[Any]]", await statement.fetch(*arguments))  # a Record is one, but its type does not say so
        except FAILURES as error:
            # "from None": the driver's words may repeat the values.
            failure = judged(error)
            if isinstance(failure, StorageUnavailable):
                self._drop()
            raise failure from None
        finally:
            deadline.cancel()

    async def close(self) -> None:
        """End the connection, in order if the server answers."""
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=1)
            except FAILURES:
                connection.terminate()

    async def _open(self) -> "Connection":
        if self._connection is None or self._connection.is_closed():
            self._drop()
            try:
                self._connection = await connect(self._dsn, HOT_SETTINGS)
            except FAILURES as error:
                raise StorageUnavailable(f"the database cannot be reached ({type(error).__name__})") from None
            arrays.use(self._connection)
        return self._connection

    def _drop(self) -> None:
        self._statements.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def judged(error: BaseException) -> Exception:
    """Translate a driver's error into the ledger's words, without the statement and its values."""
    state = (isinstance(error, asyncpg.PostgresError) and error.sqlstate) or ""
    if state in _UNDONE:
        return Undone(state)
    if state.startswith(_REFUSED) or isinstance(error, UnicodeError | OverflowError):
        return WriteRefused(f"{type(error).__name__} {state}".rstrip())
    return StorageUnavailable(f"the database failed ({type(error).__name__}{f' {state}' if state else ''})")
