"""``tokenry keys``."""

from typing import Annotated, Final

import typer

from app.cli.office import check_it_is_there, operate, settings_with
from app.cli.options import Database, Form, Output

app: Final = typer.Typer(help="The keys that sign ID tokens and other JWTs.", no_args_is_help=True)
_COLUMNS: Final = ("kid", "algorithm", "state", "active_from", "published_until")


@app.command("list")
def list_all(database: Database = None, output: Output = Form.TABLE) -> None:
    """List all signing keys, and where each is in its life: waiting, signing, published, ended or retired."""
    from app import admin
    from app.cli.output import put_objects

    put_objects(output, operate(database, admin.list_keys), _COLUMNS)


@app.command("rotate")
def rotate(
    algorithm: Annotated[str | None, typer.Argument(help="RS256, ES256 or EdDSA; all of them if left out.")] = None,
    *,
    now: Annotated[bool, typer.Option("--now", help="Sign with it at once: clients that keep the published keys may not know it.")] = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Make a new signing key: published at once, in use five minutes later. The old one stays until its last token is dead."""
    from app import admin
    from app.cli.output import put_changes

    sealing_key = _sealing_key(database)
    put_changes(output, operate(database, lambda operator: admin.rotate_keys(operator, sealing_key, algorithm, now=now)), dry_run=False)


@app.command("retire")
def retire(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's name; see tokenry keys list.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Also one that signs, or whose tokens are alive: they are refused.")] = False,
    database: Database = None,
    output: Output = Form.TABLE,
) -> None:
    """Take a signing key out of use for good: what it signed is refused."""
    from app import admin
    from app.cli.output import put_change

    sealing_key = _sealing_key(database)
    put_change(output, operate(database, lambda operator: admin.retire_key(operator, sealing_key, kid, force=force)))


def _sealing_key(database: str | None) -> bytes:
    """Return the key under which signing keys are sealed.

    Raises:
        Mistake: there is no secret key, or it cannot be used.
    """
    from app.storage import open_key

    settings = settings_with(database)
    url, secret = settings.database_url.get_secret_value(), settings.secret_key
    check_it_is_there(url)
    return open_key(url, secret.get_secret_value() if secret is not None else None).derive(b"signing")
