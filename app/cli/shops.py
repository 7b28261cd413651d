"""``tokenry shops``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output

app: Final = typer.Typer(help="The partners' own units that a token may act for.", no_args_is_help=True)
_COLUMNS: Final = ("dialect", "code", "name", "disabled_at")

WhichDialect = Annotated[str, typer.Argument(metavar="DIALECT")]
Code = Annotated[str, typer.Argument(metavar="CODE", help="What the partner calls the shop.")]
Name = Annotated[str | None, typer.Option(help="Shown to people.")]


@app.command("create")
def create(dialect: WhichDialect, code: Code, name: Name = None, database: Database = None, output: Output = Form.TABLE) -> None:
    """Add a shop."""
    from app import admin
    from app.cli.output import put_change

    values = {"dialect": dialect, "code": code, "name": name}
    put_change(output, operate(database, lambda operator: admin.create_shop(operator, values), is_there=False))


@app.command("list")
def list_all(
    dialect: Annotated[str | None, typer.Option(help="Only the shops of this dialect.")] = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """List shops."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, lambda operator: admin.list_shops(operator, dialect)), _COLUMNS)


@app.command("show")
def show(dialect: WhichDialect, code: Code, database: Database = None, output: Output = Form.TABLE) -> None:
    """Show one shop."""
    from app import admin
    from app.cli.output import put_object

    put_object(output, operate(database, lambda operator: admin.show_shop(operator, dialect, code)))


@app.command("update")
def update(dialect: WhichDialect, code: Code, name: Name = None, database: Database = None, output: Output = Form.TABLE) -> None:
    """Change the name of a shop; an empty one clears it."""
    from app import admin
    from app.cli.output import put_change

    values = {"dialect": dialect, "code": code, "name": name}
    put_change(output, operate(database, lambda operator: admin.update_shop(operator, values)))


@app.command("disable")
def disable(dialect: WhichDialect, code: Code, database: Database = None, output: Output = Form.TABLE) -> None:
    """Refuse every token of a shop, at once and until it is enabled again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.disable_shop(operator, dialect, code)))


@app.command("enable")
def enable(dialect: WhichDialect, code: Code, database: Database = None, output: Output = Form.TABLE) -> None:
    """Serve a disabled shop again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.enable_shop(operator, dialect, code)))
