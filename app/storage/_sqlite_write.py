"""A batch of writes as one transaction on SQLite: guards first, then all that the winners write."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from app.ledger import Receipt, Spend, WriteRefused, Writes
from app.models import Attempt, AuthorizationCode, Grant, Token, UsedAssertion, names_of
from app.models.record import Record, from_microseconds, to_microseconds
from app.storage._interface import LOST, REPEATED, WON, Counters
from app.storage._rows import Encoder
from app.storage._sqlite_file import FAILURES, judged

T = TypeVar("T")

_USE: Final = "INSERT INTO used_assertion (key, expires_at) VALUES (?, ?) ON CONFLICT (key) DO NOTHING"
_SPEND_CODE: Final = "UPDATE authorization_code SET used_at = ? WHERE code_hash = ? AND used_at IS NULL"
_SPEND_TOKEN: Final = (
    "UPDATE token SET used_at = ?, successor_hash = ?, successor_sealed = ? WHERE token_hash = ? AND used_at IS NULL AND revoked_at IS NULL"
)
_REVOKE_GRANT: Final = 'UPDATE "grant" SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL'
_REVOKE_ACCESS: Final = "UPDATE token SET revoked_at = ? WHERE grant_id = ? AND kind = 'access' AND revoked_at IS NULL"
_REVOKE_TOKEN: Final = "UPDATE token SET revoked_at = ? WHERE token_hash = ? AND revoked_at IS NULL"
_EXTEND: Final = "UPDATE token SET expires_at = ? WHERE token_hash = ?"
_TOUCH: Final = "UPDATE token SET last_used_at = ? WHERE token_hash = ?"
_COUNT: Final = (
    "INSERT INTO attempt (key, count, window_started_at) VALUES (?1, 1, ?2) ON CONFLICT (key) DO UPDATE SET"
    " count = CASE WHEN window_started_at <= ?3 OR window_started_at >= ?4 THEN 1 ELSE count + 1 END,"
    " window_started_at = CASE WHEN window_started_at <= ?3 OR window_started_at >= ?4"
    " THEN excluded.window_started_at ELSE window_started_at END"
    " RETURNING count, window_started_at"
)
_FORGET: Final = "DELETE FROM attempt WHERE key = ?"


def _insertion(model: type[Record]) -> tuple[str, Encoder]:
    names = names_of(model)
    marks = ", ".join("?" * len(names))
    return f'INSERT INTO "{model.table}" ({", ".join(names)}) VALUES ({marks})', Encoder(model)  # noqa: S608


_GRANT: Final = _insertion(Grant)
_CODE: Final = _insertion(AuthorizationCode)
_TOKEN: Final = _insertion(Token)


class Writer:
    """Writes batches over one connection, in one thread."""

    def __init__(self, connection: sqlite3.Connection, counters: Counters) -> None:
        self._connection = connection
        self._counters = counters

    def write(self, batch: Sequence[Writes]) -> list[Receipt | Exception]:
        """Commit a batch; where the database refuses a value, find out whose it is and leave only that entry out.

        Raises:
            StorageUnavailable: no lock in time, no room, or no database; what became of the batch is unknown.
        """
        try:
            return self.transact(lambda: list(self._apply(batch)))
        except WriteRefused as refusal:
            if len(batch) == 1:
                return [refusal]
            return self.transact(lambda: [self._apart(entry) for entry in batch])

    def transact(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, after its transaction over the connection is committed.

        Raises:
            WriteRefused: the database cannot hold a value.
            StorageUnavailable: no lock in time, no room, or no database; what became of the work is unknown.
        """
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            result = work()
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, FAILURES):
                raise judged(error) from None
            raise
        return result

    def _apart(self, entry: Writes) -> Receipt | Exception:
        self._connection.execute("SAVEPOINT entry")
        try:
            receipt: Receipt | Exception = self._apply([entry])[0]
        except FAILURES as error:
            receipt = judged(error)
            if not isinstance(receipt, WriteRefused):
                raise
            self._connection.execute("ROLLBACK TO entry")
        self._connection.execute("RELEASE entry")
        return receipt

    def _apply(self, batch: Sequence[Writes]) -> list[Receipt]:
        receipts: list[Receipt] = []
        winners: list[Writes] = []
        for entry in batch:
            if entry.once is not None and not self._use(entry.once):
                receipts.append(REPEATED)
                continue
            if entry.spend is not None and not self._spend(entry.spend, to_microseconds(entry.at)):
                receipts.append(LOST)
                continue
            winners.append(entry)
            self._change(entry)
            receipts.append(Receipt(attempts=self._count(entry)) if entry.count else WON)
        self._insert(_GRANT, [grant for entry in winners for grant in entry.grants])
        self._insert(_CODE, [code for entry in winners for code in entry.codes])
        self._insert(_TOKEN, [token for entry in winners for token in entry.tokens])
        return receipts

    def _use(self, once: UsedAssertion) -> bool:
        return self._execute(_USE, (once.key, to_microseconds(once.expires_at))).rowcount == 1

    def _spend(self, spend: Spend, at: int) -> bool:
        record = spend.record
        if isinstance(record, Token):
            arguments = (at, spend.successor_hash, spend.successor_sealed, record.token_hash)
            return self._execute(_SPEND_TOKEN, arguments).rowcount == 1
        return self._execute(_SPEND_CODE, (at, record.code_hash)).rowcount == 1

    def _change(self, entry: Writes) -> None:
        """Change rows that are there, before anything is inserted: what an entry inserts is not touched by its own revocations."""
        at = to_microseconds(entry.at)
        for grant_id in entry.revoke_grants:
            self._execute(_REVOKE_GRANT, (at, grant_id))
        for grant_id in entry.revoke_access_of:
            self._execute(_REVOKE_ACCESS, (at, grant_id))
        for token in entry.revoke_tokens:
            self._execute(_REVOKE_TOKEN, (at, token.token_hash))
        for token, expires_at in entry.extend:
            self._execute(_EXTEND, (to_microseconds(expires_at), token.token_hash))
        for token in entry.touch:
            self._execute(_TOUCH, (at, token.token_hash))
        for key in entry.forget:
            self._execute(_FORGET, (key,))

    def _count(self, entry: Writes) -> dict[bytes, Attempt]:
        at, past, future = map(to_microseconds, (entry.at, entry.at - entry.window, entry.at + entry.window))
        attempts: dict[bytes, Attempt] = {}
        for key in entry.count:
            count, started_at = self._execute(_COUNT, (key, at, past, future)).fetchone()
            attempts[key] = Attempt(key=key, count=count, window_started_at=from_microseconds(started_at))
        return attempts

    def _insert(self, insertion: tuple[str, Encoder], records: list[Any]) -> None:
        if records:
            sql, encode = insertion
            self._counters.statements += 1
            self._connection.executemany(sql, map(encode, records))

    def _execute(self, sql: str, arguments: tuple[object, ...]) -> sqlite3.Cursor:
        self._counters.statements += 1
        return self._connection.execute(sql, arguments)
