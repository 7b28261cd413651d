"""A sandbox from its start to its end: where its data lies, what is put there and what is said."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.admin import SANDBOX, Change, Desk, Document, Operator, apply, parse_document, read_document
from app.core.clock import Clock
from app.core.mistakes import ExitCode, Mistake
from app.core.passwords import login_key
from app.dialects import Dialects
from app.sandbox.banner import Facts, for_people, for_programs
from app.sandbox.demo import DEMO
from app.sandbox.guard import SANDBOX_RULES
from app.sandbox.reach import Reach
from app.storage import Storage


@contextmanager
def temporary_database() -> Iterator[str]:
    """Yield the URL of a database in a fresh folder that only this user may enter, and delete the folder afterwards."""
    with tempfile.TemporaryDirectory(prefix="tokenry-sandbox-", ignore_cleanup_errors=True) as folder:
        yield f"sqlite:///{Path(folder) / 'tokenry.db'}"


class Sandbox:
    """Prepares a sandbox's database and says what is in it.

    ``database`` is its name as it may be shown; ``codes`` the command that issues a code; ``is_kept`` tells that the data outlives
    the sandbox, ``reach`` from where it is reached, ``workers`` how many processes serve it.
    """

    def __init__(  # noqa: PLR0913 (each is said of it, or put into it)
        self,
        *,
        database: str,
        codes: str,
        is_kept: bool,
        config: Path | None,
        is_terminal: bool,
        reach: Reach | None = None,
        sealing_key: Callable[[], bytes] | None = None,
        workers: int = 1,
    ) -> None:
        self._database = database
        self._codes = codes
        self._is_kept = is_kept
        self._config = config
        self._reach = reach or Reach(host="localhost")
        self._sealing_key = sealing_key
        self._workers = workers
        self._render: Callable[[Facts], str] = for_people if is_terminal else for_programs
        self._made: list[Change] = []

    async def prepare(self, storage: Storage, dialects: Dialects, clock: Clock) -> None:
        """Mark the database as a sandbox's and put the demo identities there, then those of the file.

        Raises:
            Mistake: the database holds something that is no sandbox's, or the file cannot be applied.
            StorageUnavailable: the database is away.
        """
        operator = Operator(
            storage=storage, dialects=dialects, clock=clock, actor="sandbox", rules=SANDBOX_RULES, sealing_key=self._sealing_key
        )
        await operator.transact(_mark)
        declared = read_document(self._config, dialects) if self._config is not None else None
        await apply(operator, _as_known(parse_document(DEMO, "the demo identities", dialects), declared))
        if declared is not None:
            self._made = await apply(operator, declared)

    def banner(self, issuer: str, port: int) -> str:
        """Return what to print once the sandbox answers."""
        return self._render(
            Facts(
                issuer=issuer,
                address=f"http://{self._reach.nearest}:{port}",
                open_at="" if self._reach.is_loopback else self._reach.host,
                back_channel=self._reach.back_channel or "",
                database=self._database,
                is_kept=self._is_kept,
                codes=self._codes,
                workers=self._workers,
                secrets={change.name: change.secret for change in self._made if change.secret is not None},
            )
        )


def _as_known(demo: Document, declared: Document | None) -> Document:
    """Return the demo identities with the ids that a file has for them: apps know people by these, in the sandbox that it came from too."""
    ids = {login_key(entry.declared.username or ""): entry.declared.id for entry in declared.users} if declared is not None else {}
    users = (replace(entry, declared=replace(entry.declared, id=ids.get(login_key(entry.declared.username or "")))) for entry in demo.users)
    return replace(demo, users=tuple(users))


def _mark(desk: Desk) -> None:
    if desk.is_sandbox:
        return
    if desk.catalog.clients(limit=1) or desk.catalog.users(limit=1):
        raise Mistake(
            "this database holds clients or users and is no sandbox's: the sandbox would put its published identities beside them;"
            " name another one with --database",
            ExitCode.CONFIGURATION,
        )
    desk.catalog.set_property(SANDBOX, "1")
