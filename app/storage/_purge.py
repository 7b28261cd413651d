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

from app.models import Attempt, AuthorizationCode, Grant, Token
from app.storage._cold import Cold

_ROWS: Final = 1000
"""The most rows that one statement deletes."""
_FAMILIES: Final = 200
"""The most families that one transaction looks at."""
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
    """Delete dead families, access tokens that living families have replaced, and old counters; return the number of rows."""
    deleted = await _walk(cold, "", partial(_expired_families, now))
    deleted += await _walk(cold, "", partial(_revoked_families, now))
    deleted += await _walk(cold, b"", partial(_replaced_tokens, now))
    return deleted + await _walk(cold, b"", partial(_old_counters, now))


async def _walk(cold: Cold, cursor: str | bytes | None, step: Callable[[str | bytes, Connection], Step]) -> int:
    deleted = 0
    while cursor is not None:
        began = time.monotonic()
        done = await cold.run(partial(step, cursor))
        deleted += done.deleted
        cursor = done.cursor
        await asyncio.sleep(time.monotonic() - began)
    return deleted


def _expired_families(now: datetime, _cursor: str | bytes, connection: Connection) -> Step:
    grant = Grant.table.c
    dead = select(grant.id).where(grant.expires_at <= now - _ENDED_FOR).order_by(grant.expires_at).limit(_FAMILIES)
    families = list(connection.scalars(dead))
    return Step(_delete_families(connection, families)[0], "" if families else None)


def _revoked_families(now: datetime, cursor: str | bytes, connection: Connection) -> Step:
    """Look at one page of all families: an index on the moment of revocation would cost every issue of a token."""
    grant = Grant.table.c
    end = _page_end(connection, Grant.table, cursor)
    dead = _in_page(grant.id, cursor, end) & (grant.revoked_at <= now - _REVOKED_FOR)
    deleted, done = _delete_families(connection, list(connection.scalars(select(grant.id).where(dead))))
    return Step(deleted, end if done else cursor)


def _replaced_tokens(now: datetime, cursor: str | bytes, connection: Connection) -> Step:
    """Look at one page of all tokens: an expired access token goes once its family has a younger one.

    The youngest stays: a dialect may extend it while its refresh token lives.
    """
    token = Token.table.c
    younger = Token.table.alias("younger")
    end = _page_end(connection, Token.table, cursor)
    replaced = exists().where(younger.c.grant_id == token.grant_id, younger.c.kind == "access", younger.c.issued_at > token.issued_at)
    dead = _in_page(token.token_hash, cursor, end) & (token.kind == "access") & (token.expires_at <= now - _ENDED_FOR) & replaced
    keys = list(connection.scalars(select(token.token_hash).where(dead)))
    return Step(_delete(connection, token.token_hash, keys), end)


def _old_counters(now: datetime, cursor: str | bytes, connection: Connection) -> Step:
    attempt = Attempt.table.c
    end = _page_end(connection, Attempt.table, cursor)
    dead = _in_page(attempt.key, cursor, end) & (attempt.window_started_at <= now - _COUNTED_FOR)
    return Step(_delete(connection, attempt.key, list(connection.scalars(select(attempt.key).where(dead)))), end)


def _delete_families(connection: Connection, families: list[str]) -> tuple[int, bool]:
    """Delete families with what is theirs; return the number of rows, and whether nothing is left for another transaction."""
    deleted = 0
    for table in (Token.table, AuthorizationCode.table):
        (key,) = table.primary_key.columns
        keys = list(connection.scalars(select(key).where(table.c.grant_id.in_(families)).limit(_ROWS)))
        deleted += _delete(connection, key, keys)
        if len(keys) == _ROWS:
            return deleted, False
    return deleted + _delete(connection, Grant.table.c.id, families), True


def _delete(connection: Connection, key: ColumnElement[object], keys: list[object] | list[str]) -> int:
    if not keys:
        return 0
    return connection.execute(delete(key.table).where(key.in_(keys))).rowcount


def _page_end(connection: Connection, table: Table, cursor: str | bytes) -> str | bytes | None:
    """Return the last key of the page behind the cursor, or ``None`` on the last page."""
    (key,) = table.primary_key.columns
    found: str | bytes | None = connection.scalar(select(key).where(key > cursor).order_by(key).offset(_ROWS - 1).limit(1))
    return found


def _in_page(key: ColumnElement[object], cursor: str | bytes, end: str | bytes | None) -> ColumnElement[bool]:
    return (key > cursor) if end is None else (key > cursor) & (key <= end)
