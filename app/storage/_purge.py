"""Deleting what is dead, in small transactions with pauses, so that those who issue tokens meanwhile do not notice.

Nothing relies on it: expiry is judged at use. What tells a replay, used codes and tokens, stays until its family ends.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from app.models import Attempt, AuthorizationCode, Grant, PasswordReset, Session, SessionClient, Token, UsedAssertion, names_of
from app.models.record import Record
from app.storage._tables import Rows, Until

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


Run = Callable[[Callable[[Rows], Step]], Awaitable[Step]]
"""Does a step in one transaction."""


async def purge(run: Run, transaction_in: float, now: datetime) -> int:
    """Delete dead families, access tokens that living families have replaced, and what else is over; return the number of rows.

    ``transaction_in`` is how many seconds a transaction should take.
    """

    async def walk(cursor: str | bytes | None, step: Callable[[int, str | bytes, Rows], Step]) -> int:
        """Repeat a step to its end, each time as large as the time allows, and pause as long as it took."""
        deleted, size = 0, _SIZES[1] // 2
        while cursor is not None:
            began = time.monotonic()
            done = await run(partial(step, size, cursor))
            took = time.monotonic() - began
            deleted += done.deleted
            cursor = done.cursor
            size = int(min(max(size * transaction_in / max(took, 0.001), size / 2, _SIZES[0]), size * 2, _SIZES[1]))
            await asyncio.sleep(took)
        return deleted

    deleted = await walk("", partial(_expired_families, now))
    deleted += await walk("", partial(_revoked_families, now))
    deleted += await walk(b"", partial(_replaced_tokens, now))
    for model in (Session, SessionClient, PasswordReset):
        deleted += await walk(b"", partial(_ended, model, now))
    deleted += await walk(b"", partial(_ended, UsedAssertion, now - _ENDED_FOR))
    return deleted + await walk(b"", partial(_old_counters, now))


def _expired_families(now: datetime, size: int, _cursor: str | bytes, rows: Rows) -> Step:
    dead = rows.pick(Grant, ["id"], order_by=["expires_at"], limit=size, expires_at=Until(now - _ENDED_FOR))
    families = [family for (family,) in dead]
    return Step(_delete_families(rows, families, size)[0], "" if families else None)


def _revoked_families(now: datetime, size: int, cursor: str | bytes, rows: Rows) -> Step:
    """Look at one page of all families: an index on the moment of revocation would cost every issue of a token."""
    page = _Page(rows, Grant, "id", size, cursor)
    dead = page.pick(["id"], revoked_at=Until(now - _REVOKED_FOR))
    deleted, done = _delete_families(rows, [family for (family,) in dead], size)
    return Step(deleted, page.end if done else cursor)


def _replaced_tokens(now: datetime, size: int, cursor: str | bytes, rows: Rows) -> Step:
    """Look at one page of all tokens: an expired access token goes once its family has a younger one.

    The youngest stays: a dialect may extend it while its refresh token lives.
    """
    page = _Page(rows, Token, "token_hash", size, cursor)
    over = Until(now - _ENDED_FOR)
    expired = page.pick(["token_hash", "grant_id", "issued_at"], kind="access", expires_at=over)
    families = {family for _, family, _ in expired}
    youngest = dict(rows.latest(Token, ["grant_id"], ["issued_at"], kind="access", grant_id=families)) if families else {}
    # Another process may have deleted the whole family since the page was read.
    replaced = [key for key, family, at in expired if family in youngest and at < youngest[family]]
    return Step(_delete(rows, Token, "token_hash", replaced, expires_at=over), page.end)


def _ended(model: type[Record], now: datetime, size: int, _cursor: str | bytes, rows: Rows) -> Step:
    """Delete what is past its end and that nobody needs any more: sessions and reset links, which are personal data, used assertions."""
    key = names_of(model)[0]
    keys = [one for (one,) in rows.pick(model, [key], order_by=["expires_at"], limit=size, expires_at=Until(now))]
    return Step(_delete(rows, model, key, keys, expires_at=Until(now)), b"" if keys else None)


def _old_counters(now: datetime, size: int, cursor: str | bytes, rows: Rows) -> Step:
    page = _Page(rows, Attempt, "key", size, cursor)
    over = Until(now - _COUNTED_FOR)
    old = page.pick(["key"], window_started_at=over)
    return Step(_delete(rows, Attempt, "key", [key for (key,) in old], window_started_at=over), page.end)


def _delete_families(rows: Rows, families: Sequence[str], size: int) -> tuple[int, bool]:
    """Delete families with what is theirs; return the number of rows, and whether nothing is left for another transaction."""
    if not families:
        return 0, True
    deleted = 0
    for model, key in ((Token, "token_hash"), (AuthorizationCode, "code_hash")):
        keys = [one for (one,) in rows.pick(model, [key], limit=size * _ROWS_EACH, grant_id=families)]
        deleted += _delete(rows, model, key, keys)
        if len(keys) == size * _ROWS_EACH:
            return deleted, False
    return deleted + _delete(rows, Grant, "id", families), True


def _delete(rows: Rows, model: type[Record], key: str, keys: Sequence[object], **still: object) -> int:
    """Delete records by their keys; ``still`` is what may have changed since they were found."""
    return rows.remove(model, **{key: keys}, **still) if keys else 0


class _Page:
    """So many records behind a key, in the order of their keys. ``end`` is the last key, or ``None`` on the last page."""

    def __init__(self, rows: Rows, model: type[Record], key: str, size: int, cursor: str | bytes) -> None:
        self._rows, self._model, self._key, self._after = rows, model, key, (key, cursor)
        keys = rows.pick(model, [key], after=self._after, order_by=[key], limit=size * _ROWS_EACH)
        self.end: str | bytes | None = keys[-1][0] if len(keys) == size * _ROWS_EACH else None

    def pick(self, columns: Sequence[str], **equal: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 (no name of a condition is one of pick's own)
        """Return some columns of those that meet the conditions."""
        bound: dict[str, Any] = {} if self.end is None else {self._key: Until(self.end)}
        return self._rows.pick(self._model, columns, after=self._after, **bound, **equal)
