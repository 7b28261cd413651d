"""Looks and operators' work on PostgreSQL: each over a connection of a small pool, in one transaction."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from app.ledger import StorageUnavailable
from app.storage._driver_rows import DriverRows, Style
from app.storage._greenlets import in_greenlet, wait_for
from app.storage._postgresql_link import FAILURES, HOT_SETTINGS, STATEMENT_IN, Undone, connect, judged
from app.storage._schema import TURN

if TYPE_CHECKING:
    from app.storage._postgresql_link import Connection

T = TypeVar("T")
_STYLE: Final = Style(arrays=True, times=False)
_TAKE_TURN: Final = f"SELECT pg_advisory_xact_lock({TURN})"
"""Operators' transactions come one after the other, so that what one reads stays true until it has written."""
_TRIES: Final = 3


class Kind(NamedTuple):
    """What transactions of a pool are for. ``patience`` is how many seconds one may wait for its turn, ``within`` how long it may take."""

    begin: str
    settings: Mapping[str, str]
    connections: int
    patience: float
    within: float
    commits: bool = False


def looking(patience: float) -> Kind:
    """Return the kind that sees one state of the database and takes no lock."""
    return Kind("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", HOT_SETTINGS, 3, patience, STATEMENT_IN)


WORKING: Final = Kind("BEGIN", {}, connections=4, patience=2.0, within=30.0, commits=True)
"""Operators' work, and the purge."""


class Transactions:
    """The pool."""

    def __init__(self, dsn: str, kind: Kind) -> None:
        self._dsn = dsn
        self._kind = kind
        self._loop = asyncio.get_running_loop()
        self._turns = asyncio.Semaphore(kind.connections)
        self._idle: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[DriverRows], T], *, alone: bool = False) -> T:
        """Return what ``work`` returns, after its transaction is committed where that counts.

        ``work`` is a plain function in a greenlet, which lets the event loop go on while a statement is under way. What has begun comes
        to its end whether or not the caller still waits: so no connection is ever left half-way. Work that the database undid because of
        others runs again. What is to be ``alone`` waits for all such work of all processes.

        Raises:
            WriteRefused: the database cannot hold a value.
            StorageUnavailable: no connection, no answer in time, or too many wait; what became of the work is unknown.
        """
        answer: asyncio.Future[T] = self._loop.create_future()
        task = self._loop.create_task(self._run(work, answer, alone=alone))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await answer

    async def close(self) -> None:
        """End all connections, after the work that is under way."""
        await asyncio.gather(*self._tasks)
        for connection in self._idle:
            try:
                await connection.close(timeout=1)
            except FAILURES:
                connection.terminate()
        self._idle.clear()

    async def _run(self, work: Callable[[DriverRows], T], answer: "asyncio.Future[T]", *, alone: bool) -> None:
        try:
            async with asyncio.timeout(self._kind.patience):
                await self._turns.acquire()
        except TimeoutError:
            _fail(answer, StorageUnavailable("too many requests wait for the database"))
            return None
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(Undone):
                    return await self._try(work, answer, alone=alone)
            _fail(answer, StorageUnavailable("the database undid the work three times"))
        except Exception as error:  # noqa: BLE001 (whatever it is, somebody waits)
            _fail(answer, error)
        finally:
            self._turns.release()
            answer.cancel()  # if it has not come: nobody is left to give it

    async def _try(self, work: Callable[[DriverRows], T], answer: "asyncio.Future[T]", *, alone: bool) -> None:
        if answer.cancelled():
            return
        connection = await self._begin()

        def fetch(sql: str, arguments: list[Any]) -> Any:  # noqa: ANN401 (records, which are sequences)
            return wait_for(connection.fetch(sql, *arguments))

        def run(sql: str, arguments: list[Any]) -> int:
            return int(wait_for(connection.execute(sql, *arguments)).rpartition(" ")[2])

        deadline = self._loop.call_later(self._kind.within, connection.terminate)
        try:
            if alone:
                await connection.execute(_TAKE_TURN)
            result = await in_greenlet(work, DriverRows(_STYLE, fetch, run))
            if self._kind.commits:
                await _commit(connection)
        except (*FAILURES, UnicodeError, OverflowError) as error:
            raise judged(error) from None
        else:
            # What has only read is answered first: nobody waits for the end of its transaction.
            if not answer.done():
                answer.set_result(result)
        finally:
            deadline.cancel()
            await self._end(connection)

    async def _begin(self) -> "Connection":
        """Return a connection inside a transaction. Those that lay idle may all have died with the server: then a new one is made."""
        while self._idle:
            connection = self._idle.pop()
            if await _bounded(connection, self._kind.begin):
                return connection
            self._drop_idle()
        try:
            # The server ends its part by itself: it does not notice that a connection is gone while it works, or waits for a lock.
            connection = await connect(self._dsn, {**self._kind.settings, "statement_timeout": f"{self._kind.within * 1000:.0f}"})
        except FAILURES as error:
            raise StorageUnavailable(f"the database cannot be reached ({type(error).__name__})") from None
        if await _bounded(connection, self._kind.begin):
            return connection
        raise StorageUnavailable("the database cannot be reached")

    async def _end(self, connection: "Connection") -> None:
        """Leave a connection for others, without a transaction; one in doubt is ended."""
        if not connection.is_closed() and (not connection.is_in_transaction() or await _bounded(connection, "ROLLBACK")):
            self._idle.append(connection)

    def _drop_idle(self) -> None:
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()


async def _commit(connection: "Connection") -> None:
    """Commit a transaction.

    Raises:
        StorageUnavailable: it had failed before, and the work went on nevertheless: PostgreSQL then rolls it back without an error.
    """
    if await connection.execute("COMMIT") != "COMMIT":
        raise StorageUnavailable("the transaction had failed")


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


def _fail(answer: "asyncio.Future[Any]", error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
