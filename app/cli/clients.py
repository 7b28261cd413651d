"""``tokenry clients``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import ClientId, Database, Form, Output, SecretFromStdin, line_from_stdin, listed, pairs

app: Final = typer.Typer(help="The applications that ask for tokens.", no_args_is_help=True)
_COLUMNS: Final = ("client_id", "dialect", "client_name", "token_endpoint_auth_method", "disabled_at")

Name = Annotated[str | None, typer.Option("--client-name", help="Shown to people.")]
RedirectUris = Annotated[list[str] | None, typer.Option("--redirect-uri", metavar="URI", help="May be repeated.")]
GrantTypes = Annotated[list[str] | None, typer.Option("--grant-type", metavar="WORD", help="The dialect's word; may be repeated.")]
ResponseTypes = Annotated[list[str] | None, typer.Option("--response-type", metavar="WORD", help="May be repeated.")]
Scope = Annotated[str | None, typer.Option(help="Scopes, separated by spaces.")]
AuthMethod = Annotated[
    str | None,
    typer.Option(
        "--token-endpoint-auth-method",
        metavar="METHOD",
        help="client_secret_basic, client_secret_post, private_key_jwt, client_secret_jwt, or none: a public client.",
    ),
]
LogoutUris = Annotated[list[str] | None, typer.Option("--post-logout-redirect-uri", metavar="URI", help="May be repeated.")]
Origins = Annotated[list[str] | None, typer.Option("--allowed-origin", metavar="ORIGIN", help="May be repeated.")]
Options = Annotated[list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="An option of the dialect; may be repeated.")]
Metadata = Annotated[list[str] | None, typer.Option("--metadata", metavar="NAME=VALUE", help="client_uri, logo_uri, …; may be repeated.")]
Contacts = Annotated[list[str] | None, typer.Option("--contact", help="May be repeated.")]
ShopCode = Annotated[str, typer.Argument(metavar="SHOP", help="The shop's code in the client's dialect.")]


@app.command("create")
def create(  # noqa: PLR0913 (one parameter per key of the registration)
    *,
    client_id: Annotated[str | None, typer.Option(help="Made if left out.")] = None,
    dialect: Annotated[str | None, typer.Option(help="How the client speaks; standard if left out.")] = None,
    client_name: Name = None,
    redirect_uris: RedirectUris = None,
    grant_types: GrantTypes = None,
    response_types: ResponseTypes = None,
    scope: Scope = None,
    token_endpoint_auth_method: AuthMethod = None,
    post_logout_redirect_uris: LogoutUris = None,
    allowed_origins: Origins = None,
    shops: Annotated[list[str] | None, typer.Option("--shop", metavar="CODE", help="May be repeated.")] = None,
    options: Options = None,
    metadata: Metadata = None,
    contacts: Contacts = None,
    client_secret_stdin: SecretFromStdin = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Register a client. A secret that is made for it is shown this once."""
    values = {
        **pairs(options, "--option"),
        **pairs(metadata, "--metadata"),
        "client_id": client_id,
        "dialect": dialect,
        "client_name": client_name,
        "redirect_uris": listed(redirect_uris),
        "grant_types": listed(grant_types),
        "response_types": listed(response_types),
        "scope": scope,
        "token_endpoint_auth_method": token_endpoint_auth_method,
        "post_logout_redirect_uris": listed(post_logout_redirect_uris),
        "allowed_origins": listed(allowed_origins),
        "shops": listed(shops),
        "contacts": listed(contacts),
        "client_secret": line_from_stdin("secret") if client_secret_stdin else None,
    }
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.create_client(operator, values), is_there=False))


@app.command("list")
def list_all(database: Database = None, output: Output = Form.TABLE) -> None:
    """List all clients."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, admin.list_clients), _COLUMNS)


@app.command("show")
def show(client_id: ClientId, database: Database = None, output: Output = Form.TABLE) -> None:
    """Show one client."""
    from app import admin
    from app.cli.output import put_object

    put_object(output, operate(database, lambda operator: admin.show_client(operator, client_id)))


@app.command("update")
def update(  # noqa: PLR0913 (one parameter per key of the registration)
    client_id: ClientId,
    *,
    client_name: Name = None,
    redirect_uris: RedirectUris = None,
    grant_types: GrantTypes = None,
    response_types: ResponseTypes = None,
    scope: Scope = None,
    token_endpoint_auth_method: AuthMethod = None,
    post_logout_redirect_uris: LogoutUris = None,
    allowed_origins: Origins = None,
    options: Options = None,
    metadata: Metadata = None,
    contacts: Contacts = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Change what is named of a client and leave the rest. An empty value clears: --scope "", --redirect-uri "", --option name=."""
    values = {
        **pairs(options, "--option"),
        **pairs(metadata, "--metadata"),
        "client_name": client_name,
        "redirect_uris": listed(redirect_uris),
        "grant_types": listed(grant_types),
        "response_types": listed(response_types),
        "scope": scope,
        "token_endpoint_auth_method": token_endpoint_auth_method,
        "post_logout_redirect_uris": listed(post_logout_redirect_uris),
        "allowed_origins": listed(allowed_origins),
        "contacts": listed(contacts),
    }
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.update_client(operator, client_id, values)))


@app.command("disable")
def disable(client_id: ClientId, database: Database = None, output: Output = Form.TABLE) -> None:
    """Refuse a client and everything it was given, at once and until it is enabled again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.disable_client(operator, client_id)))


@app.command("enable")
def enable(client_id: ClientId, database: Database = None, output: Output = Form.TABLE) -> None:
    """Serve a disabled client again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.enable_client(operator, client_id)))


@app.command("rotate-secret")
def rotate_secret(
    client_id: ClientId,
    keep_old: Annotated[int, typer.Option(metavar="SECONDS", help="How much longer the old secrets work.")] = 0,
    *,
    client_secret_stdin: SecretFromStdin = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Give a client another secret, shown this once."""
    from app import admin
    from app.cli.output import put_change

    secret = line_from_stdin("secret") if client_secret_stdin else None
    put_change(output, operate(database, lambda operator: admin.rotate_secret(operator, client_id, secret, keep_old_in=keep_old)))


@app.command("grant-shop")
def grant_shop(client_id: ClientId, shop: ShopCode, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a client act for a shop."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.grant_shop(operator, client_id, shop)))


@app.command("withdraw-shop")
def withdraw_shop(client_id: ClientId, shop: ShopCode, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let a client no longer act for a shop, and revoke what it was granted for it."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.withdraw_shop(operator, client_id, shop)))
