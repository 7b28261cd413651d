"""The request object that Authlib's classes see: parameters in RFC words, and beside them the facts and the writes of this exchange."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from app.ledger import Facts, Writes
from app.messages import Proofs, Request

_SECURE_URI: Final = "https://tokenry.invalid/"
"""What Authlib may know of the URI."""


class Payload(OAuth2Payload):
    """The parameters of the body; the query is never among them."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._parameters = parameters

    @property
    def data(self) -> Mapping[str, str]:
        """Return the parameters."""
        return self._parameters

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """Return each value as a list of one: repeated parameters never come this far."""
        return defaultdict(list, {name: [value] for name, value in self._parameters.items()})


class ExchangeRequest(OAuth2Request):
    """One exchange: the message, what was found for it, and what it wants written."""

    def __init__(self, message: Request, facts: Facts, proofs: Proofs, now: datetime) -> None:
        # Authlib's own initialiser is not called: it parses the URI on every request to refuse plain http, and TLS is the listener's
        # and the proxy's business. A test holds these attributes against those that Authlib sets.
        self.method = "POST"
        self.uri = _SECURE_URI
        self.headers: Mapping[str, str] = {}
        self._body = None
        self.client: Any = None
        self.auth_method: str | None = None
        self.user: Any = None
        self.authorization_code: Any = None
        self.refresh_token: Any = None
        self.credential = None
        self._scope: str | None = None
        self.payload = Payload(message.parameters)
        self.message = message
        self.facts = facts
        self.proofs = proofs
        self.now = now
        self.writes = Writes(now)
        self.replayed = False
        self.is_unsigned = False
        self.media_type: str | None = None
        self.members: Mapping[str, Any] | None = None

    @property
    def form(self) -> Mapping[str, str]:
        """Return the parameters; Authlib reads codes and tokens from here."""
        return self.message.parameters

    @property
    def args(self) -> Mapping[str, str]:
        """Return the query: none is ever read."""
        return {}
