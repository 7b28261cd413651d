"""What load and commit mean, in the plainest way: over plain operations on rows, one entry at a time.

The portable engine runs this over SQLAlchemy Core, the tests' fake over memory; the native engines must agree with it.
"""

from app.ledger import Facts, Held, Needs, Receipt, Spend, Writes
from app.models import Attempt, AuthorizationCode, Client, ClientShop, Grant, Resource, Shop, Token, UsedAssertion, User
from app.models.record import Record
from app.storage._interface import LOST, REPEATED, WON
from app.storage._load import Presented
from app.storage._tables import Rows
from app.storage.catalog import client_of, user_by_login


def load(rows: Rows, needs: Needs) -> Facts:
    """Return what is found for the needs."""
    facts = Facts()
    if needs.client_id is not None:
        facts.client = _client(rows, needs.client_id)
    if needs.shop is not None and facts.client is not None:
        facts.shop = _granted_shop(rows, facts.client.client_id, facts.client.dialect, needs.shop)
    if needs.code_hash is not None:
        facts.code = _held(rows, rows.find(AuthorizationCode, code_hash=needs.code_hash))
    if needs.token_hash is not None:
        facts.token = _held(rows, rows.find(Token, token_hash=needs.token_hash))
    if needs.bearer_hash is not None:
        facts.bearer = _held(rows, rows.find(Token, token_hash=needs.bearer_hash))
    if needs.login is not None:
        facts.user = user_by_login(rows, needs.login)
    facts.attempts = {attempt.key: attempt for attempt in rows.find(Attempt, key=list(needs.attempts))} if needs.attempts else {}
    facts.resources = {one.uri: one for one in rows.find(Resource, uri=list(needs.resources))} if needs.resources else {}
    return facts


def commit(rows: Rows, writes: Writes) -> Receipt:
    """Write one entry, inside one transaction."""
    if writes.once is not None:
        if rows.find(UsedAssertion, key=writes.once.key):
            return REPEATED
        rows.insert(writes.once)
    if writes.spend is not None and not _spend(rows, writes.spend, writes):
        return LOST
    _change(rows, writes)
    attempts = {key: _count(rows, key, writes) for key in writes.count}
    records: list[Record] = [*writes.grants, *writes.codes, *writes.tokens]
    for record in records:
        rows.insert(record)
    return Receipt(attempts=attempts) if attempts else WON


def _client(rows: Rows, client_id: str) -> Client | None:
    client = client_of(rows, client_id)
    if client is not None:
        client.resources = tuple(rows.find(Resource, introspection_client=client_id, disabled_at=None, order_by=["uri"]))
    return client


def _granted_shop(rows: Rows, client_id: str, dialect: str, code: str) -> Shop | None:
    shops = rows.find(Shop, dialect=dialect, code=code, disabled_at=None)
    granted = rows.find(ClientShop, client_id=client_id, shop_id=[shop.id for shop in shops])
    return shops[0] if granted else None


def _held(rows: Rows, records: list[Presented]) -> Held[Presented] | None:
    grants = [grant for record in records for grant in rows.find(Grant, id=record.grant_id)]
    if not grants:
        return None
    record, grant = records[0], grants[0]
    users = rows.find(User, id=grant.user_id) if grant.user_id is not None else []
    granted = rows.find(ClientShop, client_id=grant.client_id, shop_id=grant.shop_id) if grant.shop_id is not None else []
    shops = rows.find(Shop, id=[link.shop_id for link in granted])
    successor: bytes | None = getattr(record, "successor_hash", None)  # a code has none
    successors = rows.find(Token, token_hash=successor) if successor is not None else []
    return Held(
        record,
        grant,
        _client(rows, grant.client_id),
        users[0] if users else None,
        shops[0] if shops else None,
        any(token.used_at is not None for token in successors),
    )


def _spend(rows: Rows, spend: Spend, writes: Writes) -> bool:
    record = spend.record
    if isinstance(record, Token):
        marks = {"used_at": writes.at, "successor_hash": spend.successor_hash, "successor_sealed": spend.successor_sealed}
        return rows.change(Token, marks, token_hash=record.token_hash, used_at=None, revoked_at=None) == 1
    return rows.change(AuthorizationCode, {"used_at": writes.at}, code_hash=record.code_hash, used_at=None) == 1


def _change(rows: Rows, writes: Writes) -> None:
    revoked = {"revoked_at": writes.at}
    if writes.revoke_grants:
        rows.change(Grant, revoked, id=writes.revoke_grants, revoked_at=None)
    if writes.revoke_access_of:
        rows.change(Token, revoked, grant_id=writes.revoke_access_of, kind="access", revoked_at=None)
    for token in writes.revoke_tokens:
        rows.change(Token, revoked, token_hash=token.token_hash, revoked_at=None)
    for token, expires_at in writes.extend:
        rows.change(Token, {"expires_at": expires_at}, token_hash=token.token_hash)
    for token in writes.touch:
        rows.change(Token, {"last_used_at": writes.at}, token_hash=token.token_hash)
    for key in writes.forget:
        rows.remove(Attempt, key=key)


def _count(rows: Rows, key: bytes, writes: Writes) -> Attempt:
    """Add one failure: the change is repeated where another one came between reading and changing."""
    while found := rows.find(Attempt, key=key):
        old = found[0]
        # Over, or begun by a clock that was put back since; requests that overtake each other differ by less.
        is_over = abs(writes.at - old.window_started_at) >= writes.window
        new = Attempt(key=key, count=1, window_started_at=writes.at)
        if not is_over:
            new = Attempt(key=key, count=old.count + 1, window_started_at=old.window_started_at)
        marks = {"count": new.count, "window_started_at": new.window_started_at}
        if rows.change(Attempt, marks, key=key, count=old.count, window_started_at=old.window_started_at) == 1:
            return new
    new = Attempt(key=key, count=1, window_started_at=writes.at)
    rows.insert(new)
    return new
