"""The keys by which a client's assertion is checked: its registered ones, those that it publishes, or its secret.

What a client publishes is fetched when it is needed and kept for as long as the client says, within bounds. A key that is not among
what is kept may be new, so it is looked for once more, but not at every stranger's word; and where a fetch fails, what is kept goes on.
"""

import asyncio
import json
import logging
import re
import time
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.core.base64url import base64url
from app.core.client_algorithms import CLIENT_SECRET_JWT, PRIVATE_KEY_JWT
from app.core.clock import Clock
from app.core.secrets import unseal
from app.models import Client
from app.proofs.remote import Remote, Unreachable

Keys = Sequence[Mapping[str, Any]]

FETCHED_IN: Final = 2.5
"""Seconds that a client's own server has to answer; whoever waits has little more than that."""
KEPT: Final = (60.0, 86400.0)
"""The least and the most seconds for which keys count as fresh, whatever ``max-age`` they come with."""
KEPT_UNSAID: Final = 300.0
"""Seconds for which keys count as fresh that come without one."""
KEPT_STALE: Final = 7 * 86400.0
"""Seconds after which keys are forgotten, if nothing newer could be fetched."""
AGAIN_IN: Final = 30.0
"""Seconds between two fetches of the same address, whatever happens."""
_MAXIMUM_KEYS: Final = 100
_MAXIMUM_ADDRESSES: Final = 1000
_MAXIMUM_FETCHES: Final = 16
"""At one time."""
_MEDIA_TYPES: Final = "application/jwk-set+json, application/json"
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])", re.IGNORECASE)
_log: Final = logging.getLogger("tokenry.client_keys")


@dataclass(slots=True)
class _Published:
    """What is kept of one address; moments are of a clock that only goes forward."""

    keys: Keys = ()
    fetched_at: float = 0.0
    fresh_until: float = 0.0
    asked_at: float | None = None
    fetch: asyncio.Task[None] | None = None


class ClientKeys:
    """Finds the keys of clients; ``sealing_key`` opens the secrets of those that sign with them."""

    def __init__(self, remote: Remote, sealing_key: bytes, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._remote = remote
        self._sealing_key = sealing_key
        self._clock = clock
        self._monotonic = monotonic
        self._published: OrderedDict[str, _Published] = OrderedDict()
        self._slots = asyncio.Semaphore(_MAXIMUM_FETCHES)

    async def find(self, client: Client, assertion: str) -> Keys:
        """Return the keys, one of which must have signed the assertion; none where there are none to be had."""
        if client.token_endpoint_auth_method == CLIENT_SECRET_JWT:
            return self._secrets(client)
        if client.token_endpoint_auth_method != PRIVATE_KEY_JWT:
            return ()
        if client.jwks is not None:
            keys: Keys = client.jwks["keys"]
            return keys
        return await self._fetched(client.jwks_uri, _kid_of(assertion)) if client.jwks_uri is not None else ()

    def _secrets(self, client: Client) -> Keys:
        """Return the client's secrets as keys (OpenID Connect Core §10.1)."""
        now = self._clock.now()
        sealed = [one.secret_sealed for one in client.secrets if one.expires_at is None or one.expires_at > now]
        opened = [unseal(self._sealing_key, one) for one in sealed if one is not None]
        if None in opened:
            _log.warning("a secret of client %s is sealed under another secret key: give it another one", client.client_id)
        return [{"kty": "oct", "k": base64url(secret)} for secret in opened if secret is not None]

    async def _fetched(self, uri: str, kid: str | None) -> Keys:
        kept = self._published.setdefault(uri, _Published())
        self._published.move_to_end(uri)
        if len(self._published) > _MAXIMUM_ADDRESSES:
            self._published.popitem(last=False)
        now = self._monotonic()
        is_known = bool(kept.keys) and (kid is None or any(key.get("kid", kid) == kid for key in kept.keys))
        may_ask = kept.asked_at is None or now - kept.asked_at >= AGAIN_IN
        if (not is_known or now >= kept.fresh_until) and (may_ask or kept.fetch is not None):
            if kept.fetch is None:
                kept.asked_at = now
                kept.fetch = asyncio.create_task(self._fetch(uri, kept))
            # Whoever gives up takes nothing from the others that wait.
            await asyncio.shield(kept.fetch)
        return kept.keys if self._monotonic() - kept.fetched_at < KEPT_STALE else ()

    async def _fetch(self, uri: str, kept: _Published) -> None:
        """Fetch keys once; whatever goes wrong, what is kept stays."""
        try:
            async with asyncio.timeout(FETCHED_IN), self._slots:
                answer = await self._remote.get(uri, _MEDIA_TYPES, within=FETCHED_IN)
            kept.keys = _keys_of(answer.status, answer.headers, answer.body)
            kept.fetched_at = self._monotonic()
            kept.fresh_until = kept.fetched_at + _fresh_for(answer.headers.get("cache-control", ""))
        except (Unreachable, TimeoutError) as problem:
            _log.warning("the keys at %s cannot be fetched: %s", uri, str(problem) or "others are waited for")
        except Exception as problem:  # noqa: BLE001 (whatever it is, who waits gets an answer)
            _log.warning("the keys at %s cannot be fetched: %s", uri, type(problem).__name__)
        finally:
            kept.fetch = None


def _kid_of(assertion: str) -> str | None:
    """Return the name of the key in the header of a JWT that nobody has checked."""
    try:
        header = json.loads(urlsafe_b64decode(assertion.partition(".")[0] + "=="))
    except (ValueError, RecursionError):
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) else None


def _keys_of(status: int, headers: Mapping[str, str], body: bytes) -> Keys:
    """Return the keys of an answer (RFC 7517 §5); what is no public key with a type is left out.

    Raises:
        Unreachable: it is no JWK Set.
    """
    if status != 200:  # noqa: PLR2004 (HTTP)
        raise Unreachable(f"the answer is {status}, and no redirect is followed")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreachable("the answer is compressed")
    try:
        keys = json.loads(body.decode("utf-8"))["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreachable("the answer is no JWK Set") from None
    if not isinstance(keys, list) or len(keys) > _MAXIMUM_KEYS:
        raise Unreachable(f"the answer is no JWK Set of up to {_MAXIMUM_KEYS} keys")
    return [key for key in keys if isinstance(key, dict) and isinstance(key.get("kty"), str) and key["kty"] != "oct"]


def _fresh_for(cache_control: str) -> float:
    said = _MAX_AGE.search(cache_control)
    least, most = KEPT
    return min(max(float(said[1]), least), most) if said is not None else KEPT_UNSAID
