"""Looks on PostgreSQL: each over a connection of a small pool, in a transaction that only reads."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy.util import await_, greenlet_spawn

from app.ledger import StorageUnavailable
from app.storage._driver_rows import DriverRows, Style
from app.storage._postgresql_link import FAILURES, HOT_SETTINGS, STATEMENT_IN, connect
from app.storage._tables import Readable

if TYPE_CHECKING:
    from app.storage._postgresql_link import Connection

T = TypeVar("T")
_STYLE: Final = Style(arrays=True, times=False)
_BEGIN: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_CONNECTIONS: Final = 3
"""How many looks run at once."""


class Looker:
    """The pool. ``patience`` is how many seconds a look may wait for its turn; it then takes no longer than a statement may."""

    def __init__(self, dsn: str, patience: float) -> None:
        self._dsn = dsn
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[Connection] = []
        self._looks: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Readable], T]) -> T:
        """Return what ``work`` returns, over one state of the database.

        ``work`` is a plain function in a greenlet, which lets the event loop go on while a statement is under way. A look that has
        begun comes to its end whether or not the caller still waits: so no connection is ever left half-way.

        Raises:
            StorageUnavailable: no connection, no answer in time, or too many wait.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        look = self._loop.create_task(self._look(work, answer))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)
        return await answer

    async def close(self) -> None:
        """End all connections, after the looks that are under way."""
        await asyncio.gather(*self._looks)
        for connection in self._idle:
            try:
                await connection.close(timeout=1)
            except FAILURES:
                connection.terminate()
        self._idle.clear()

    async def _look(self, work: Callable[[Readable], T], answer: "asyncio.Future[T]") -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            _fail(answer, StorageUnavailable("too many requests wait for the database"))
            return
        try:
            if answer.cancelled():
                return
            connection = await self._begin()
            await _answer(connection, work, answer)
            await self._end(connection)
        except Exception as error:  # noqa: BLE001 (whatever it is, somebody waits)
            _fail(answer, error)
        finally:
            self._turns.release()

    async def _begin(self) -> "Connection":
        """Return a connection inside a transaction. Those that lay idle may all have died with the server: then a new one is made."""
        while self._idle:
            connection = self._idle.pop()
            if await _bounded(connection, _BEGIN):
                return connection
            self._drop_idle()
        try:
            connection = await connect(self._dsn, HOT_SETTINGS)
        except FAILURES as error:
            raise StorageUnavailable(f"the database cannot be reached ({type(error).__name__})") from None
        if await _bounded(connection, _BEGIN):
            return connection
        raise StorageUnavailable("the database cannot be reached")

    async def _end(self, connection: "Connection") -> None:
        """End a transaction that has only read. Nobody waits for that any more."""
        if not connection.is_closed() and await _bounded(connection, "COMMIT"):
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()


async def _bounded(connection: "Connection", sql: str) -> bool:
    """Run a statement without an answer, and say whether that went well; the connection is ended otherwise."""
    deadline = asyncio.get_running_loop().call_later(STATEMENT_IN, connection.terminate)
    try:
        await connection.execute(sql)
    except FAILURES:
        connection.terminate()
        return False
    finally:
        deadline.cancel()
    return True


async def _answer(connection: "Connection", work: Callable[[Readable], T], answer: "asyncio.Future[T]") -> None:
    """Do the work and hand on what comes of it; the connection is ended where the database failed, or took too long."""

    def fetch(sql: str, arguments: list[Any]) -> Any:  # noqa: ANN401 (records, which are sequences)
        return await_(connection.fetch(sql, *arguments))

    deadline = asyncio.get_running_loop().call_later(STATEMENT_IN, connection.terminate)
    try:
        result = await greenlet_spawn(work, DriverRows(_STYLE, fetch))
    except FAILURES as error:
        connection.terminate()
        _fail(answer, StorageUnavailable(f"the database failed ({type(error).__name__})"))
    except Exception as error:  # noqa: BLE001 (the work's own, handed to whoever asked for it)
        _fail(answer, error)
    else:
        if not answer.done():
            answer.set_result(result)
    finally:
        deadline.cancel()


def _fail(answer: "asyncio.Future[T]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
