"""One prepared statement for a whole batch of writes, on PostgreSQL: guards first, everything else only for the winners.

A statement is its own transaction, so a batch costs one round trip and one flush to disk. Its parts are data-modifying WITH queries
over the same snapshot, so no part may touch a row that another one touches: see :func:`app.storage._postgresql_write.admit`.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

from app.models import AuthorizationCode, Grant, Token, columns_of
from app.models.record import Record
from app.storage._driver_rows import KINDS


class Part(IntEnum):
    """The parts of a statement, in their order."""

    USE = 0
    SPEND_CODES = 1
    SPEND_TOKENS = 2
    GRANTS = 3
    CODES = 4
    TOKENS = 5
    REVOKE_GRANTS = 6
    REVOKE_ACCESS = 7
    CHANGE_TOKENS = 8
    COUNTS = 9
    FORGET = 10


class _Text(NamedTuple):
    """A part's columns with their types, behind the number of the entry, and its SQL over ``{rows}``; ``{won}`` is a condition.

    ``shared`` are columns whose array may hold a single value that is every row's, ``optional`` those whose array may be empty where no
    row has a value: ``unnest`` fills shorter arrays up with nulls. Encoding is paid by the element, and most rows of a busy moment
    have much in common.
    """

    columns: dict[str, str]
    sql: str
    shared: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()


def _insertion(model: type[Record]) -> _Text:
    # Arrays of the columns' types: an array of the table's row type would be a third faster, and would break every server that runs
    # while a migration adds a column.
    key, *others = columns_of(model)
    columns = {column.name: KINDS[column.kind] for column in (key, *others)}
    return _Text(
        columns,
        f'INSERT INTO "{model.table}" ({", ".join(columns)}) SELECT {{values}} FROM {{rows}} WHERE {{won}}',  # noqa: S608
        frozenset(one.name for one in others if one.kind is str and not one.is_nullable),
        frozenset(one.name for one in others if one.is_nullable),
    )


_TEXTS: Final[dict[Part, _Text]] = {
    # ``alone`` tells that nothing else decides whether the entry wins.
    Part.USE: _Text(
        {"key": "bytea", "expires_at": "timestamptz", "alone": "bool"},
        "INSERT INTO used_assertion AS x (key, expires_at) SELECT q.key, q.expires_at FROM {rows} WHERE {won}"
        " ON CONFLICT (key) DO NOTHING RETURNING x.key",
    ),
    Part.SPEND_CODES: _Text(
        {"hash": "bytea", "at": "timestamptz"},
        "UPDATE authorization_code x SET used_at = q.at FROM {rows} WHERE x.code_hash = q.hash AND x.used_at IS NULL AND {won}"
        " RETURNING q.n",
    ),
    Part.SPEND_TOKENS: _Text(
        {"hash": "bytea", "at": "timestamptz", "successor_hash": "bytea", "successor_sealed": "bytea"},
        "UPDATE token x SET used_at = q.at, successor_hash = q.successor_hash, successor_sealed = q.successor_sealed FROM {rows}"
        " WHERE x.token_hash = q.hash AND x.used_at IS NULL AND x.revoked_at IS NULL AND {won} RETURNING q.n",
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
_LATER: Final = {
    Part.GRANTS: ("revoked_at", "auth_time", "acr", "amr", "sid", "claims", "resource"),
    Part.CODES: ("used_at", "nonce"),
    Part.TOKENS: ("used_at", "revoked_at", "last_used_at", "successor_hash", "successor_sealed", "resource"),
}
"""The last columns of what is inserted, in which a new record holds nothing yet, or nothing in most requests."""
LATER: Final = {part: len(names) for part, names in _LATER.items()}
"""How many those are."""
SHARED: Final = {part: tuple(name in text.shared for name in text.columns) for part, text in _TEXTS.items() if part in _LATER}
OPTIONAL: Final = {part: tuple(name in text.optional for name in text.columns) for part, text in _TEXTS.items() if part in _LATER}
"""Of each column of what is inserted: see :class:`_Text`."""
UNSOUND: Final = -1
"""Stands for the count in the row of a reliance that failed."""
REPEATED: Final = -2
"""Stands for the count in the row of an entry whose assertion had been used."""
_UNSOUND: Final = (
    (
        "unsound AS (SELECT q.n FROM unnest($1::int[], $2::text[], $3::int[], $4::bytea[], $5::int[], $6::timestamptz[])"
        " AS q(n, client_id, version, key, below, since)"
        " LEFT JOIN client c ON c.client_id = q.client_id LEFT JOIN attempt a ON a.key = q.key"
        " WHERE c.version IS DISTINCT FROM q.version OR (a.count >= q.below AND a.window_started_at > q.since))"
    ),
    "sound AS (SELECT NOT EXISTS (SELECT FROM unsound) AS is_so)",
)
_RELIANCE_COLUMNS: Final = 6
_NEW: Final = "q.n NOT IN (SELECT n FROM repeated)"
_WINNERS: Final = {
    Part.USE: "SELECT n FROM used WHERE is_new AND alone",
    Part.SPEND_CODES: "SELECT n FROM SPEND_CODES",
    Part.SPEND_TOKENS: "SELECT n FROM SPEND_TOKENS",
}
"""The entries that win by each guard."""


class Shape(NamedTuple):
    """What a statement must be able to do.

    Its parts in their order, those whose last columns hold something after all, and whether entries rely on what was remembered.
    """

    parts: tuple[Part, ...]
    full: tuple[Part, ...] = ()
    relies: bool = False

    @property
    def is_guarded(self) -> bool:
        """Whether an entry may lose. Then every row begins with the number of its entry, or nothing if that has no guard."""
        return self.parts[0] <= Part.SPEND_TOKENS


def _value(name: str, given: Sequence[str], position: int, text: _Text) -> str:
    """Return where a column's value comes from; a shared one stands alone."""
    if name not in text.shared:
        return f"q.{name}"
    array = f"${position + given.index(name)}::{text.columns[name]}[]"
    return f"CASE cardinality({array}) WHEN 1 THEN ({array})[1] ELSE q.{name} END"


