"""What an entry writes, and that it wins or loses as a whole."""

import asyncio
from datetime import timedelta

import pytest

from app.ledger import Facts, Held, Needs, Receipt, Spend, Writes
from app.models import AuthorizationCode, Token
from app.storage import Storage
from tests.storage.conftest import Database
from tests.storage.records import NOW, a_code, a_grant, a_token, fresh_hash

LATER = NOW + timedelta(seconds=30)


async def token_of(storage: Storage, token: Token) -> Held[Token]:
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    return held


async def code_of(storage: Storage, code: AuthorizationCode) -> Held[AuthorizationCode]:
    held = (await storage.load(Needs(code_hash=code.code_hash))).code
    assert held is not None
    return held


@pytest.mark.security("AT-07")
async def test_longest_values_come_back_uncut(storage: Storage) -> None:
    grant = a_grant(id="i" * 22, dialect="d" * 64, grant_type="g" * 64, client_id="店" * 200, scope="s" * 4096)
    code = a_code(grant, redirect_uri="https://a/" + "é" * 4000, code_challenge="c" * 128, code_challenge_method="m" * 16)
    token = a_token(grant, scope="s" * 4096, successor_hash=fresh_hash(), successor_sealed=b"\x00\xff" * 4096)
    assert await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[token])) == Receipt()
    assert (await token_of(storage, token)).record == token
    held = await code_of(storage, code)
    assert (held.record, held.grant) == (code, grant)


async def test_smallest_records_come_back_with_nothing_added(storage: Storage) -> None:
    grant = a_grant(scope="")
    code = AuthorizationCode(code_hash=fresh_hash(), grant_id=grant.id, created_at=NOW, expires_at=NOW)
    token = Token(token_hash=fresh_hash(), kind="refresh", grant_id=grant.id, scope="", issued_at=NOW)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[token]))
    assert (await token_of(storage, token)).record == token
    assert (await code_of(storage, code)).record == code


async def test_spent_code_is_marked_and_yields_its_tokens(storage: Storage) -> None:
    grant = a_grant()
    code, token = a_code(grant), a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    assert (await storage.commit(Writes(LATER, spend=Spend(code), tokens=[token]))).won
    assert (await code_of(storage, code)).record.used_at == LATER
    assert (await token_of(storage, token)).record == token


async def test_spent_token_is_marked_and_names_its_successor(storage: Storage) -> None:
    grant = a_grant()
    old, new = a_token(grant, "refresh"), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], tokens=[old]))
    assert (await storage.commit(Writes(LATER, spend=Spend(old, new.token_hash, b"sealed"), tokens=[new]))).won
    record = (await token_of(storage, old)).record
    assert (record.used_at, record.successor_hash, record.successor_sealed) == (LATER, new.token_hash, b"sealed")


async def test_nothing_of_a_loser_is_written(storage: Storage) -> None:
    grant, other = a_grant(), a_grant()
    code, refresh, bystander = a_code(grant), a_token(grant, "refresh"), a_token(other)
    key, kept = fresh_hash(), fresh_hash()
    await storage.commit(Writes(NOW, grants=[grant, other], codes=[code], tokens=[refresh, bystander], count=[kept]))
    await storage.commit(Writes(NOW, spend=Spend(code)))
    await storage.commit(Writes(NOW, spend=Spend(refresh)))
    for spend in (Spend(code), Spend(refresh, fresh_hash(), b"other")):
        new_grant = a_grant()
        new_code, new_token = a_code(new_grant), a_token(new_grant)
        loser = Writes(
            LATER,
            spend=spend,
            grants=[new_grant],
            codes=[new_code],
            tokens=[new_token],
            revoke_grants=[grant.id],
            revoke_access_of=[other.id],
            revoke_tokens=[bystander],
            extend=[(bystander, LATER)],
            touch=[bystander],
            count=[key],
            forget=[kept],
        )
        assert await storage.commit(loser) == Receipt(won=False)
        needs = Needs(code_hash=new_code.code_hash, token_hash=new_token.token_hash, attempts=(key, kept))
        facts = await storage.load(needs)
        assert facts == Facts(attempts=facts.attempts)
        assert set(facts.attempts) == {kept}
    assert (await token_of(storage, bystander)).record == bystander
    assert (await code_of(storage, code)).grant == grant
    record = (await token_of(storage, refresh)).record
    assert (record.used_at, record.successor_hash, record.successor_sealed) == (NOW, None, None)


async def test_unknown_and_revoked_records_cannot_be_spent(storage: Storage) -> None:
    grant = a_grant()
    revoked = a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], tokens=[revoked]))
    await storage.commit(Writes(NOW, revoke_tokens=[revoked]))
    for record in (revoked, a_token(grant, "refresh"), a_code(grant)):
        new = a_token(grant)
        assert not (await storage.commit(Writes(LATER, spend=Spend(record), tokens=[new]))).won
        assert (await storage.load(Needs(token_hash=new.token_hash))).token is None


async def test_revoked_family_keeps_the_moment_of_its_first_revocation(storage: Storage) -> None:
    grant, other = a_grant(), a_grant()
    token = a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant, other], tokens=[token]))
    await storage.commit(Writes(NOW, revoke_grants=[grant.id]))
    await storage.commit(Writes(LATER, revoke_grants=[grant.id, other.id, "unknown"]))
    held = await token_of(storage, token)
    assert held.grant.revoked_at == NOW
    assert held.record == token


