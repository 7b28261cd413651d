"""Logging out at the wish of a client (OpenID Connect RP-Initiated Logout 1.0): what a request means, by what is known of it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from app.core.causes import Cause
from app.core.redirect_uris import answer_uri, parameter
from app.messages import Refusal
from app.models import Client


class Leaving(NamedTuple):
    """A request to log out that is in order.

    ``client`` wishes it, and the browser goes back to ``uri`` with ``state`` afterwards. ``subject`` and ``sid`` are the person and the
    session, as the client knows them, that a verified ``id_token_hint`` names.
    """

    client: Client | None = None
    uri: str | None = None
    state: str | None = None
    subject: str | None = None
    sid: str | None = None

    @property
    def location(self) -> str | None:
        """Return where the browser goes back to (§3)."""
        if self.uri is None or self.state is None:
            return self.uri
        return answer_uri(self.uri, [parameter("state", self.state)])


def named_client(parameters: Mapping[str, str], audience: Iterable[str] | None) -> str | None:
    """Return the client that wishes a logout: the one that says so, or the one that the hint was made for; ``None`` where neither is.

    Raises:
        Refusal: the hint was made for another one (§2), or for several of which none is named.
    """
    client_id = parameters.get("client_id") or None
    if audience is None:
        return client_id
    clients = tuple(audience)
    if client_id is not None and client_id not in clients:
        raise Refusal(Cause.INVALID_PARAMETER, "The id_token_hint was not issued to this client_id.")
    if client_id is None and len(clients) != 1:
        raise Refusal(Cause.MISSING_PARAMETER, "The id_token_hint is of several clients: the request must name one by client_id.")
    return client_id or clients[0]


def check_leaving(leaving: Leaving, client_id: str | None, dialect: str) -> Leaving:
    """Return a request to log out that is in order; the client is the one that was found, and speaks the dialect of the endpoint.

    Raises:
        Refusal: the client is not known, or the browser is to go to an address that it has not registered (§3).
    """
    client = leaving.client
    if client_id is not None and (client is None or client.disabled_at is not None or client.dialect != dialect):
        raise Refusal(Cause.UNKNOWN_CLIENT)
    if leaving.uri is None:
        return leaving
    if client is None:
        raise Refusal(Cause.MISSING_PARAMETER, "A post_logout_redirect_uri needs an id_token_hint or a client_id beside it.")
    if leaving.uri not in client.post_logout_redirect_uris:
        raise Refusal(Cause.UNREGISTERED_REDIRECT_URI, "The post_logout_redirect_uri is not registered for this client.")
    return leaving
