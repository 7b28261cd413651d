"""Who asks: what must be loaded to know, and the check of the client's credentials (RFC 6749 §2.3).

Every failure looks the same from outside, and so does the work it takes.
"""

import math
from functools import lru_cache
from hmac import compare_digest
from typing import Final

from app.core.addresses import network_of
from app.core.causes import Cause
from app.core.secrets import attempt_key, digest
from app.ledger import Facts, Reliance
from app.messages import Endpoint, Refusal, Request
from app.models import Attempt, Client
from app.oauth2.client_assertion import Assertions
from app.oauth2.request import ExchangeRequest

CLIENT_FAILURES: Final = 20
"""Wrong secrets for one client from one address in a window, per grant."""
ADDRESS_FAILURES: Final = 300
"""Wrong secrets from one address over all clients in a window, per grant."""
_DUMMY: Final = (digest("no client has this secret"),)


@lru_cache(maxsize=4096)
def _attempt_keys(client_id: str, address: str, grant: str) -> tuple[bytes, bytes]:
    """The counters are per grant, so that what goes wrong with one never blocks another."""
    network = network_of(address)
    return attempt_key("client", client_id, network, grant), attempt_key("address", network, grant)


def attempt_keys(message: Request) -> tuple[bytes, ...]:
    """Return the failure counters that a presented secret or assertion is measured by."""
    credentials = message.credentials
    if credentials.client_id is None or (credentials.client_secret is None and credentials.assertion is None):
        return ()
    return _attempt_keys(credentials.client_id, message.address, message.registered_grant or message.endpoint)


def blocked_in(attempt: Attempt | None, limit: int, request: ExchangeRequest) -> int | None:
    """Return for how many seconds a counter still blocks, or ``None``."""
    if attempt is None or attempt.count < limit or attempt.window_started_at > request.now:
        return None  # A window that begins later was written by a clock that was wrong.
    left = (attempt.window_started_at + request.writes.window - request.now).total_seconds()
    return math.ceil(left) if left > 0 else None


def authenticate_client(request: ExchangeRequest, assertions: Assertions) -> Client:
    """Return the authenticated client.

    Raises:
        Refusal: ``invalid_client`` for every way to fail, ``too_many_attempts`` while a counter blocks, ``bad_bearer`` where an access
            token must stand for the client, ``foreign_dialect`` where the client is right but at another's door.
    """
    message, facts = request.message, request.facts
    if message.authenticates_by_bearer:
        request.client = bearer_client = _client_of_bearer(facts, message)
        return bearer_client
    keys = attempt_keys(message)
    wait = blocked_in(facts.attempts.get(keys[0]), CLIENT_FAILURES, request) if keys else None
    if wait is not None:
        raise Refusal(Cause.TOO_MANY_ATTEMPTS, retry_in=wait, detail="too many wrong secrets for this client from this address")
    client = facts.client if message.credentials.client_id is not None else _anonymous(facts, message)
    asserted = message.credentials.assertion is not None
    if asserted and client is not None and client.disabled_at is None:
        problem = assertions.check(client, request)
    else:
        problem = _credentials_problem(client, request)
    if problem is not None or client is None:
        # A right secret passes: behind a proxy or a carrier many clients have one address.
        wait = blocked_in(facts.attempts.get(keys[1]), ADDRESS_FAILURES, request) if keys else None
        if wait is not None:
            raise Refusal(Cause.TOO_MANY_ATTEMPTS, retry_in=wait, detail="too many wrong secrets from this address")
        request.writes.count.extend(keys)
        raise Refusal(Cause.INVALID_CLIENT, detail=problem)
    if message.endpoint is Endpoint.TOKEN and client.dialect != message.dialect:
        raise Refusal(Cause.FOREIGN_DIALECT, detail=f"the client speaks {client.dialect}")
    if facts.remembered:
        key = keys[0] if keys else None
        request.writes.relies_on = Reliance(client.client_id, client.version, key, CLIENT_FAILURES, request.now - request.writes.window)
    request.client = client
    request.auth_method = client.token_endpoint_auth_method if asserted or client.is_public else message.credentials.method
    return client


def _credentials_problem(client: Client | None, request: ExchangeRequest) -> str | None:
    """Return what is wrong with the credentials, or ``None``."""
    message = request.message
    is_right = _secret_is_right(client, message.credentials.client_secret, request)
    if client is None or client.disabled_at is not None:
        return "unknown client" if client is None else "the client is disabled"
    if client.is_public:
        if message.credentials.client_secret is not None:
            return "a public client sent a secret"
        return None if message.serves_public_clients else "public clients are not served here"
    if not is_right:
        return "wrong secret" if message.credentials.client_secret is not None else "no secret was sent"
    method = message.credentials.method
    if not client.check_endpoint_auth_method(method, message.endpoint):
        return f"the client is registered for {client.token_endpoint_auth_method}, not {method}"
    return None


def _secret_is_right(client: Client | None, secret: str | None, request: ExchangeRequest) -> bool:
    """Whether the secret is one of the client's; digests are compared even where there is nothing to compare with."""
    if secret is None:
        return False
    stored = [one.secret_hash for one in client.secrets if one.expires_at is None or one.expires_at > request.now] if client else []
    presented = digest(secret)
    is_right = False
    for secret_hash in stored or _DUMMY:
        is_right |= compare_digest(presented, secret_hash)
    return is_right and bool(stored)


def _anonymous(facts: Facts, message: Request) -> Client | None:
    """Return the public client that the presented code or refresh token names, where the dialect lets it stay unnamed."""
    if not message.accepts_anonymous:
        return None
    for means, held, cause in (("code", facts.code, Cause.BAD_CODE), ("refresh_token", facts.token, Cause.BAD_REFRESH_TOKEN)):
        if means in message.required:
            if means not in message.parameters:
                raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {message.required[means]} is missing.")
            if held is None:
                raise Refusal(cause, detail="unknown")
            if held.client is None or not held.client.is_public:
                return None
            if held.grant.dialect != message.dialect:
                raise Refusal(cause, detail="of another dialect")
            return held.client
    return None


def _client_of_bearer(facts: Facts, message: Request) -> Client:
    held = facts.bearer
    if held is None or held.record.kind != "access" or held.client is None:
        raise Refusal(Cause.BAD_BEARER, detail="no such access token" if message.bearer else "no bearer token")
    if held.grant.dialect != message.dialect:
        raise Refusal(Cause.BAD_BEARER, detail="a token of another dialect")
    if held.record.revoked_at is not None or held.grant.revoked_at is not None or held.client.disabled_at is not None:
        raise Refusal(Cause.BAD_BEARER, detail="the token was revoked or its client disabled")
    return held.client
