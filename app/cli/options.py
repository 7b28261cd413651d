"""Options that several commands share, and how their values are read."""

import sys
from enum import StrEnum
from typing import Annotated, Final

import typer

from app.core.mistakes import ExitCode, Mistake

_MAXIMUM_LINE: Final = 4096


class Form(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="sqlite:///path or postgresql://…; a password in it belongs in TOKENRY_DATABASE_URL."),
]
Output = Annotated[Form, typer.Option("-o", "--output", help="How to print the result.")]
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID")]
SecretFromStdin = Annotated[bool, typer.Option("--client-secret-stdin", help="Read the secret from standard input; otherwise one is made.")]
PasswordFromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def pairs(options: list[str] | None, flag: str) -> dict[str, str | bool]:
    """Read ``NAME=VALUE`` options; true and false are no texts.

    Raises:
        Mistake: one has no ``=``.
    """
    found: dict[str, str | bool] = {}
    for option in options or ():
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise Mistake(f"{flag} takes NAME=VALUE", ExitCode.USAGE)
        found[name] = value == "true" if value in {"true", "false"} else value
    return found


def listed(values: list[str] | None) -> list[str] | None:
    """Return a repeated option as a list: not given is ``None``, one empty value an empty list."""
    return None if values is None else [value for value in values if value]


def line_from_stdin(what: str) -> str:
    """Return the first line of standard input.

    Raises:
        Mistake: it is empty, endless or not UTF-8.
    """
    raw = sys.stdin.buffer.readline(_MAXIMUM_LINE).rstrip(b"\r\n")
    try:
        line = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Mistake(f"the {what} on standard input is not UTF-8", ExitCode.USAGE) from None
    if not line:
        raise Mistake(f"there is no {what} on standard input", ExitCode.USAGE)
    return line


def password_of(*, from_stdin: bool) -> str:
    """Return a new password, from standard input or asked for at the terminal.

    Raises:
        Mistake: there is no terminal, or it was typed in two ways.
    """
    if from_stdin:
        return line_from_stdin("password")
    if not sys.stdin.isatty():
        raise Mistake("there is no terminal to ask for a password: use --password-stdin", ExitCode.USAGE)
    from getpass import getpass

    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise Mistake("the two passwords differ: nothing was changed")
    return password
