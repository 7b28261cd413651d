"""One prepared statement for a whole batch of writes, on PostgreSQL: guards first, everything else only for the winners.

A statement is its own transaction, so a batch costs one round trip and one flush to disk. Its parts are data-modifying WITH queries
over the same snapshot, so no part may touch a row that another one touches: see :func:`app.storage._postgresql_write.admit`.
"""

from enum import IntEnum
from functools import cache
from typing import Final, NamedTuple

from app.models import AuthorizationCode, Grant, Token, UtcDateTime
from app.models.record import Record


class Part(IntEnum):
    """The parts of a statement, in their order."""

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
    """A part's columns with their types, behind the number of the entry, and its SQL over ``{rows}``; ``{won}`` is a condition."""

    columns: dict[str, str]
    sql: str


_KINDS: Final = {"VARCHAR": "text", "TEXT": "text", "BLOB": "bytea", "INTEGER": "int", "BOOLEAN": "bool"}


def _insertion(model: type[Record]) -> _Text:
    columns = {
        column.name: "timestamptz" if isinstance(column.type, UtcDateTime) else _KINDS[str(column.type).partition("(")[0]]
        for column in model.table.columns
    }
    names, values = ", ".join(columns), ", ".join(f"q.{name}" for name in columns)
    return _Text(columns, f'INSERT INTO "{model.table.name}" ({names}) SELECT {values} FROM {{rows}} WHERE {{won}}')  # noqa: S608


_TEXTS: Final[dict[Part, _Text]] = {
    Part.SPEND_CODES: _Text(
        {"hash": "bytea", "at": "timestamptz"},
        "UPDATE authorization_code x SET used_at = q.at FROM {rows} WHERE x.code_hash = q.hash AND x.used_at IS NULL RETURNING q.n",
    ),
    Part.SPEND_TOKENS: _Text(
        {"hash": "bytea", "at": "timestamptz", "successor_hash": "bytea", "successor_sealed": "bytea"},
        "UPDATE token x SET used_at = q.at, successor_hash = q.successor_hash, successor_sealed = q.successor_sealed FROM {rows}"
        " WHERE x.token_hash = q.hash AND x.used_at IS NULL AND x.revoked_at IS NULL RETURNING q.n",
    ),
    Part.GRANTS: _insertion(Grant),
    Part.CODES: _insertion(AuthorizationCode),
    Part.TOKENS: _insertion(Token),
    Part.REVOKE_GRANTS: _Text(
        {"id": "text", "at": "timestamptz"},
        'UPDATE "grant" x SET revoked_at = q.at FROM {rows} WHERE x.id = q.id AND x.revoked_at IS NULL AND {won}',
    ),
    Part.REVOKE_ACCESS: _Text(
        {"id": "text", "at": "timestamptz"},
        "UPDATE token x SET revoked_at = q.at FROM {rows} WHERE x.grant_id = q.id AND x.kind = 'access' AND x.revoked_at IS NULL AND {won}",
    ),
    Part.CHANGE_TOKENS: _Text(
        {"hash": "bytea", "revoked_at": "timestamptz", "expires_at": "timestamptz", "last_used_at": "timestamptz"},
        "UPDATE token x SET revoked_at = coalesce(x.revoked_at, q.revoked_at), expires_at = coalesce(q.expires_at, x.expires_at),"
        " last_used_at = coalesce(q.last_used_at, x.last_used_at) FROM {rows} WHERE x.token_hash = q.hash AND {won}",
    ),
    # All failures of a key are one row here: their sum, and the start of the window that may begin with them.
    Part.COUNTS: _Text(
        {"key": "bytea", "at": "timestamptz", "past": "timestamptz", "future": "timestamptz"},
        "INSERT INTO attempt AS x (key, count, window_started_at) SELECT q.key, count(*), min(q.at) FROM {rows} WHERE {won}"
        " GROUP BY q.key ORDER BY q.key ON CONFLICT (key) DO UPDATE SET (count, window_started_at) = ("
        "SELECT CASE WHEN over THEN excluded.count ELSE x.count + excluded.count END,"
        " CASE WHEN over THEN excluded.window_started_at ELSE x.window_started_at END"
        " FROM (SELECT x.window_started_at <= max(q.past) OR x.window_started_at >= max(q.future) AS over"
        " FROM {rows} WHERE q.key = x.key) AS judged)"
        " RETURNING x.key, x.count, x.window_started_at",
    ),
    Part.FORGET: _Text({"key": "bytea"}, "DELETE FROM attempt x USING {rows} WHERE x.key = q.key AND {won}"),
}
COLUMNS: Final = {part: ("n", *text.columns) for part, text in _TEXTS.items()}
"""The names of each part's columns; ``n`` is the number of the entry if that has a guard."""


@cache
def statement_for(parts: tuple[tuple[Part, tuple[str, ...]], ...]) -> str:
    """Return the statement of a batch that has these parts with these columns; columns that are absent hold nothing.

    Its rows are the numbers of the entries whose guard won, and the counters; of both there may be none.
    """
    guards = [part for part, _ in parts if part <= Part.SPEND_TOKENS]
    won = "(q.n IS NULL OR q.n IN (SELECT n FROM won))" if guards else "true"
    queries: list[str] = []
    position = 1
    for part, names in parts:
        kinds = {"n": "int"} | _TEXTS[part].columns
        arrays = ", ".join(f"${position + i}::{kinds[name]}[]" for i, name in enumerate(names))
        nothing = "".join(f", NULL::{kind} AS {name}" for name, kind in kinds.items() if name not in names)
        rows = f"(SELECT *{nothing} FROM unnest({arrays}) AS given({', '.join(names)})) AS q"  # noqa: S608 (our own names)
        queries.append(f"{part.name} AS ({_TEXTS[part].sql.format(rows=rows, won=won)})")
        if guards and part is guards[-1]:
            queries.append("won AS (" + " UNION ALL ".join(f"SELECT n FROM {guard.name}" for guard in guards) + ")")  # noqa: S608
        position += len(names)
    answers = ["SELECT n, NULL::bytea, NULL::int, NULL::timestamptz FROM won"] if guards else []
    if any(part is Part.COUNTS for part, _ in parts):
        answers.append("SELECT NULL::int, key, count, window_started_at FROM COUNTS")
    return f"WITH {', '.join(queries)} {' UNION ALL '.join(answers) or 'SELECT WHERE false'}"
