"""``tokenry users``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output, PasswordFromStdin, pairs, password_of

app: Final = typer.Typer(help="The people who can log in.", no_args_is_help=True)
_COLUMNS: Final = ("username", "email", "name", "has_password", "second_factor_at", "disabled_at", "id")
_SESSION_COLUMNS: Final = ("created_at", "last_seen_at", "expires_at", "amr", "address", "user_agent")
_LINK_IN: Final = 24 * 3600

WhichUser = Annotated[str, typer.Argument(metavar="USER", help="User name, e-mail address or id.")]
Email = Annotated[str | None, typer.Option(help="E-mail address; they may log in with it as well.")]
WhichDialect = Annotated[str, typer.Argument(metavar="DIALECT")]
ShopCode = Annotated[str, typer.Argument(metavar="SHOP", help="What the partner calls the shop.")]
Claims = Annotated[
    list[str] | None,
    typer.Option("--claim", metavar="NAME=VALUE", help="A standard claim, as locale=en or address.country=FR; may be repeated."),
]
FullName = Annotated[str | None, typer.Option(help="Shown to people.")]


@app.command("create")
def create(  # noqa: PLR0913 (one parameter per key of a user)
    username: Annotated[str, typer.Argument(metavar="USERNAME")],
    email: Email = None,
    name: FullName = None,
    claims: Claims = None,
    *,
    password_stdin: PasswordFromStdin = False,
    no_password: Annotated[bool, typer.Option("--no-password", help="They cannot log in by password.")] = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Add a user; the password is asked for."""
    password = None if no_password else password_of(from_stdin=password_stdin)
    values = {"username": username, "email": email, "name": name, "password": password, "claims": _claims(claims)}
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
    claims: Claims = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Change what is named of a user and leave the rest. An empty value clears: --email "", --claim locale=."""
    from app import admin
    from app.cli.output import put_change

    values = {"username": username, "email": email, "name": name, "claims": _claims(claims)}
    put_change(output, operate(database, lambda operator: admin.update_user(operator, user, values)))


@app.command("set-password")
def set_password(
    user: WhichUser, *, password_stdin: PasswordFromStdin = False, database: Database = None, output: Output = Form.TABLE
) -> None:
    """Give a user another password, log them out and revoke everything they had granted."""
    from app import admin
    from app.cli.output import put_change

    password = password_of(from_stdin=password_stdin)
    put_change(output, operate(database, lambda operator: admin.set_password(operator, user, password)))


@app.command("disable")
def disable(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Refuse a user and every token they granted, at once and until they are enabled again; log them out."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.disable_user(operator, user)))


@app.command("enable")
def enable(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a disabled user in again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.enable_user(operator, user)))


@app.command("grant-shop")
def grant_shop(user: WhichUser, dialect: WhichDialect, shop: ShopCode, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a user manage a shop: they may let applications act for it."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.grant_user_shop(operator, user, dialect, shop)))


@app.command("withdraw-shop")
def withdraw_shop(user: WhichUser, dialect: WhichDialect, shop: ShopCode, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a user no longer manage a shop, and revoke what they granted for it."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.withdraw_user_shop(operator, user, dialect, shop)))


@app.command("reset-password")
def reset_password(
    user: WhichUser,
    valid_in: Annotated[int, typer.Option(metavar="SECONDS", help="How long the link is good.")] = _LINK_IN,
    issuer: Annotated[str | None, typer.Option(metavar="URL", help="The server's public address; TOKENRY_ISSUER if left out.")] = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Make a link by which a user sets a new password, once; it stands alone on standard output. An earlier one ends."""
    from dataclasses import asdict

    from app import admin
    from app.cli.output import put, put_object, say
    from app.settings import load_settings

    address = load_settings(database_url=database, issuer=issuer).effective_issuer
    made = operate(database, lambda operator: admin.reset_password(operator, user, address, valid_in))
    if output is Form.JSON:
        put_object(output, asdict(made))
    else:
        put(made.link)
        say(f"good once, until {made.expires_at}: whoever has it sets the password of {made.username}")


@app.command("sessions")
def sessions(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """List the browsers in which a user is logged in, the latest first."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, lambda operator: admin.list_sessions(operator, user)), _SESSION_COLUMNS)


@app.command("end-sessions")
def end_sessions(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Log a user out everywhere. What they granted stays."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.end_sessions(operator, user)))


@app.command("reset-second-factor")
def reset_second_factor(user: WhichUser, database: Database = None, output: Output = Form.TABLE) -> None:
    """Forget a user's authenticator app, passkeys and recovery codes, and log them out: a password alone lets them in again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.reset_second_factor(operator, user)))


def _claims(options: list[str] | None) -> dict[str, object] | None:
    """Return claims by their names; a dot leads into the members of one, and an address is declared as a whole."""
    if options is None:
        return None
    found: dict[str, object] = {}
    for name, value in pairs(options, "--claim").items():
        claim, dot, member = name.partition(".")
        inside = found.setdefault(claim, {}) if dot else None
        if isinstance(inside, dict):
            inside[member] = value
        else:
            found[claim] = {} if claim == "address" and value == "" else value
    return found
