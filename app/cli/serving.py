"""The commands that start a server, and the one that asks a running one how it is."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.options import Database
from app.core.mistakes import ExitCode, Mistake

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")]
Issuer = Annotated[str | None, typer.Option(metavar="URL", help="This server's public address, without a slash at the end.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Server processes.")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="What to apply before it answers; see tokenry apply.")]
TlsCert = Annotated[Path | None, typer.Option(metavar="FILE", help="A certificate chain, to serve https without a proxy.")]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="Its private key.")]
TrustedProxies = Annotated[str | None, typer.Option(metavar="NETWORKS", help="The proxies in front that are believed, with commas.")]
ReadyFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write issuer, address and process id, once it answers.")]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="NAME", help="A further name under which it is asked, as a service of compose; may be repeated."),
]
BackChannel = Annotated[
    str | None,
    typer.Option("--back-channel-url", metavar="URL", help="Where other servers reach it, told in its metadata; the issuer stays."),
]
Force = Annotated[bool, typer.Option("--force", help="Let other machines reach it: whoever does is anybody in it.")]
_TIMEOUT: Final = 2.5
"""Seconds that a health check waits; container engines give it three."""


def serve(  # noqa: PLR0913, PLR0917 (each is an option of the command)
    host: Host = None,
    port: Port = None,
    database: Database = None,
    issuer: Issuer = None,
    workers: Workers = None,
    config: Config = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    trusted_proxies: TrustedProxies = None,
) -> None:
    """Run the server."""
    from app.cli.starts import service_start
    from app.main import run
    from app.settings import load_settings

    settings = load_settings(
        host=host,
        port=port,
        database_url=database,
        issuer=issuer,
        workers=workers,
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxies=trusted_proxies,
    )
    _begin()
    run(settings, service_start(settings, config))


def sandbox(  # noqa: PLR0913, PLR0917 (each is an option of the command)
    host: Host = None,
    port: Port = None,
    database: Database = None,
    issuer: Issuer = None,
    workers: Workers = None,
    config: Config = None,
    ready_file: ReadyFile = None,
    allow_host: AllowHost = None,
    back_channel_url: BackChannel = None,
    *,
    force: Force = False,
) -> None:
    """Run a sandbox: published demo identities, this machine only."""
    from app.cli.starts import sandbox_settings, sandbox_start
    from app.main import run
    from app.sandbox import reach_of

    _begin()
    flags = {"host": host, "port": port, "database_url": database, "issuer": issuer, "workers": workers}
    with sandbox_settings(force=force, **flags) as (settings, is_kept):
        reach = reach_of(settings.host, allow_host, back_channel_url)
        run(settings, sandbox_start(settings, config, is_kept=is_kept, reach=reach, ready_file=ready_file))


def healthcheck() -> None:
    """Ask a running server whether it is ready."""
    from http.client import HTTPException

    from app.asking import status_of
    from app.settings import load_settings

    settings = load_settings()
    try:
        status = status_of(settings.host, settings.port, "/readyz", is_https=settings.tls_cert is not None, within=_TIMEOUT)
    except (OSError, HTTPException) as error:
        raise Mistake(f"no answer at {settings.host} port {settings.port}: {error}") from None
    if status != 200:  # noqa: PLR2004 (HTTP)
        raise Mistake(f"the server at {settings.host} port {settings.port} is not ready: {status}", ExitCode.FAILURE)
    typer.echo("ready")


def _begin() -> None:
    """Let a signal end the process by an exception where it would end it at once, so that the way out is put in order.

    While the server runs it has a handler of its own, and stops by itself.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda _number, _frame: signal.raise_signal(signal.SIGTERM))


COMMANDS: Final = (serve, sandbox, healthcheck)
