"""A client that proves itself by what it has signed: ``private_key_jwt`` and ``client_secret_jwt`` (RFC 7523 §3, OpenID Connect Core §9).

What is wrong before the signature is known to be the client's is told to nobody but the operator; after that, to the client too.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.core.causes import Cause
from app.core.client_algorithms import algorithms_of
from app.core.secrets import attempt_key
from app.messages import Refusal
from app.models import Client, UsedAssertion
from app.oauth2.jose import BadJwt, read_jwt
from app.oauth2.request import ExchangeRequest

LEEWAY: Final = timedelta(seconds=30)
"""How far clocks may differ."""
LASTS: Final = timedelta(minutes=5)
"""How far ahead an assertion may end, where an operator says nothing else: so long its use is remembered."""
_MAXIMUM_JTI: Final = 512
"""Characters."""
_FAR: Final = 10**11
"""Seconds since 1970: beyond it lies no moment that anybody means."""


class Assertions:
    """Checks what clients bring to prove themselves."""

    def __init__(self, issuer: str, lasts: timedelta = LASTS, back_channel: str | None = None) -> None:
        """Check what is addressed to an issuer and ends no later than in the time that ``lasts``.

        ``back_channel`` is where the endpoints are for servers, where their addresses do not begin with the issuer.
        """
        self._issuer = issuer
        self._bases = (issuer, back_channel or issuer)
        self._lasts = lasts

    def check(self, client: Client, request: ExchangeRequest) -> str | None:
        """Return what is wrong with the assertion of a request, for the operator; the writes then hold its use.

        Raises:
            Refusal: ``invalid_client``, where the client has signed it, but it says something that it must not say.
        """
        message, proofs = request.message, request.proofs
        method = client.token_endpoint_auth_method or ""
        algorithms = algorithms_of(method, client.token_endpoint_auth_signing_alg)
        if not algorithms:
            return f"the client is registered for {method or 'a secret'}, not for an assertion"
        claims, unread = _read(message.credentials.assertion or "", proofs.client_keys, algorithms)
        if claims is None:
            return unread
        audiences = {self._issuer, *(f"{base}{path}" for base in self._bases for path in message.credentials.paths)}
        problem = _addressing_problem(claims, client.client_id, audiences) or _time_problem(claims, request.now, self._lasts)
        if problem is not None:
            raise Refusal(Cause.INVALID_CLIENT, problem)
        if not proofs.assertion_is_used:
            end = datetime.fromtimestamp(int(claims["exp"]), UTC) + LEEWAY
            request.writes.once = UsedAssertion(key=attempt_key("assertion", client.client_id, claims["jti"]), expires_at=end)
        return None


def _read(text: str, keys: Sequence[Mapping[str, Any]], algorithms: frozenset[str]) -> tuple[Mapping[str, Any] | None, str]:
    """Return what the assertion says, or why it is none of the client's. Of several secrets any may have signed it."""
    secrets: list[Sequence[Mapping[str, Any]]] = [[key] for key in keys if key.get("kty") == "oct"]
    problem = ""
    for trusted in secrets or [keys]:
        try:
            return read_jwt(text, trusted, algorithms).claims, ""
        except BadJwt as bad:
            problem = str(bad)
    return None, f"the assertion: {problem}"


def _addressing_problem(claims: Mapping[str, Any], client_id: str, audiences: set[str]) -> str | None:
    """Return what is wrong with whom an assertion is from, whom it is for, and its name, or ``None``."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return "The client_assertion must have the client_id as both iss and sub."
    if not _is_for_us(claims.get("aud"), audiences):
        return "The aud of the client_assertion must be the issuer, or the URL of this endpoint, and nothing else."
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAXIMUM_JTI:
        return f"The client_assertion has no jti of up to {_MAXIMUM_JTI} characters."
    return None


def _time_problem(claims: Mapping[str, Any], now: datetime, lasts: timedelta) -> str | None:
    """Return what is wrong with the times of an assertion, or ``None``."""
    moments = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if any(isinstance(moment, bool) or not isinstance(moment, int | float) or not 0 <= moment < _FAR for moment in moments.values()):
        return "A time in the client_assertion is not a number of seconds since 1970."
    if "exp" not in moments:
        return "The client_assertion has no exp."
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if moments["exp"] + leeway <= at:
        return "The client_assertion has expired."
    if moments["exp"] - at > lasts.total_seconds() + leeway:
        return f"The client_assertion lives too long: its exp may be {lasts.total_seconds():.0f} seconds ahead."
    if max(moments.get("iat", 0), moments.get("nbf", 0)) - leeway > at:
        return "The client_assertion is of the future: see its iat and nbf, and the clock."
    return None


def _is_for_us(audience: object, ours: set[str]) -> bool:
    """Whether an assertion is addressed to this server alone: one that is meant for another server too could be that one's to use here."""
    named = audience if isinstance(audience, list) else [audience]
    return bool(named) and all(isinstance(one, str) and one in ours for one in named)
