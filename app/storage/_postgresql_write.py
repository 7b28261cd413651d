"""Taking a batch of writes apart for the one statement that commits it, on PostgreSQL."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from operator import itemgetter
from typing import Any, Final

from app.ledger import Spend, Writes
from app.models import AuthorizationCode, Grant, Token
from app.storage._postgresql_statement import LATER, OPTIONAL, SHARED, UNSOUND, Part, Shape, statement_for
from app.storage._rows import taker

Row = tuple[Any, ...]

_take_grant: Final = taker(Grant)
_take_code: Final = taker(AuthorizationCode)
_take_token: Final = taker(Token)
_by_key: Final = itemgetter(1)


class Verdict(Enum):
    """What becomes of an entry before its batch is sent."""

    ADMITTED = "admitted"
    LOST = "lost"
    WAITS = "waits"


def admit(batch: Sequence[Writes]) -> list[Verdict]:
    """Say which entries of a batch may share a statement; the first one always may.

    No row may be touched twice in one statement. An entry loses to an earlier one that spends the same code or token, but not before
    its own assertion is used; it waits if an earlier one uses the same assertion, or if the family of its spend or its changes, or a
    counter, is changed in another way by an earlier entry. What is changed in the same way by several needs no care: concurrent
    entries have no order, so whichever the database takes is right.
    """
    spent: set[bytes] = set()
    changed: dict[object, int] = {}
    verdicts: list[Verdict] = []
    for entry in batch:
        if entry.only_inserts:
            verdicts.append(Verdict.ADMITTED)
            continue
        key = None if entry.spend is None else _spent_hash(entry.spend)
        if key is not None and key in spent:
            verdicts.append(Verdict.LOST if entry.once is None else Verdict.WAITS)
            continue
        fits = True
        for subject, way in _ways(entry):
            # All are noted, also of an entry that waits: what comes behind it is then behind it in the next batch too.
            fits &= changed.setdefault(subject, way) == way
        if fits and key is not None:
            spent.add(key)
        verdicts.append(Verdict.ADMITTED if fits else Verdict.WAITS)
    return verdicts


def _spent_hash(spend: Spend) -> bytes:
    return spend.record.token_hash if isinstance(spend.record, Token) else spend.record.code_hash


def _ways(entry: Writes) -> list[tuple[object, int]]:
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
        families.update([token.grant_id for token in entry.revoke_tokens])
        way |= 8
    if entry.extend:
        families.update([token.grant_id for token, _ in entry.extend])
        way |= 16
    if entry.touch:
        families.update([token.grant_id for token in entry.touch])
        way |= 32
    ways: list[tuple[object, int]] = [(family, way) for family in families]
    if entry.once is not None:
        ways.append((entry.once.key, id(entry)))  # a way that no other entry has
    if entry.count:
        ways += [(key, 64) for key in entry.count]
    if entry.forget:
        ways += [(key, 128) for key in entry.forget]
    return ways


def statement_of(batch: Sequence[Writes]) -> tuple[str, list[Sequence[Any]]]:
    """Return the statement that commits a batch, and its arguments: an array for each column of each part."""
    rows_of = _rows_of(batch)
    parts = tuple(sorted(rows_of))
    is_guarded = Shape(parts).is_guarded
    full: list[Part] = []
    reliances = _reliances(batch)
    arguments: list[Sequence[Any]] = []
    if reliances:
        arguments += (range(len(reliances)), *zip(*reliances, strict=True), list(reliances.values()))
    for part in parts:
        rows = rows_of[part]
        if part not in LATER:
            # Two batches lock the rows that both change in the same order.
            rows.sort(key=_by_key)
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        if later := LATER.get(part, 0):
            if all(column.count(None) == len(rows) for column in columns[-later:]):
                del columns[-later:]
            else:
                full.append(part)
            columns[1:] = map(_shortened, columns[1:], SHARED[part], OPTIONAL[part])
        arguments += columns if is_guarded else columns[1:]
    return statement_for(Shape(parts, tuple(full), bool(reliances))), arguments


def _shortened(column: Sequence[Any], is_shared: bool, is_optional: bool) -> Sequence[Any]:  # noqa: FBT001 (as the tables say)
    """Leave out of a column what all rows have in common."""
    if is_shared and column.count(column[0]) == len(column):
        return column[:1]
    if is_optional and column.count(None) == len(column):
        return ()
    return column


def _reliances(batch: Sequence[Writes]) -> dict[tuple[Any, ...], datetime]:
    """Return what the entries rely on, mostly the same few clients, each with the earliest moment since which it must be so.

    For an entry that asks from a later moment on that is stricter: at worst it loses, and is decided again over what is loaded.
    """
    earliest: dict[tuple[Any, ...], datetime] = {}
    for entry in batch:
        if (reliance := entry.relies_on) is not None:
            since = earliest.setdefault(reliance[:-1], reliance.since)
            if reliance.since < since:
                earliest[reliance[:-1]] = reliance.since
    return earliest


def unsound_of(batch: Sequence[Writes], rows: Sequence[Sequence[Any]]) -> set[int]:
    """Return the numbers of the entries that rely on what the statement found to be no more so."""
    numbers = [row[0] for row in rows if row[2] == UNSOUND]
    if not numbers:
        return set()
    reliances = list(_reliances(batch))
    unsound = {reliances[number] for number in numbers}
    return {number for number, entry in enumerate(batch) if entry.relies_on is not None and entry.relies_on[:-1] in unsound}


def _rows_of(batch: Sequence[Writes]) -> dict[Part, list[Row]]:
    """Take a batch apart. A row begins with the number of its entry if that has a guard, else ``None``."""
    parts: dict[Part, list[Row]] = {}
    for number, entry in enumerate(batch):
        guard = None if entry.spend is None and entry.once is None else number
        if entry.once is not None:
            parts.setdefault(Part.USE, []).append((number, entry.once.key, entry.once.expires_at, entry.spend is None))
        if entry.spend is not None:
            part, row = _spend(number, entry.spend, entry)
            parts.setdefault(part, []).append(row)
        if entry.grants:
            parts.setdefault(Part.GRANTS, []).extend([(guard, *_take_grant(grant)) for grant in entry.grants])
        if entry.codes:
            parts.setdefault(Part.CODES, []).extend([(guard, *_take_code(code)) for code in entry.codes])
        if entry.tokens:
            parts.setdefault(Part.TOKENS, []).extend([(guard, *_take_token(token)) for token in entry.tokens])
        if not entry.only_inserts:
            for part, rows in _changes(guard, entry):
                parts.setdefault(part, []).extend(rows)
    return parts


def _spend(number: int, spend: Spend, entry: Writes) -> tuple[Part, Row]:
    record = spend.record
    if isinstance(record, Token):
        return Part.SPEND_TOKENS, (number, record.token_hash, entry.at, spend.successor_hash, spend.successor_sealed)
    return Part.SPEND_CODES, (number, record.code_hash, entry.at)


def _changes(guard: int | None, entry: Writes) -> Iterator[tuple[Part, list[Row]]]:
    at = entry.at
    if entry.revoke_grants:
        yield Part.REVOKE_GRANTS, [(guard, grant_id, at) for grant_id in entry.revoke_grants]
    if entry.revoke_access_of:
        yield Part.REVOKE_ACCESS, [(guard, grant_id, at) for grant_id in entry.revoke_access_of]
    if entry.revoke_tokens or entry.extend or entry.touch:
        yield Part.CHANGE_TOKENS, _token_changes(guard, entry)
    if entry.count:
        yield Part.COUNTS, [(guard, key, at, at - entry.window, at + entry.window) for key in entry.count]
    if entry.forget:
        yield Part.FORGET, [(guard, key) for key in entry.forget]


def _token_changes(guard: int | None, entry: Writes) -> list[Row]:
    """Bring all that happens to one token into one row."""
    revoked = dict.fromkeys([token.token_hash for token in entry.revoke_tokens], entry.at)
    extended = {token.token_hash: expires_at for token, expires_at in entry.extend}
    touched = dict.fromkeys([token.token_hash for token in entry.touch], entry.at)
    return [(guard, key, revoked.get(key), extended.get(key), touched.get(key)) for key in revoked | extended | touched]