@lru_cache(maxsize=1024)
def statement_for(shape: Shape) -> str:
    """Return the statement of a shape. It takes an array for each column of each part, behind those of what is relied on.

    Its rows are the numbers of the entries whose guard won, the counters, what was relied on in vain, and the numbers of the entries
    whose assertion had been used; of all there may be none. Where something was relied on in vain, nothing is written.
    """
    guards = [part for part in shape.parts if part <= Part.SPEND_TOKENS]
    uses = Part.USE in guards
    won = "(q.n IS NULL OR q.n IN (SELECT n FROM won))" if guards else "true"
    sound = "(SELECT is_so FROM sound)" if shape.relies else "true"
    queries: list[str] = [*_UNSOUND] if shape.relies else []
    position = 1 + _RELIANCE_COLUMNS if shape.relies else 1
    for part in shape.parts:
        kinds = ({"n": "int"} if guards else {}) | _TEXTS[part].columns
        later = () if part in shape.full else _LATER.get(part, ())
        given = [name for name in kinds if name not in later]
        arrays = ", ".join(f"${position + i}::{kinds[name]}[]" for i, name in enumerate(given))
        values = ", ".join(_value(name, given, position, _TEXTS[part]) for name in _TEXTS[part].columns)
        nothing = "".join(f", NULL::{kinds[name]} AS {name}" for name in later)
        rows = f"(SELECT *{nothing} FROM unnest({arrays}) AS given({', '.join(given)})) AS q"  # noqa: S608 (our own names)
        won_here = f"{sound} AND {won}"
        if part in guards:
            won_here = f"{sound} AND {_NEW}" if uses and part is not Part.USE else sound
        queries.append(f"{part.name} AS ({_TEXTS[part].sql.format(rows=rows, won=won_here, values=values)})")
        if part is Part.USE:
            used = f"(SELECT q.n, q.alone, q.key IN (SELECT key FROM USE) AS is_new FROM {rows} WHERE {sound})"  # noqa: S608 (our own names)
            queries += [f"used AS {used}", "repeated AS (SELECT n FROM used WHERE NOT is_new)"]
        if guards and part is guards[-1]:
            queries.append("won AS (" + " UNION ALL ".join(_WINNERS[guard] for guard in guards) + ")")
        position += len(given)
    answers = ["SELECT n, NULL::bytea, NULL::int, NULL::timestamptz FROM won"] if guards else []
    if Part.COUNTS in shape.parts:
        answers.append("SELECT NULL::int, key, count, window_started_at FROM COUNTS")
    if uses:
        answers.append(f"SELECT n, NULL::bytea, {REPEATED}, NULL::timestamptz FROM repeated")  # noqa: S608 (a number)
    if shape.relies:
        answers.append(f"SELECT n, NULL::bytea, {UNSOUND}, NULL::timestamptz FROM unsound")  # noqa: S608 (a number)
    return f"WITH {', '.join(queries)} {' UNION ALL '.join(answers) or 'SELECT WHERE false'}"
