"""The command line: each command is a few lines over admin/, sandbox/ and main; what is slow to import is imported inside it."""

import sys
from typing import Final

import typer

from app.cli import clients, codes, dialects, doctor, keys, resources, scopes, serving, shops, upkeep, users

app: Final = typer.Typer(
    name="tokenry",
    help="An OAuth 2.0 authorization server that speaks every partner's dialect over one strict core.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (serving, upkeep, doctor):
    for command in room.COMMANDS:
        app.command()(command)
app.add_typer(clients.app, name="clients")
app.add_typer(users.app, name="users")
app.add_typer(shops.app, name="shops")
app.add_typer(scopes.app, name="scopes")
app.add_typer(resources.app, name="resources")
app.add_typer(keys.app, name="keys")
app.add_typer(codes.app, name="codes")
app.add_typer(dialects.app, name="dialects")


def main() -> None:
    """Run the command line; whatever goes wrong ends in one plain line on standard error and a code other than 0.

    Raises:
        ModuleNotFoundError: a dependency is not installed.
    """
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # noqa: BLE001 (the last one that can turn an error into a line)
        from app.cli.failures import explain

        text, exit_code = explain(error)
        sys.stderr.write(f"tokenry: {text}\n")
        sys.exit(exit_code)
