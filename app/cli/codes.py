"""``tokenry codes``: what a browser would bring, for a sandbox."""

from typing import Annotated, Final

import typer

from app.cli.office import operate
from app.cli.options import Database, Form, Output

app: Final = typer.Typer(help="Authorization codes without a browser, in a sandbox.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep the command's own name, though there is only one."""


@app.command("issue")
def issue(  # noqa: PLR0913 (one parameter per parameter of an authorization request)
    *,
    client: Annotated[str, typer.Option(metavar="CLIENT_ID")],
    user: Annotated[str, typer.Option(help="Who allows it: user name, e-mail address or id.")],
    shop: Annotated[str | None, typer.Option(metavar="CODE", help="The shop that the code acts for.")] = None,
    redirect_uri: Annotated[str | None, typer.Option(metavar="URI", help="The registered one if left out and there is one.")] = None,
    scope: Annotated[str | None, typer.Option(help="All that is registered if left out.")] = None,
    code_challenge: Annotated[str | None, typer.Option(help="PKCE, by S256.")] = None,
    nonce: Annotated[str | None, typer.Option(help="Comes back in the ID token.")] = None,
    resource: Annotated[list[str] | None, typer.Option(metavar="URI", help="Whom tokens are for; may be repeated.")] = None,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Issue an authorization code; it stands alone on standard output."""
    from dataclasses import asdict

    from app.admin import CodeRequest, issue_code
    from app.cli.output import put, put_object, say

    request = CodeRequest(
        client_id=client,
        user=user,
        shop=shop,
        redirect_uri=redirect_uri,
        scope=scope,
        code_challenge=code_challenge,
        nonce=nonce,
        resource=" ".join(resource) if resource else None,
    )
    issued = operate(database, lambda operator: issue_code(operator, request))
    if output is Form.JSON:
        put_object(output, asdict(issued))
    else:
        put(issued.code)
        say(f"valid {issued.expires_in} s, for redirect_uri {issued.redirect_uri}" + (f", scope {issued.scope}" if issued.scope else ""))
