"""Deleting what is dead, in small transactions with pauses, so that those who issue tokens meanwhile do not notice.

Nothing relies on it: expiry is judged at use. What tells a replay, used codes and tokens, stays until its family ends.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select

from app.models import Attempt, AuthorizationCode, Grant, PasswordReset, Session, SessionClient, Token, UsedAssertion
from app.storage._cold import Cold

_SIZES: Final = (10, 250)
"""The fewest and most families or keys that one transaction looks at."""
_ROWS_EACH: Final = 4
"""How many rows one statement deletes at most for each of them: a thousand altogether."""
_ENDED_FOR: Final = timedelta(hours=1)
"""How long a family's end must be past: longer than any request in flight, and than clocks differ."""
_REVOKED_FOR: Final = timedelta(days=1)
"""How long a revoked family is kept, so that a replay soon after is still known for one."""
_COUNTED_FOR: Final = timedelta(days=1)
"""How long a counter is kept: longer than any window."""


class Step(NamedTuple):
    """What one transaction did: the rows that it deleted, and where the next one begins; ``None`` is the end."""

    deleted: int
    cursor: str | bytes | None


async def purge(cold: Cold, now: datetime) -> int:
    """Delete dead families, access tokens that living families have replaced, and what else is over; return the number of rows."""
    deleted = await _walk(cold, "", partial(_expired_families, now))
    deleted += await _walk(cold, "", partial(_revoked_families, now))
    deleted += await _walk(cold, b"", partial(_replaced_tokens, now))
    for table in (Session.table, SessionClient.table, PasswordReset.table):
        deleted += await _walk(cold, b"", partial(_ended, table, now))
    deleted += await _walk(cold, b"", partial(_ended, UsedAssertion.table, now - _ENDED_FOR))
    return deleted + await _walk(cold, b"", partial(_old_counters, now))


async def _walk(cold: Cold, cursor: str | bytes | None, step: Callable[[int, str | bytes, Connection], Step]) -> int:
    """Repeat a step to its end, each time as large as the time allows, and pause as long as it took."""
    deleted, size = 0, _SIZES[1] // 2
    while cursor is not None:
        began = time.monotonic()
        done = await cold.run(partial(step, size, cursor))
        took = time.monotonic() - began
        deleted += done.deleted
        cursor = done.cursor
        size = int(min(max(size * cold.transaction_in / max(took, 0.001), size / 2, _SIZES[0]), size * 2, _SIZES[1]))
        await asyncio.sleep(took)
    return deleted


def _expired_families(now: datetime, size: int, _cursor: str | bytes, connection: Connection) -> Step:
    grant = Grant.table.c
    dead = select(grant.id).where(grant.expires_at <= now - _ENDED_FOR).order_by(grant.expires_at).limit(size)
    families = list(connection.scalars(dead))
    return Step(_delete_families(connection, families, size)[0], "" if families else None)


def _revoked_families(now: datetime, size: int, cursor: str | bytes, connection: Connection) -> Step:
    """Look at one page of all families: an index on the moment of revocation would cost every issue of a token."""
    grant = Grant.table.c
    end = _page_end(connection, Grant.table, size, cursor)
    dead = _in_page(grant.id, cursor, end) & (grant.revoked_at <= now - _REVOKED_FOR)
    deleted, done = _delete_families(connection, list(connection.scalars(select(grant.id).where(dead))), size)
    return Step(deleted, end if done else cursor)


def _replaced_tokens(now: datetime, size: int, cursor: str | bytes, connection: Connection) -> Step:
    """Look at one page of all tokens: an expired access token goes once its family has a younger one.

    The youngest stays: a dialect may extend it while its refresh token lives.
    """
    token = Token.table.c
    younger = Token.table.alias("younger")
    end = _page_end(connection, Token.table, size, cursor)
    replaced = exists().where(younger.c.grant_id == token.grant_id, younger.c.kind == "access", younger.c.issued_at > token.issued_at)
    dead = _in_page(token.token_hash, cursor, end) & (token.kind == "access") & (token.expires_at <= now - _ENDED_FOR) & replaced
    keys = list(connection.scalars(select(token.token_hash).where(dead)))
    return Step(_delete(connection, token.token_hash, keys), end)


def _ended(table: Table, now: datetime, size: int, _cursor: str | bytes, connection: Connection) -> Step:
    """Delete what is past its end and that nobody needs any more: sessions and reset links, which are personal data, used assertions."""
    (key,) = table.primary_key.columns
    keys = list(connection.scalars(select(key).where(table.c.expires_at <= now).order_by(table.c.expires_at).limit(size)))
    return Step(_delete(connection, key, keys), b"" if keys else None)


def _old_counters(now: datetime, size: int, cursor: str | bytes, connection: Connection) -> Step:
    attempt = Attempt.table.c
    end = _page_end(connection, Attempt.table, size, cursor)
    dead = _in_page(attempt.key, cursor, end) & (attempt.window_started_at <= now - _COUNTED_FOR)
    return Step(_delete(connection, attempt.key, list(connection.scalars(select(attempt.key).where(dead)))), end)


def _delete_families(connection: Connection, families: list[str], size: int) -> tuple[int, bool]:
    """Delete families with what is theirs; return the number of rows, and whether nothing is left for another transaction."""
    deleted = 0
    for table in (Token.table, AuthorizationCode.table):
        (key,) = table.primary_key.columns
        keys = list(connection.scalars(select(key).where(table.c.grant_id.in_(families)).limit(size * _ROWS_EACH)))
        deleted += _delete(connection, key, keys)
        if len(keys) == size * _ROWS_EACH:
            return deleted, False
    return deleted + _delete(connection, Grant.table.c.id, families), True


def _delete(connection: Connection, key: ColumnElement[object], keys: list[object] | list[str]) -> int:
    if not keys:
        return 0
    return connection.execute(delete(key.table).where(key.in_(keys))).rowcount


def _page_end(connection: Connection, table: Table, size: int, cursor: str | bytes) -> str | bytes | None:
    """Return the last key of the page behind the cursor, or ``None`` on the last page."""
    (key,) = table.primary_key.columns
    found: str | bytes | None = connection.scalar(select(key).where(key > cursor).order_by(key).offset(size * _ROWS_EACH - 1).limit(1))
    return found


def _in_page(key: ColumnElement[object], cursor: str | bytes, end: str | bytes | None) -> ColumnElement[bool]:
    return (key > cursor) if end is None else (key > cursor) & (key <= end)
