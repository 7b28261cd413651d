"""Where the commands get their tools: settings, dialects, and a database that is open while one piece of work is done."""

import asyncio
import gc
import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.core.mistakes import Mistake

if TYPE_CHECKING:
    from app.admin import Operator
    from app.settings import Settings

T = TypeVar("T")
_SQLITE = "sqlite:///"


def settings_with(database: str | None) -> "Settings":
    """Return the settings, with the database that a flag names.

    Raises:
        Mistake: a setting is wrong.
    """
    from app.settings import load_settings

    return load_settings(database_url=database)


def operate(database: str | None, work: "Callable[[Operator], Awaitable[T]]", *, is_there: bool = True) -> T:
    """Do an operator's work and return its result; ``is_there`` asks for a database that exists already.

    Raises:
        Mistake: something that is set, named or asked for cannot be.
        DialectError: a dialect file cannot be used.
        DatabaseUnusable: there is no usable database.
        StorageUnavailable: the database is away.
    """
    settings = settings_with(database)
    if is_there:
        check_it_is_there(settings.database_url.get_secret_value())
    return asyncio.run(_operate(settings, work))


async def _operate(settings: "Settings", work: "Callable[[Operator], Awaitable[T]]") -> T:
    from app.admin import SANDBOX, Operator
    from app.core.clock import SystemClock
    from app.core.secret_key import CLIENT_SECRETS
    from app.dialects import load_dialects
    from app.sandbox import SANDBOX_RULES, SERVICE_RULES
    from app.storage import open_key, open_storage

    gc.enable()
    clock, dialects = SystemClock(), load_dialects(settings.dialects)
    url, secret = settings.database_url.get_secret_value(), settings.secret_key

    def sealing_key() -> bytes:
        return open_key(url, secret.get_secret_value() if secret is not None else None).derive(CLIENT_SECRETS)

    storage = await open_storage(url, clock=clock)
    try:
        mark = await storage.transact(lambda catalog: catalog.property(SANDBOX))
        rules = SERVICE_RULES if mark is None else SANDBOX_RULES
        operator = Operator(storage=storage, dialects=dialects, clock=clock, actor=actor(), rules=rules, sealing_key=sealing_key)
        return await work(operator)
    finally:
        await storage.close()


def check_it_is_there(url: str) -> None:
    """Catch a mistyped path, which would otherwise become a new and empty database.

    Raises:
        Mistake: there is no file at the path.
    """
    if url.startswith(_SQLITE) and not Path(path := url.removeprefix(_SQLITE)).exists():
        raise Mistake(f"there is no database at {path}: name yours with --database, or make one with tokenry migrate")


def actor() -> str:
    """Return how the audit trail names whoever runs this program."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"
