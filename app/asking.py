"""Asking a server of ours on this machine how it is."""

from http.client import HTTPConnection, HTTPSConnection
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import Final

_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 (where such a server is reached)


def status_of(host: str, port: int, path: str, *, is_https: bool, within: float) -> int:
    """Return the status of an answer to GET; whether the server answers is the question, not who it is.

    ``host`` is what the server listens on, ``within`` the seconds that each step may take.

    Raises:
        OSError: nobody answers there.
        HTTPException: what answers speaks no HTTP.
    """
    place = _ANYWHERE.get(host, host)
    if is_https:
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, CERT_NONE
        connection: HTTPConnection = HTTPSConnection(place, port, timeout=within, context=context)
    else:
        connection = HTTPConnection(place, port, timeout=within)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
