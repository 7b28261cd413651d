"""``tokenry doctor``."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from app.cli.options import Database, Form, Output

if TYPE_CHECKING:
    from app.cli.checks.finding import Finding

_FAILURE: Final = 1


def doctor(
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="The server as apps know it; TOKENRY_ISSUER if left out.")] = None,
    database: Database = None,
    output: Output = Form.TABLE,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
) -> None:
    """Find what is wrong with a server, its settings and its database, and say what to do. Nothing is changed."""
    from app.cli.checks.finding import Verdict
    from app.cli.output import put, put_json, say

    asked, findings = _all(url, database)
    wrong = sum(finding.verdict is Verdict.PROBLEM for finding in findings)
    if as_json or output is Form.JSON:
        put_json({"url": asked, "problems": wrong, "findings": [finding._asdict() for finding in findings]})
    else:
        for finding in findings:
            put(f"{finding.verdict:<7}  {finding.check}: {finding.text}")
        say(f"{wrong} problems" if wrong > 1 else "1 problem" if wrong else "nothing is wrong")
    if wrong:
        raise typer.Exit(_FAILURE)


def _all(url: str | None, database: str | None) -> "tuple[str | None, list[Finding]]":
    """Look at everything; settings that are wrong are a finding like any other."""
    from datetime import UTC, datetime

    from app.cli.checks.database import Database as Kept
    from app.cli.checks.finding import hint, problem
    from app.cli.checks.machine import check_machine
    from app.cli.checks.server import Server
    from app.core.mistakes import Mistake
    from app.dialects import DialectError, load_dialects
    from app.settings import load_settings

    now = datetime.now(UTC)
    try:
        settings = load_settings(database_url=database)
        dialects = load_dialects(settings.dialects)
    except (Mistake, DialectError) as mistake:
        wrong = [problem("settings", " ".join(str(mistake).split()))]
        return url, [*(Server(url).check(now) if url is not None else ()), *wrong]
    server = Server(url or settings.effective_issuer)
    found = [*server.check(now), *check_machine(settings, now)]
    if "database_url" not in settings.model_fields_set and not _is_there(settings.database_url.get_secret_value()):
        return server.url, [*found, hint("database", "no database was looked at: name the server's with --database")]
    kept = Kept(settings, dialects)
    found += asyncio.run(kept.check())
    return server.url, [*found, *server.check_origins(kept.origins)]


def _is_there(url: str) -> bool:
    from pathlib import Path

    return Path(url.removeprefix("sqlite:///")).exists()


COMMANDS: Final = (doctor,)
