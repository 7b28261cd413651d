"""One winner, whoever else is at work: requests, storages, processes."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from app.ledger import Needs, Spend, Writes
from app.models import AuthorizationCode, Token
from app.storage import Storage
from tests.storage.conftest import NATIVE, Database
from tests.storage.records import NOW, a_code, a_grant, a_token, fresh_hash

ROOT = Path(__file__).parents[3]


async def winners(storages: list[Storage], record: AuthorizationCode | Token, count: int) -> int:
    """Spend one record ``count`` times at once, each with a token of its own, and return how many of them are there."""
    grant = a_grant(id=record.grant_id)
    tokens = [a_token(grant) for _ in range(count)]
    entries = [Writes(NOW, spend=Spend(record), tokens=[token]) for token in tokens]
    receipts = await asyncio.gather(*(storages[i % len(storages)].commit(entry) for i, entry in enumerate(entries)))
    for receipt, token in zip(receipts, tokens, strict=True):
        held = (await storages[0].load(Needs(token_hash=token.token_hash))).token
        assert (held is not None) is receipt.won
    return sum(receipt.won for receipt in receipts)


@pytest.mark.security("CD-06")
@pytest.mark.security("RF-06")
@pytest.mark.parametrize("kind", ["code", "refresh"])
async def test_one_of_200_spends_at_once_wins(storage: Storage, kind: str) -> None:
    grant = a_grant()
    code, refresh = a_code(grant), a_token(grant, "refresh")
    await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[refresh]))
    assert await winners([storage], code if kind == "code" else refresh, 200) == 1


@pytest.mark.security("CD-06")
async def test_one_of_200_spends_over_two_storages_wins(database: Database) -> None:
    storages = [await database.open(), await database.open()]
    for _ in range(3 if database.engine in NATIVE else 1):
        grant = a_grant()
        code, refresh = a_code(grant), a_token(grant, "refresh")
        await storages[0].commit(Writes(NOW, grants=[grant], codes=[code], tokens=[refresh]))
        assert await winners(storages, code, 200) == 1
        assert await winners(storages, refresh, 200) == 1


async def test_different_records_are_all_won(storage: Storage) -> None:
    grants = [a_grant() for _ in range(100)]
    codes = [a_code(grant) for grant in grants]
    await storage.commit(Writes(NOW, grants=grants, codes=codes))
    entries = [Writes(NOW, spend=Spend(code), tokens=[a_token(grant)]) for code, grant in zip(codes, grants, strict=True)]
    assert all(receipt.won for receipt in await asyncio.gather(*map(storage.commit, entries)))


async def test_two_codes_of_one_family_are_both_won(storage: Storage) -> None:
    grant = a_grant()
    codes = [a_code(grant) for _ in range(10)]
    await storage.commit(Writes(NOW, grants=[grant], codes=codes))
    receipts = await asyncio.gather(*(storage.commit(Writes(NOW, spend=Spend(code), revoke_access_of=[grant.id])) for code in codes))
    assert all(receipt.won for receipt in receipts)


@pytest.mark.security("F-03")
@pytest.mark.parametrize("database", NATIVE, indirect=True)
async def test_two_processes_share_one_winner_for_each_record_and_one_count(database: Database) -> None:
    storage = await database.open()
    grant = a_grant()
    codes, refresh_tokens = [a_code(grant) for _ in range(50)], [a_token(grant, "refresh") for _ in range(50)]
    await storage.commit(Writes(NOW, grants=[grant], codes=codes, tokens=refresh_tokens))
    task = {
        "url": database.url,
        "grant_id": grant.id,
        "refresh": [token.token_hash.hex() for token in refresh_tokens],
        "codes": [code.code_hash.hex() for code in codes],
        "count": [fresh_hash().hex()] * 50,
        "at": NOW.isoformat(),
    }
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.storage.contender",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    answers = []
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task).encode() + b"\n")
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    for process in processes:
        output, _ = await process.communicate()
        answers.append(json.loads(output))
    for one, another in list(zip(*answers, strict=True))[:100]:
        assert (one[0], another[0]) in {(True, False), (False, True)}
    counts = sorted(count for answer in answers for _, counted in answer[100:] for count in counted)
    assert counts == list(range(1, 101))
