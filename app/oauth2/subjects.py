"""Under which name a client knows a person, and a session of theirs."""

import hashlib
import hmac
from typing import Final

from app.core.base64url import base64url
from app.models import Client

_SID_BYTES: Final = 16


class Subjects:
    """Names people to clients (OpenID Connect Core §8)."""

    def __init__(self, key: bytes | None) -> None:
        """Name people; ``key`` is the secret from which pairwise names are made, without which there are none."""
        self._key = key

    def of(self, client: Client, user_id: str) -> str:
        """Return the ``sub`` of a person: the same for all clients, or for those of one sector alone; it never changes.

        A pairwise one cannot be told from the person's id, nor from another sector's name for them (§8.1).
        """
        if not client.is_pairwise:
            return user_id
        if self._key is None:
            raise RuntimeError("pairwise names need a key")
        return base64url(hmac.digest(self._key, f"{client.sector}\x00{user_id}".encode(), "sha256"))


def session_name(client_id: str, sid: str) -> str:
    """Return the ``sid`` by which a client knows a session (OpenID Connect Back-Channel Logout §2.1); no other client knows it so."""
    return base64url(hashlib.sha256(f"{sid}\x00{client_id}".encode()).digest()[:_SID_BYTES])
