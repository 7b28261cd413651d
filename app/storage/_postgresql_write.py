"""One prepared statement for a whole batch of writes, on PostgreSQL: guards first, everything else only for the winners.

A statement is its own transaction, so a batch costs one round trip and one flush to disk. Its parts are data-modifying WITH queries
over the same snapshot, so no part may touch a row that another one touches: see :func:`admit`.
"""

from collections.abc import Iterator, Sequence
from enum import Enum, IntEnum
from functools import cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from app.ledger import Spend, Writes
from app.models import AuthorizationCode, Grant, Token, UtcDateTime
from app.models.record import Record
from app.storage._rows import taker


class Part(IntEnum):
    """The parts of a statement, in the order of their parameters."""

    SPEND_CODES = 0
    SPEND_TOKENS = 1
    GRANTS = 2
    CODES = 3
    TOKENS = 4
    REVOKE_GRANTS = 5
    REVOKE_ACCESS = 6
    CHANGE_TOKENS = 7
    COUNTS = 8
    FORGET = 9


class _Text(NamedTuple):
    """A part's columns with their types, after the entry's number, and its SQL over ``{rows}``; ``{won}`` is a condition."""

    columns: tuple[tuple[str, str], ...]
    sql: str


_KINDS: Final = {"VARCHAR": "text", "TEXT": "text", "BLOB": "bytea", "INTEGER": "int", "BOOLEAN": "bool"}


def _insertion(model: type[Record]) -> _Text:
    columns = tuple(
        (column.name, "timestamptz" if isinstance(column.type, UtcDateTime) else _KINDS[str(column.type).partition("(")[0]])
        for column in model.table.columns
    )
    names = ", ".join(name for name, _ in columns)
    values = ", ".join(f"q.{name}" for name, _ in columns)
    return _Text(columns, f'INSERT INTO "{model.table.name}" ({names}) SELECT {values} FROM {{rows}} WHERE {{won}}')  # noqa: S608


_HASH: Final = ("hash", "bytea")
_AT: Final = ("at", "timestamptz")
_ID: Final = ("id", "text")
_KEY: Final = ("key", "bytea")
_TEXTS: Final[dict[Part, _Text]] = {
    Part.SPEND_CODES: _Text(
        (_HASH, _AT),
        "UPDATE authorization_code x SET used_at = q.at FROM {rows} WHERE x.code_hash = q.hash AND x.used_at IS NULL RETURNING q.n",
    ),
    Part.SPEND_TOKENS: _Text(
        (_HASH, _AT, ("successor_hash", "bytea"), ("successor_sealed", "bytea")),
        "UPDATE token x SET used_at = q.at, successor_hash = q.successor_hash, successor_sealed = q.successor_sealed FROM {rows}"
        " WHERE x.token_hash = q.hash AND x.used_at IS NULL AND x.revoked_at IS NULL RETURNING q.n",
    ),
    Part.GRANTS: _insertion(Grant),
    Part.CODES: _insertion(AuthorizationCode),
    Part.TOKENS: _insertion(Token),
    Part.REVOKE_GRANTS: _Text(
        (_ID, _AT),
        'UPDATE "grant" x SET revoked_at = q.at FROM {rows} WHERE x.id = q.id AND x.revoked_at IS NULL AND {won}',
    ),
    Part.REVOKE_ACCESS: _Text(
        (_ID, _AT),
        "UPDATE token x SET revoked_at = q.at FROM {rows} WHERE x.grant_id = q.id AND x.kind = 'access' AND x.revoked_at IS NULL AND {won}",
    ),
    Part.CHANGE_TOKENS: _Text(
        (_HASH, ("revoked_at", "timestamptz"), ("expires_at", "timestamptz"), ("last_used_at", "timestamptz")),
        "UPDATE token x SET revoked_at = coalesce(x.revoked_at, q.revoked_at), expires_at = coalesce(q.expires_at, x.expires_at),"
        " last_used_at = coalesce(q.last_used_at, x.last_used_at) FROM {rows} WHERE x.token_hash = q.hash AND {won}",
    ),
    # All increments of a key are one row here: their sum, and the start of the window that may begin with them.
    Part.COUNTS: _Text(
        (_KEY, _AT, ("cutoff", "timestamptz")),
        "INSERT INTO attempt AS x (key, count, window_started_at) SELECT q.key, count(*), min(q.at) FROM {rows} WHERE {won}"
        " GROUP BY q.key ORDER BY q.key ON CONFLICT (key) DO UPDATE SET (count, window_started_at) = ("
        "SELECT CASE WHEN over THEN excluded.count ELSE x.count + excluded.count END,"
        " CASE WHEN over THEN excluded.window_started_at ELSE x.window_started_at END"
        " FROM (SELECT x.window_started_at <= max(q.cutoff) OR x.window_started_at > max(q.at) AS over"
        " FROM {rows} WHERE q.key = x.key) AS judged)"
        " RETURNING x.key, x.count, x.window_started_at",
    ),
    Part.FORGET: _Text((_KEY,), "DELETE FROM attempt x USING {rows} WHERE x.key = q.key AND {won}"),
}
_take_grant: Final = taker(Grant)
_take_code: Final = taker(AuthorizationCode)
_take_token: Final = taker(Token)


class Columns(NamedTuple):
    """The values of one part of a batch, column by column; a column that holds nothing is left out."""

    part: Part
    names: tuple[str, ...]
    values: list[Sequence[Any]]


