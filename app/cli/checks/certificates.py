"""Certificates: how long they are good for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from app.cli.checks.finding import Finding, ok, problem

SOON: Final = timedelta(days=14)
"""Who renews by hand needs some days, and who has a program for it has been let down by then."""
_RENEW: Final = "renew it"


def check_certificate(raw: bytes, name: str, now: datetime, fix: str = _RENEW) -> Iterator[Finding]:
    """Say how long a certificate, as DER or PEM, is good for."""
    from cryptography import x509

    try:
        read = x509.load_pem_x509_certificate if raw.lstrip().startswith(b"-----BEGIN") else x509.load_der_x509_certificate
        certificate = read(raw)
    except ValueError:
        yield problem("certificate", f"{name} is no certificate that can be read: {fix}")
        return
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        yield problem("certificate", f"{name} is good from {begin:%Y-%m-%d %H:%M} UTC on only: wait, or set this machine's clock")
    elif now >= end:
        yield problem("certificate", f"{name} expired on {end:%Y-%m-%d}: {fix}")
    elif end - now < SOON:
        yield problem("certificate", f"{name} expires on {end:%Y-%m-%d}, in {(end - now).days} days: {fix}")
    else:
        yield ok("certificate", f"{name} is good until {end:%Y-%m-%d}")


def check_certificate_file(path: Path, now: datetime) -> Iterator[Finding]:
    """Say how long the certificate of a file is good for; the first of a chain is the server's."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        yield problem("certificate", f"TOKENRY_TLS_CERT {path} cannot be read ({error.strerror}): let this user read it")
        return
    yield from check_certificate(raw, f"the certificate of TOKENRY_TLS_CERT {path}", now, "renew it and start the server again")
