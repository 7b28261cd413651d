"""The command line: each command is a few lines over admin/, sandbox/ and main; what is slow to import is imported inside it."""

import sys
from importlib import import_module
from typing import Final

import typer

_ROOMS: Final = {
    "serving": ("serve", "sandbox", "healthcheck"),
    "upkeep": ("apply", "export", "migrate", "purge", "config", "version"),
    "doctor": ("doctor",),
}
"""Commands by the module in which they are."""
_NOUNS: Final = ("clients", "users", "shops", "scopes", "resources", "keys", "codes", "dialects")
"""Commands with commands of their own, each in a module of its name."""


def made(asked: str | None = None) -> typer.Typer:
    """Return the command line, or as much of it as the command that is asked for needs: a server's start waits for no other."""
    app = typer.Typer(
        name="tokenry",
        help="An OAuth 2.0 authorization server that speaks every partner's dialect over one strict core.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(lambda: None)  # so that a single command keeps its name
    rooms = [room for room, commands in _ROOMS.items() if asked in commands]
    nouns = [noun for noun in _NOUNS if noun == asked]
    if not rooms and not nouns:
        rooms, nouns = list(_ROOMS), list(_NOUNS)
    for room in rooms:
        for command in import_module(f"app.cli.{room}").COMMANDS:
            app.command()(command)
    for noun in nouns:
        app.add_typer(import_module(f"app.cli.{noun}").app, name=noun)
    return app


def main() -> None:
    """Run the command line; whatever goes wrong ends in one plain line on standard error and a code other than 0.

    Raises:
        ModuleNotFoundError: a dependency is not installed.
    """
    try:
        made(*sys.argv[1:2])()
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
