"""``tokenry users``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output, PasswordFromStdin, password_of

app: Final = typer.Typer(help="The people who can log in.", no_args_is_help=True)
_COLUMNS: Final = ("username", "email", "name", "has_password", "disabled_at", "id")

WhichUser = Annotated[str, typer.Argument(metavar="USER", help="User name, e-mail address or id.")]
Email = Annotated[str | None, typer.Option(help="E-mail address; they may log in with it as well.")]
FullName = Annotated[str | None, typer.Option(help="Shown to people.")]


@app.command("create")
def create(
    username: Annotated[str, typer.Argument(metavar="USERNAME")],
    email: Email = None,
    name: FullName = None,
    *,
    password_stdin: PasswordFromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="They cannot log in by password.")] = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Add a user; the password is asked for."""
    password = None if no_password else password_of(from_stdin=password_stdin)
    values = {"username": username, "email": email, "name": name, "password": password}
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.create_user(operator, values), is_there=False))


@app.command("list")
def list_all(database: Database = None, output: Output = Form.TABLE) -> None:
    """List all users."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, admin.list_users), _COLUMNS)


@app.command("show")
def show(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Show one user."""
    from app import admin
    from app.cli.output import put_object

    put_object(output, operate(database, lambda operator: admin.show_user(operator, user)))


@app.command("update")
def update(
    user: WhichUser,
    username: Annotated[str | None, typer.Option(help="Another user name.")] = None,
    email: Email = None,
    name: FullName = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Change what is named of a user and leave the rest. An empty value clears: --email ""."""
    from app import admin
    from app.cli.output import put_change

    values = {"username": username, "email": email, "name": name}
    put_change(output, operate(database, lambda operator: admin.update_user(operator, user, values)))


@app.command("set-password")
def set_password(
    user: WhichUser, *, password_stdin: PasswordFromStdin = False, database: Database = None, output: Output = Form.TABLE
) -> None:
    """Give a user another password and revoke everything they had granted."""
    from app import admin
    from app.cli.output import put_change

    password = password_of(from_stdin=password_stdin)
    put_change(output, operate(database, lambda operator: admin.set_password(operator, user, password)))


@app.command("disable")
def disable(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Refuse a user and every token they granted, at once and until they are enabled again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.disable_user(operator, user)))


@app.command("enable")
def enable(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a disabled user in again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.enable_user(operator, user)))
