"""The settings and files of this machine."""

import os
import stat
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from app.cli.checks.certificates import check_certificate_file
from app.cli.checks.finding import Finding, hint, ok, problem
from app.settings import Settings

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def check_machine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield what is found in the settings and the files that they name."""
    yield from _check_files(settings)
    if settings.tls_cert is not None:
        yield from check_certificate_file(settings.tls_cert, now)
    yield from _check_proxies(settings)


def key_file_of(settings: Settings) -> Path | None:
    """Return the file beside an SQLite database that holds the secret key, where none is set."""
    url = settings.database_url.get_secret_value()
    if settings.secret_key is not None or not url.startswith("sqlite"):
        return None
    path = Path(url.partition(":///")[2])
    return path.with_name(f"{path.name}.key")


def _check_files(settings: Settings) -> Iterator[Finding]:
    """Look at the rights of what nobody else may read."""
    found = {"the secret key": key_file_of(settings), "the private key of TOKENRY_TLS_KEY": settings.tls_key}
    named = os.environ.get("TOKENRY_SECRET_KEY_FILE")
    if named is not None:
        found["the secret key"] = Path(named)
    for what, path in found.items():
        if path is None or not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o007:
            yield problem("secret key", f"{what}, {path}, can be read by everybody on this machine: chmod 600 {path}")
        elif mode & 0o070:
            yield hint("secret key", f"{what}, {path}, can be read by its group: chmod 600 {path} unless that is meant")
        else:
            yield ok("secret key", f"{what}, {path}, is its owner's alone")


def _check_proxies(settings: Settings) -> Iterator[Finding]:
    issuer, proxies = urlsplit(settings.effective_issuer), settings.trusted_proxies
    if settings.tls_cert is not None and issuer.scheme == "http":
        fix = f"set TOKENRY_ISSUER=https://{issuer.netloc}"
        yield problem("proxies", f"the server speaks https itself (TOKENRY_TLS_CERT) and its issuer is {settings.issuer}: {fix}")
    if any(ip_network(name).prefixlen == 0 for name in proxies.split(",") if name):
        text = "TOKENRY_TRUSTED_PROXIES believes everybody, so that each request can come from whatever address it likes"
        yield problem("proxies", f"{text}: name the proxy's own address or network")
    elif issuer.scheme == "https" and settings.tls_cert is None and not proxies and issuer.hostname not in _LOOPBACK:
        text = f"a proxy must speak https for {settings.issuer}, and TOKENRY_TRUSTED_PROXIES names none: all requests count as its own"
        yield problem(
            "proxies", f"{text}, and wrong passwords of one hold off all: set it to the proxy's address, and let it send X-Forwarded-For"
        )
