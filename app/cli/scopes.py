"""``tokenry scopes``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output, pairs

app: Final = typer.Typer(help="What clients may ask for, in words for people.", no_args_is_help=True)

ScopeName = Annotated[str, typer.Argument(metavar="SCOPE")]
Title = Annotated[list[str] | None, typer.Option("--title", metavar="LANGUAGE=TEXT", help='As en="See your orders"; may be repeated.')]


@app.command("create")
def create(name: ScopeName, title: Title = None, database: Database = None, output: Output = Form.TABLE) -> None:
    """Add a scope."""
    from app import admin
    from app.cli.output import put_change

    values = {"name": name, "title": pairs(title, "--title")}
    put_change(output, operate(database, lambda operator: admin.create_scope(operator, values), is_there=False))


@app.command("list")
def list_all(database: Database = None, output: Output = Form.TABLE) -> None:
    """List all scopes."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, admin.list_scopes), ("name", "title"))


@app.command("show")
def show(name: ScopeName, database: Database = None, output: Output = Form.TABLE) -> None:
    """Show one scope."""
    from app import admin
    from app.cli.output import put_object

    put_object(output, operate(database, lambda operator: admin.show_scope(operator, name)))


@app.command("update")
def update(name: ScopeName, title: Title = None, database: Database = None, output: Output = Form.TABLE) -> None:
    """Change the words of a scope; an empty text takes a language away."""
    from app import admin
    from app.cli.output import put_change

    values = {"name": name, "title": pairs(title, "--title")}
    put_change(output, operate(database, lambda operator: admin.update_scope(operator, values)))
