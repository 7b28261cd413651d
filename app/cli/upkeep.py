"""The commands around a database and its settings: ``apply``, ``export``, ``migrate``, ``purge``, ``config``, ``version``."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.office import operate, settings_with
from app.cli.options import Database, Form, Output


def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="TOML with [[users]], [[shops]], [[scopes]], [[clients]], [[resources]]; or JSON.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Bring a database to what a file declares. Nothing is deleted; a second time changes nothing."""
    from app import admin
    from app.cli.output import put_changes

    async def work(operator: admin.Operator) -> list[admin.Change]:
        return await admin.apply(operator, admin.read_document(file, operator.dialects), dry_run=dry_run)

    put_changes(output, operate(database, work, is_there=False), dry_run=dry_run)


def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write it, for your eyes alone; standard output if left out.")
    ] = None,
    *,
    database: Database = None,
) -> None:
    """Write users, shops, scopes, resources and clients as the file that apply and --config read."""
    from app import admin
    from app.cli.output import put, say, write_private

    text = operate(database, admin.export)
    if file is None or str(file) == "-":
        put(text.rstrip("\n"))
    else:
        write_private(file, text)
        say(f"{file} holds the hashes of passwords and secrets: keep it as you keep the database")


def migrate(database: Database = None) -> None:
    """Bring a database to the newest schema."""
    from app.cli.output import put
    from app.storage import migrate as run

    before, after = asyncio.run(run(settings_with(database).database_url.get_secret_value()))
    put(f"the schema is {after} already" if before == after else f"the schema is {after} now" + (f", was {before}" if before else ""))


def purge(database: Database = None) -> None:
    """Delete what is dead. Nothing relies on it; the server does the same now and then."""
    from app.cli.output import put

    put(f"{operate(database, lambda operator: operator.storage.purge(operator.clock.now()))} rows deleted")


def config(database: Database = None, output: Output = Form.TABLE) -> None:
    """Print the settings in effect, and their sources."""
    from app.cli.effective import effective_settings
    from app.cli.output import put_objects

    put_objects(output, effective_settings(database), ("setting", "value", "source"))


def version() -> None:
    """Print the version."""
    from app import __version__

    typer.echo(f"tokenry {__version__}")


COMMANDS: Final = (apply, export, migrate, purge, config, version)