@cache
def statement_for(parts: tuple[tuple[Part, tuple[str, ...]], ...]) -> str:
    """Return the statement of a batch that has these parts, in their order, with these columns.

    Its rows are the numbers of the entries whose guard won, and the counters; of both there may be none.
    """
    guards = [part for part, _ in parts if part <= Part.SPEND_TOKENS]
    won = "(q.n IS NULL OR q.n IN (SELECT n FROM won))" if guards else "true"
    queries: list[str] = []
    position = 0
    for part, names in parts:
        arrays = ", ".join(f"${position + i}::{_KIND_OF[part][name]}[]" for i, name in enumerate(names, 1))
        position += len(names)
        absent = [f"NULL::{kind} AS {name}" for name, kind in _KIND_OF[part].items() if name not in names]
        rows = f"unnest({arrays}) AS q({', '.join(names)})"
        if absent:
            rows = f"(SELECT *, {', '.join(absent)} FROM {rows}) AS q"  # noqa: S608 (our own names)
        queries.append(f"{part.name} AS ({_SQL[part].format(rows=rows, won=won)})")
        if guards and part is guards[-1]:
            queries.append("won AS (" + " UNION ALL ".join(f"SELECT n FROM {guard.name}" for guard in guards) + ")")  # noqa: S608
    answers = ["SELECT n, NULL::bytea, NULL::int, NULL::timestamptz FROM won"] if guards else []
    if parts[-1][0] is Part.COUNTS or (len(parts) > 1 and parts[-2][0] is Part.COUNTS):
        answers.append("SELECT NULL::int, key, count, window_started_at FROM COUNTS")
    return f"WITH {', '.join(queries)} {' UNION ALL '.join(answers) or 'SELECT WHERE false'}"


_INSERTIONS: Final = (Part.GRANTS, Part.CODES, Part.TOKENS)
_by_key: Final = itemgetter(1)


def _changes(guard: int | None, entry: Writes) -> Iterator[tuple[Part, list[tuple[Any, ...]]]]:
    at = entry.at
    if entry.revoke_grants:
        yield Part.REVOKE_GRANTS, [(guard, grant_id, at) for grant_id in entry.revoke_grants]
    if entry.revoke_access_of:
        yield Part.REVOKE_ACCESS, [(guard, grant_id, at) for grant_id in entry.revoke_access_of]
    if entry.revoke_tokens or entry.extend or entry.touch:
        yield Part.CHANGE_TOKENS, _token_changes(guard, entry)
    if entry.count:
        yield Part.COUNTS, [(guard, key, at, at - entry.window) for key in entry.count]
    if entry.forget:
        yield Part.FORGET, [(guard, key) for key in entry.forget]


def _token_changes(guard: int | None, entry: Writes) -> list[tuple[Any, ...]]:
    """Bring all that happens to one token into one row."""
    revoked = dict.fromkeys((token.token_hash for token in entry.revoke_tokens), entry.at)
    extended = {token.token_hash: expires_at for token, expires_at in entry.extend}
    touched = dict.fromkeys((token.token_hash for token in entry.touch), entry.at)
    hashes = revoked | extended | touched
    return [(guard, key, revoked.get(key), extended.get(key), touched.get(key)) for key in hashes]


class Verdict(Enum):
    """What becomes of an entry before its batch is sent."""

    ADMITTED = "admitted"
    LOST = "lost"
    WAITS = "waits"


def admit(batch: Sequence[Writes]) -> list[Verdict]:
    """Say which entries of a batch may share a statement; the first one always may.

    No row may be touched twice in one statement. An entry loses to an earlier one that spends the same code or token; it waits if
    the family of its spend or its changes, or a counter, is changed in another way by an earlier entry. What is changed in the same
    way by several needs no care: concurrent entries have no order, so whichever the database takes is right.
    """
    spent: set[bytes] = set()
    changed: dict[object, int] = {}
    verdicts: list[Verdict] = []
    for entry in batch:
        key = None if entry.spend is None else _spent_hash(entry.spend)
        if key is not None and key in spent:
            verdicts.append(Verdict.LOST)
            continue
        fits = all([changed.setdefault(subject, way) == way for subject, way in _ways(entry)])  # noqa: C419 (all are noted)
        if fits and key is not None:
            spent.add(key)
        verdicts.append(Verdict.ADMITTED if fits else Verdict.WAITS)
    return verdicts


def _spent_hash(spend: Spend) -> bytes:
    return spend.record.token_hash if isinstance(spend.record, Token) else spend.record.code_hash


def _ways(entry: Writes) -> Iterator[tuple[object, int]]:
    """Name the families and counters that an entry changes, and a number for the way it does."""
    families: set[str] = set()
    way = 0
    if entry.spend is not None:
        families.add(entry.spend.record.grant_id)
        way = 1
    if entry.revoke_grants:
        families.update(entry.revoke_grants)
        way |= 2
    if entry.revoke_access_of:
        families.update(entry.revoke_access_of)
        way |= 4
    if entry.revoke_tokens:
        families.update(token.grant_id for token in entry.revoke_tokens)
        way |= 8
    if entry.extend:
        families.update(token.grant_id for token, _ in entry.extend)
        way |= 16
    if entry.touch:
        families.update(token.grant_id for token in entry.touch)
        way |= 32
    for family in families:
        yield family, way
    for key in entry.count:
        yield key, 64
    for key in entry.forget:
        yield key, 128
