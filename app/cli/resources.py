"""``tokenry resources``."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output, listed

app: Final = typer.Typer(help="The APIs that access tokens are for.", no_args_is_help=True)
_COLUMNS: Final = ("uri", "name", "scopes", "introspection_client", "disabled_at")

Uri = Annotated[str, typer.Argument(metavar="URI", help="How clients name it: an absolute URI, as https://api.example.com/orders.")]
Name = Annotated[str | None, typer.Option(help="For operators.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", metavar="SCOPE", help="One that the resource knows; may be repeated.")]
IntrospectionClient = Annotated[
    str | None, typer.Option(metavar="CLIENT_ID", help="The client by which the resource's server asks about tokens.")
]


@app.command("create")
def create(
    uri: Uri,
    name: Name = None,
    scopes: Scopes = None,
    introspection_client: IntrospectionClient = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Add a resource."""
    from app import admin
    from app.cli.output import put_change

    values = {"uri": uri, "name": name, "scopes": listed(scopes), "introspection_client": introspection_client}
    put_change(output, operate(database, lambda operator: admin.create_resource(operator, values), is_there=False))


@app.command("list")
def list_all(database: Database = None, output: Output = Form.TABLE) -> None:
    """List all resources."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, admin.list_resources), _COLUMNS)


@app.command("show")
def show(uri: Uri, database: Database = None, output: Output = Form.TABLE) -> None:
    """Show one resource."""
    from app import admin
    from app.cli.output import put_object

    put_object(output, operate(database, lambda operator: admin.show_resource(operator, uri)))


@app.command("update")
def update(
    uri: Uri,
    name: Name = None,
    scopes: Scopes = None,
    introspection_client: IntrospectionClient = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Change what is named of a resource and leave the rest. An empty value clears: --introspection-client "". Scopes are named all."""
    from app import admin
    from app.cli.output import put_change

    values = {"uri": uri, "name": name, "scopes": listed(scopes), "introspection_client": introspection_client}
    put_change(output, operate(database, lambda operator: admin.update_resource(operator, values)))


@app.command("disable")
def disable(uri: Uri, database: Database = None, output: Output = Form.TABLE) -> None:
    """Refuse requests that name a resource, and tell its server of no token, at once and until it is enabled again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.disable_resource(operator, uri)))


@app.command("enable")
def enable(uri: Uri, database: Database = None, output: Output = Form.TABLE) -> None:
    """Let tokens be asked for a disabled resource again."""
    from app import admin
    from app.cli.output import put_change

    put_change(output, operate(database, lambda operator: admin.enable_resource(operator, uri)))
