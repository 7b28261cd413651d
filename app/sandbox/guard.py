"""What a service must not run with: a sandbox's database, or identities that everybody knows."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from app.admin import Change, Desk, Operator, Rules, apply, read_document
from app.core.clock import Clock
from app.core.mistakes import ExitCode, Mistake
from app.core.passwords import login_key
from app.dialects import Dialects
from app.proofs.passwords import verify_password
from app.sandbox.demo import KNOWN_DIGESTS, PASSWORD, USERNAME
from app.storage import Storage

SERVICE_RULES: Final = Rules(known_secrets=KNOWN_DIGESTS, known_passwords=(PASSWORD,))
SANDBOX_RULES: Final = Rules(minimum_secret=1, light_passwords=True)


async def prepare_service(
    storage: Storage, dialects: Dialects, clock: Clock, config: Path | None, actor: str, sealing_key: Callable[[], bytes] | None = None
) -> list[Change]:
    """Make a database ready to serve: refuse one with demo identities, then apply the file, which must bring every secret itself.

    ``sealing_key`` gives the key that seals the secrets of clients which sign with them.

    Raises:
        Mistake: with the reason; nothing is changed then.
        StorageUnavailable: the database is away.
    """
    rules = replace(SERVICE_RULES, makes_secrets=False)
    operator = Operator(storage=storage, dialects=dialects, clock=clock, actor=actor, rules=rules, sealing_key=sealing_key)
    await refuse_demo_identities(operator)
    return await apply(operator, read_document(config, dialects)) if config is not None else []


async def refuse_demo_identities(operator: Operator) -> None:
    """Refuse a database that is marked as a sandbox's, or in which somebody has a published demo secret or password.

    Raises:
        Mistake: it has.
    """

    def work(desk: Desk) -> str | None:
        if desk.is_sandbox:
            raise Mistake("this database is a sandbox's, and a service must not run on it: name another one", ExitCode.CONFIGURATION)
        known = sorted({secret.client_id for secret in desk.catalog.secrets_among(KNOWN_DIGESTS)})
        if known:
            raise Mistake(
                f"clients have published demo secrets: give each its own with tokenry clients rotate-secret ({', '.join(known)})",
                ExitCode.CONFIGURATION,
            )
        user = desk.catalog.user_by_login(login_key(USERNAME))
        return user.password_hash if user is not None else None

    password_hash = await operator.look(work)
    if password_hash is not None and await asyncio.to_thread(verify_password, password_hash, PASSWORD):
        raise Mistake(
            f"the user {USERNAME} has the published demo password: change it with tokenry users set-password {USERNAME}",
            ExitCode.CONFIGURATION,
        )
