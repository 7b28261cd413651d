"""Tokens that are wrong in one way, made of right ones: a client that takes them has a hole."""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from app.admin import rotate_keys
from app.core.keys import Algorithm, signed
from app.core.secrets import digest
from app.ledger import Needs, Writes
from app.sandbox.faults import FaultKind
from app.sandbox.worlds import World

_SIGNED: Final = ("id_token", "access_token")
_HOUR: Final = 3600


class Spoiler:
    """Spoils answers of token doors."""

    async def spoil(self, world: World, kind: FaultKind, body: bytes) -> bytes:
        """Return an answer with its tokens spoilt; one without tokens as it is."""
        try:
            answer = json.loads(body)
        except ValueError:
            return body
        tokens = _tokens_of(answer)
        for holder, name in tokens:
            header, claims = _read(holder[name])
            if claims is not None:
                holder[name] = await self._signed_anew(world, kind, header, claims, holder[name])
            elif kind is FaultKind.EXPIRED and name == "access_token":
                await _expire(world, holder[name])
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() if tokens else body

    async def rotate(self, world: World) -> None:
        """Let new keys sign at once."""
        await rotate_keys(world.operator, world.app.state.sealing_key, now=True)
        await world.app.state.keeper.refresh()

    @staticmethod
    async def _signed_anew(world: World, kind: FaultKind, header: Mapping[str, Any], claims: dict[str, Any], token: str) -> str:
        now = int(world.clock.now().timestamp())
        changes: Mapping[FaultKind, dict[str, Any]] = {
            FaultKind.EXPIRED: {"exp": now - _HOUR, "iat": now - 2 * _HOUR},
            FaultKind.NOT_YET_VALID: {"nbf": now + _HOUR, "iat": now + _HOUR, "exp": now + 2 * _HOUR},
            FaultKind.WRONG_AUDIENCE: {"aud": "another-client"},
            FaultKind.WRONG_ISSUER: {"iss": "https://elsewhere.invalid"},
            FaultKind.WRONG_NONCE: {"nonce": secrets.token_hex(8)} if "nonce" in claims else {},
        }
        if kind is FaultKind.BAD_SIGNATURE:
            start, _, signature = token.rpartition(".")
            return f"{start}.{signature[:-2]}{'AA' if signature[-2:] != 'AA' else 'BB'}"
        ring = await world.app.state.keeper.ring()
        stored = ring.signing(Algorithm(header["alg"]), world.clock.now())
        kid = secrets.token_urlsafe(32) if kind is FaultKind.UNKNOWN_KID else stored.kid
        return signed(ring.pair(stored), {**header, "kid": kid}, {**claims, **changes.get(kind, {})})


def _tokens_of(answer: object) -> list[tuple[dict[str, Any], str]]:
    """Return where the tokens of an answer stand, in an envelope too."""
    if not isinstance(answer, dict):
        return []
    here = [(answer, name) for name in _SIGNED if isinstance(answer.get(name), str)]
    return here + [found for inner in answer.values() for found in _tokens_of(inner)]


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return header and claims of a signed token, unchecked; of any other none."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 (RFC 7515 §3.1)
        return {}, None
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    except ValueError:
        return {}, None
    return header, claims


async def _expire(world: World, token: str) -> None:
    """Let an opaque token end a second before it was issued."""
    held = (await world.storage.load(Needs(token_hash=digest(token)))).token
    if held is not None:
        past = held.record.issued_at - timedelta(seconds=1)
        await world.storage.commit(Writes(world.clock.now(), extend=[(replace(held.record), past)]))
