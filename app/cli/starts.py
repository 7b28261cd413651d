"""How ``serve`` and ``sandbox`` start the server: what they prepare, what they say, and where they write down requests."""

import gc
import json
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from app.admin import Change
from app.cli.effective import shown_url
from app.cli.office import actor
from app.core.clock import Clock
from app.core.mistakes import ExitCode, Mistake
from app.core.secret_key import CLIENT_SECRETS
from app.dialects import Dialects
from app.main import Application, Build, Start, read_key, worker
from app.sandbox import Reach, Sandbox, check_loopback, prepare_service, temporary_database
from app.settings import Settings, load_settings
from app.storage import Storage
from app.telemetry import HumanJournal, JsonJournal

if TYPE_CHECKING:
    from app.sandbox.host import Host

_log = logging.getLogger("tokenry")


def service_start(settings: Settings, config: Path | None) -> Start:
    """Return how ``serve`` starts."""

    async def prepare(storage: Storage, dialects: Dialects, clock: Clock) -> None:
        for change in await prepare_service(storage, dialects, clock, config, actor(), lambda: _sealing_key(settings)):
            _log.info("apply: %s %s %s", change.status, change.noun, change.name)

    def announce(issuer: str, port: int) -> None:
        gc.enable()
        _log.info("serving %s on %s port %d", issuer, settings.host, port)

    return Start(prepare=prepare, announce=announce, journal=JsonJournal(settings.log_number))


def sandbox_start(
    settings: Settings, config: Path | None, *, is_kept: bool, reach: Reach | None = None, ready_file: Path | None = None
) -> Start:
    """Return how ``sandbox`` starts; ``ready_file`` is written once it answers, for scripts that wait for it."""
    from app.sandbox.banner import made_for_people, made_for_programs
    from app.sandbox.movable_clock import MovableClock
    from app.sandbox.reloading import Reloader
    from app.sandbox.stage import staged
    from app.sandbox.worlds import Workshop

    is_terminal = sys.stdout.isatty()
    reach = reach or Reach(host=settings.host)
    if settings.workers > 1 and (reach.hosts or reach.back_channel):
        raise Mistake("--allow-host and --back-channel-url are for a sandbox of one process: leave --workers out", ExitCode.USAGE)
    url = settings.database_url.get_secret_value()
    is_file = url.startswith("sqlite:")
    codes = [*_this_command(), "codes", "issue", *(["--database", _absolute(url)] if is_file else [])]
    sandbox = Sandbox(
        database=_absolute(url) if is_file else f"{shown_url(url)} (where a code is issued, TOKENRY_DATABASE_URL must name it)",
        codes=shlex.join(codes),
        is_kept=is_kept,
        config=config,
        is_terminal=is_terminal,
        reach=reach,
        sealing_key=lambda: _sealing_key(settings),
        workers=settings.workers,
    )

    def tell(changes: list[Change]) -> None:
        made = {change.name: change.secret for change in changes if change.secret is not None}
        sys.stdout.write(made_for_people(made) if is_terminal else made_for_programs(made))
        sys.stdout.flush()

    reloader = Reloader(config, tell) if config is not None else None

    def announce(issuer: str, port: int) -> None:
        gc.enable()
        if not reach.is_loopback:
            _log.warning("this sandbox listens at %s by force: whoever reaches it is anybody in it, and can change all of it", reach.host)
        sys.stdout.write(f"{sandbox.banner(issuer, port)}\n")
        sys.stdout.flush()
        if ready_file is not None:
            _write_whole(ready_file, json.dumps({"issuer": issuer, "address": f"http://{reach.nearest}:{port}", "pid": os.getpid()}))

    journal = HumanJournal() if is_terminal else JsonJournal(settings.log_number)
    clock = MovableClock()

    def stage(issuer: str, storage: Storage, build: Build, dialects: Dialects) -> "AbstractAsyncContextManager[Host]":
        workshop = Workshop(build=build, journal=journal, dialects=dialects, sealing_key=lambda: _sealing_key(settings))
        keep = reloader.keep if reloader is not None else None
        path = None if is_kept else Path(url.removeprefix("sqlite:///"))
        return staged(issuer, storage, workshop, clock=clock, path=path, hosts=reach.hosts, keep=keep)

    return Start(
        prepare=sandbox.prepare,
        announce=announce,
        journal=journal,
        loopback=reach.is_loopback,
        plain_logs=is_terminal,
        clock=clock,
        stage=stage,
        back_channel=reach.back_channel,
        worker="app.cli.starts:sandbox_worker",
    )


def sandbox_worker() -> Application:
    """Return the application of one of several worker processes of a sandbox."""
    from app.sandbox.several import absent_router

    app = worker()
    app.include_router(absent_router())
    return app


@contextmanager
def sandbox_settings(*, force: bool = False, **flags: object) -> Iterator[tuple[Settings, bool]]:
    """Yield the settings of a sandbox, and whether its data outlives it: only where a database is named.

    Raises:
        Mistake: a setting is wrong, or reaches beyond this machine and nothing forces it.
    """
    settings = load_settings(**flags)
    check_loopback(settings.host, settings.effective_issuer, force=force)
    defaults = {name: True for name in ("docs", "private_addresses") if name not in settings.model_fields_set}
    settings = settings.model_copy(update=defaults)
    if "database_url" in settings.model_fields_set:
        yield settings, True
        return
    with temporary_database() as url:
        yield settings.model_copy(update={"database_url": SecretStr(url)}), False


def _write_whole(file: Path, text: str) -> None:
    """Write a file so that whoever waits for it never sees a part of it."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise Mistake(f"--ready-file: cannot write {file}: {error.strerror or error}", ExitCode.CONFIGURATION) from None


def _sealing_key(settings: Settings) -> bytes:
    return read_key(settings).derive(CLIENT_SECRETS)


def _absolute(url: str) -> str:
    """Return an SQLite URL that means the same file from every folder."""
    scheme, _, path = url.partition(":///")
    return f"{scheme}:///{Path(path).absolute()}"


def _this_command() -> list[str]:
    """Return how this program can be started again, from another folder too."""
    started = Path(sys.argv[0])
    if started.name != "__main__.py":
        return [str(started.absolute()) if os.sep in sys.argv[0] else sys.argv[0]]
    return ["env", f"PYTHONPATH={started.parent.parent}", sys.executable, "-m", "app"]