async def test_access_tokens_of_a_family_end_but_not_those_of_the_same_entry(storage: Storage) -> None:
    grant, stranger = a_grant(), a_grant()
    access, refresh, foreign = a_token(grant), a_token(grant, "refresh"), a_token(stranger)
    await storage.commit(Writes(NOW, grants=[grant, stranger], tokens=[access, refresh, foreign]))
    new_access, new_refresh = a_token(grant), a_token(grant, "refresh")
    entry = Writes(LATER, spend=Spend(refresh, new_refresh.token_hash), tokens=[new_access, new_refresh], revoke_access_of=[grant.id])
    assert (await storage.commit(entry)).won
    revoked = {name: (await token_of(storage, token)).record.revoked_at for name, token in locals().items() if isinstance(token, Token)}
    assert revoked == {"access": LATER, "refresh": None, "foreign": None, "new_access": None, "new_refresh": None}


async def test_single_token_ends_alone_and_once(storage: Storage) -> None:
    grant = a_grant()
    token, sibling = a_token(grant), a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token, sibling]))
    await storage.commit(Writes(NOW, revoke_tokens=[token]))
    await storage.commit(Writes(LATER, revoke_tokens=[token]))
    assert (await token_of(storage, token)).record.revoked_at == NOW
    assert (await token_of(storage, sibling)).record == sibling


async def test_token_is_extended_and_touched(storage: Storage) -> None:
    grant = a_grant()
    access, refresh = a_token(grant), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], tokens=[access, refresh]))
    end = NOW + timedelta(hours=9, microseconds=1)
    await storage.commit(Writes(LATER, extend=[(access, end)], touch=[refresh]))
    assert (await token_of(storage, access)).record.expires_at == end
    assert (await token_of(storage, access)).record.last_used_at is None
    touched = (await token_of(storage, refresh)).record
    assert (touched.last_used_at, touched.expires_at) == (LATER, refresh.expires_at)


async def test_one_token_may_be_changed_in_several_ways_by_one_entry(storage: Storage) -> None:
    grant = a_grant()
    token = a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token]))
    entry = Writes(LATER, revoke_tokens=[token], extend=[(token, LATER)], touch=[token], revoke_access_of=[grant.id])
    await storage.commit(Writes(LATER, extend=[(token, LATER)], touch=[token]))
    await storage.commit(entry)
    record = (await token_of(storage, token)).record
    assert (record.revoked_at, record.expires_at, record.last_used_at) == (LATER, LATER, LATER)


async def test_entry_that_contradicts_itself_is_refused_before_it_is_sent(storage: Storage) -> None:
    token, key = a_token(a_grant(), "refresh"), fresh_hash()
    for entry in (
        Writes(NOW, spend=Spend(token), revoke_tokens=[token]),
        Writes(NOW, spend=Spend(token), touch=[token]),
        Writes(NOW, spend=Spend(token), extend=[(token, NOW)]),
        Writes(NOW, count=[key], forget=[key]),
    ):
        with pytest.raises(ValueError, match="an entry must not"):
            await storage.commit(entry)
    assert await storage.load(Needs(attempts=(key,))) == Facts()


async def test_contradictory_changes_of_one_family_at_once_are_all_made(storage: Storage) -> None:
    """They cannot share a statement: all that fit go first, the others next."""
    grant = a_grant()
    code, access, refresh = a_code(grant), a_token(grant), a_token(grant, "refresh")
    new_access, new_refresh = a_token(grant), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[access, refresh]))
    receipts = await asyncio.gather(
        storage.commit(Writes(LATER, spend=Spend(refresh, new_refresh.token_hash, b"x"), tokens=[new_refresh])),
        storage.commit(Writes(LATER, spend=Spend(code), tokens=[new_access])),
        storage.commit(Writes(LATER, touch=[refresh], extend=[(access, LATER)])),
        storage.commit(Writes(LATER, revoke_tokens=[access])),
        storage.commit(Writes(LATER, revoke_grants=[grant.id])),
        storage.commit(Writes(LATER, revoke_grants=[grant.id])),
        storage.commit(Writes(LATER, revoke_access_of=[grant.id])),
    )
    assert all(receipt.won for receipt in receipts)
    changed = (await token_of(storage, access)).record
    assert (changed.revoked_at, changed.expires_at) == (LATER, LATER)
    changed = (await token_of(storage, refresh)).record
    assert (changed.used_at, changed.last_used_at, changed.successor_hash) == (LATER, LATER, new_refresh.token_hash)
    assert (await code_of(storage, code)).record.used_at == LATER
    assert (await token_of(storage, new_refresh)).grant.revoked_at == LATER


async def test_same_changes_of_one_family_at_once_are_made_together(storage: Storage) -> None:
    grant = a_grant()
    access, refresh = a_token(grant), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], tokens=[access, refresh]))
    ends = [NOW + timedelta(seconds=n) for n in range(10)]
    await asyncio.gather(*(storage.commit(Writes(end, extend=[(access, end)], touch=[refresh])) for end in ends))
    assert (await token_of(storage, access)).record.expires_at in ends
    assert (await token_of(storage, refresh)).record.last_used_at in ends


async def test_what_is_committed_is_seen_by_the_next_load_of_another_storage(database: Database) -> None:
    one, another = await database.open(), await database.open()
    for _ in range(10):
        grant = a_grant()
        token = a_token(grant)
        await one.commit(Writes(NOW, grants=[grant], tokens=[token]))
        assert (await token_of(another, token)).record == token
        await another.commit(Writes(NOW, revoke_grants=[grant.id]))
        assert (await token_of(one, token)).grant.revoked_at == NOW


async def test_loads_commits_and_statements_are_counted(storage: Storage) -> None:
    grant = a_grant()
    await storage.commit(Writes(NOW, grants=[grant], tokens=[a_token(grant)]))
    await storage.load(Needs(client_id="client"))
    assert (storage.counters.loads, storage.counters.commits) == (1, 1)
