"""Signing keys: looking at them, replacing them in time, and taking one out of use."""

import asyncio
from datetime import datetime, timedelta

from app.admin.fields import Refused
from app.admin.operator import Change, Desk, Operator, Status, text_of, unknown
from app.core.keyring import ACTIVE_IN, Keyring, KeyState
from app.core.keys import Algorithm
from app.core.mistakes import Mistake
from app.models import SigningKey
from app.proofs import sealed_key

View = dict[str, object]


async def list_keys(operator: Operator) -> list[View]:
    """Return all signing keys in the order of their use, with where each is in its life."""

    def work(desk: Desk) -> list[View]:
        stored = desk.catalog.signing_keys()
        ring = Keyring(stored, b"")
        return [_view(ring, key, desk.now) for key in stored]

    return await operator.look(work)


async def rotate_keys(operator: Operator, sealing_key: bytes, algorithm: str | None = None, *, now: bool = False) -> list[Change]:
    """Make a new signing key for an algorithm, or for all; its public half is published at once.

    It signs five minutes later, when every process and every client that keeps the published keys knows it; ``now`` lets it sign at
    once. The old one stays published until the last token that it may have signed is dead.

    Raises:
        Mistake: there is no such algorithm.
    """
    if algorithm is not None and algorithm not in list(Algorithm):
        raise Refused("algorithm", f"is one of {', '.join(Algorithm)}, not {algorithm}")
    made = [await _made(operator, sealing_key, one, now=now) for one in ([Algorithm(algorithm)] if algorithm else Algorithm)]
    return await operator.transact(lambda desk: [_add(desk, key) for key in made])


async def retire_key(operator: Operator, sealing_key: bytes, kid: str, *, force: bool = False) -> Change:
    """Take a signing key out of use: nobody is told it any more, and what it signed is refused.

    A key that signs, or whose tokens may be alive, is retired by ``force`` alone; one that signs has a successor that does so at once.

    Raises:
        Mistake: there is no such key, or it is needed and nothing forces it.
    """
    stored = await operator.look(lambda desk: desk.catalog.signing_keys())
    key = next((key for key in stored if key.kid == kid), None)
    if key is None:
        raise unknown(f"signing key {kid}")
    now, ring = operator.clock.now(), Keyring(stored, b"")
    state = ring.state(key, now)
    if not force:
        _check_dispensable(ring, key, state)
    successor = await _made(operator, sealing_key, Algorithm(key.algorithm), now=True) if state is KeyState.SIGNING else None
    return await operator.transact(lambda desk: _retire(desk, key, successor))


def _check_dispensable(ring: Keyring, key: SigningKey, state: KeyState) -> None:
    if state is KeyState.SIGNING:
        raise Mistake(
            f"the key {key.kid} signs: replace it with tokenry keys rotate {key.algorithm}, and retire it when what it signed is dead;"
            " --force replaces it at once, and everything that it signed is refused"
        )
    if state is KeyState.PUBLISHED:
        raise Mistake(
            f"tokens that the key {key.kid} signed may be alive until {text_of(ring.published_until(key))}; --force refuses them at once"
        )


async def _made(operator: Operator, sealing_key: bytes, algorithm: Algorithm, *, now: bool) -> SigningKey:
    from app.core.key_pairs import make_key

    pair = await asyncio.to_thread(make_key, algorithm)
    moment = operator.clock.now()
    return sealed_key(pair, sealing_key, moment, moment + (timedelta() if now else ACTIVE_IN))


def _add(desk: Desk, key: SigningKey) -> Change:
    if all(other.algorithm != key.algorithm or other.retired_at is not None for other in desk.catalog.signing_keys()):
        key.active_from = key.created_at
    desk.catalog.add_signing_key(key)
    desk.note("key.create", f"signing key {key.kid}", None, {"algorithm": key.algorithm, "active_from": text_of(key.active_from)})
    return Change(noun="key", name=key.kid, status=Status.CREATED)


def _retire(desk: Desk, key: SigningKey, successor: SigningKey | None) -> Change:
    if not desk.catalog.retire_signing_key(key.kid):
        return Change(noun="key", name=key.kid, status=Status.UNCHANGED)
    if successor is not None:
        _add(desk, successor)
    desk.note("key.retire", f"signing key {key.kid}", {"retired_at": None}, {"retired_at": text_of(desk.now)})
    return Change(noun="key", name=key.kid, status=Status.UPDATED, members=("retired_at",))


def _view(ring: Keyring, key: SigningKey, now: datetime) -> View:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": ring.state(key, now),
        "created_at": text_of(key.created_at),
        "active_from": text_of(key.active_from),
        "published_until": None if key.retired_at is not None else text_of(ring.published_until(key)),
        "retired_at": text_of(key.retired_at),
    }
