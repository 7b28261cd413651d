"""``tokenry dialects``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.office import settings_with
from app.cli.options import Form, Output
from app.core.mistakes import Mistake

app: Final = typer.Typer(help="How partners speak.", no_args_is_help=True)


class Language(StrEnum):
    """A language of partner documents."""

    EN = "en"
    ZH = "zh"


@app.command("list")
def list_all(output: Output = Form.TABLE) -> None:
    """List the dialects: the built-in ones, and those of TOKENRY_DIALECTS."""
    from app.cli.output import put_objects
    from app.dialects import load_dialects

    views = [
        {
            "name": dialect.name,
            "title": dialect.tables.title.get("en") or next(iter(dialect.tables.title.values()), None),
            "doors": [door.path for door in dialect.tables.doors],
            "grants": list(dialect.grants),
            "options": list(dialect.tables.options),
        }
        for dialect in load_dialects(settings_with(None).dialects).by_name.values()
    ]
    put_objects(output, views, ("name", "title", "doors", "options"))


@app.command("check")
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A dialect file, TOML or JSON.")]) -> None:
    """Check a dialect file, by itself and beside the other dialects."""
    from app.cli.output import put
    from app.dialects import DialectError, Dialects, load_dialects, read_dialect

    dialect, built_in = read_dialect(file), load_dialects().by_name
    # An operator's own file may be one of the folder already; it then stands in its own place.
    others = [other for other in load_dialects(settings_with(None).dialects).by_name.values() if other.name != dialect.name]
    if dialect.name in built_in and built_in[dialect.name].tables != dialect.tables:
        raise DialectError(f"{file}: name: {dialect.name} is a built-in dialect: the file needs another name")
    try:
        Dialects([*others, dialect])
    except DialectError as problem:
        raise DialectError(f"{file}: {problem}") from None
    doors = ", ".join(door.path for door in dialect.tables.doors)
    put(f"{file}: {dialect.name} is good: grants {', '.join(dialect.grants) or 'none'}; doors {doors}")


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    language: Annotated[Language | None, typer.Option(help="That of the dialect's own documents if left out.")] = None,
) -> None:
    """Print what a partner reads of a dialect: its doors and their parameters, as Markdown."""
    from app.cli.output import put
    from app.dialects import load_dialects, parameter_tables

    dialects = load_dialects(settings_with(None).dialects).by_name
    if name not in dialects:
        raise Mistake(f"there is no dialect {name}: there are {', '.join(dialects)}")
    put(parameter_tables(dialects[name], language or dialects[name].tables.language).rstrip())
