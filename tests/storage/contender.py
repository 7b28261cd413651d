"""A process of its own that commits spends against others: started by the tests of races.

Reads a line of JSON, opens the database, says ``ready``, waits for a line, commits everything at once and prints who won.
"""

import asyncio
import json
import sys
from datetime import datetime

from app.core.clock import SystemClock
from app.ledger import Spend, Writes
from app.models import AuthorizationCode, Token
from app.storage import open_storage
from tests.storage.records import NOW, a_code, a_grant, a_token


async def main() -> None:
    task = json.loads(sys.stdin.readline())
    grant = a_grant(id=task["grant_id"])
    refresh_tokens = [a_token(grant, "refresh", token_hash=bytes.fromhex(h)) for h in task["refresh"]]
    codes = [a_code(grant, code_hash=bytes.fromhex(h)) for h in task["codes"]]
    keys = [bytes.fromhex(h) for h in task["count"]]
    storage = await open_storage(task["url"], clock=SystemClock())
    say("ready")
    sys.stdin.readline()
    records: list[AuthorizationCode | Token] = [*refresh_tokens, *codes]
    entries = [Writes(NOW, spend=Spend(record), tokens=[a_token(grant)]) for record in records]
    entries += [Writes(datetime.fromisoformat(task["at"]), count=[key]) for key in keys]
    receipts = await asyncio.gather(*map(storage.commit, entries))
    say(json.dumps([[r.won, [attempt.count for attempt in r.attempts.values()]] for r in receipts]))
    await storage.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


asyncio.run(main())
