"""The secrets of clients: which may be declared, and how one replaces another.

Only their digests are kept, but where a client signs with its secret (``client_secret_jwt``): that one is kept sealed beside its digest,
since nobody can check a signature by a digest.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from app.admin.fields import Refused
from app.admin.operator import Desk, text_of
from app.admin.secret_hashes import KEY, SecretHash
from app.core.client_algorithms import CLIENT_SECRET_JWT, PRIVATE_KEY_JWT
from app.core.secrets import SecretFormat, digest, new_id, seal
from app.models import Client, ClientSecret

_FORMAT: Final = SecretFormat()
MINIMUM_KEY: Final = 32
"""Bytes of a secret that signs (RFC 7518 §3.2), in a sandbox too."""
MAXIMUM_KEEP: Final = 366 * 86400
"""Seconds that an old secret may live beside a new one."""


def view(client: Client) -> list[dict[str, object]]:
    """Return what may be shown of a client's secrets."""
    return [{"id": one.id, "created_at": text_of(one.created_at), "expires_at": text_of(one.expires_at)} for one in client.secrets]


def check(desk: Desk, client: Client, secret: str) -> None:
    """Check a secret that is declared for a client.

    Raises:
        Refused: it is short, or published.
    """
    if digest(secret) in desk.rules.known_secrets:
        raise Refused("client_secret", "is a published demo secret: declare one of your own, or leave it out and one is made")
    minimum = desk.rules.minimum_secret
    if len(secret) < minimum:
        raise Refused(
            "client_secret",
            f"is shorter than {minimum} characters, which only a sandbox takes: declare a random one (openssl rand -hex 32),"
            " or leave it out and one is made",
        )
    if _signs(client) and len(secret) < MINIMUM_KEY:
        raise Refused("client_secret", f"is shorter than {MINIMUM_KEY} characters, which one that signs must have (client_secret_jwt)")


def _signs(client: Client) -> bool:
    return client.token_endpoint_auth_method == CLIENT_SECRET_JWT


def settle(desk: Desk, client: Client, declared: str | None) -> str | None:
    """Give a stored client the declared secret, or one of our making where it needs one and has none; return what was made.

    A secret that the client already has changes nothing; another one ends all that it had. A client that needs none loses its secrets,
    and one that begins to sign with its secret those that were not kept for it. The record is kept up with what is stored.

    Raises:
        Refused: the client cannot have one, it may not be declared, or none may be made.
    """
    if _has_none(client):
        if declared is not None:
            raise Refused("client_secret", f"{_why_none(client)}: leave it out, or choose another token_endpoint_auth_method")
        for old in client.secrets:
            desk.catalog.remove_secret(client.client_id, old.id)
        client.secrets = ()
        return None
    live = [one for one in client.secrets if one.expires_at is None or one.expires_at > desk.now]
    if _signs(client):
        live = [one for one in live if one.secret_sealed is not None]
    else:
        _forget_sealed(desk, client)
    if declared is not None:
        check(desk, client, declared)
        if digest(declared) not in {one.secret_hash for one in live}:
            put(desk, client, declared)
        return None
    if live:
        return None
    if not desk.rules.makes_secrets:
        raise Refused("client_secret", "is missing: declare one, or let tokenry apply make it and show it once")
    made = _FORMAT.generate()
    put(desk, client, made)
    return made


def settle_hashes(desk: Desk, client: Client, declared: Sequence[SecretHash]) -> None:
    """Let the secrets of a stored client be those that are declared by their digests, and no others; those that have ended are left out.

    The record is kept up with what is stored.

    Raises:
        Refused: the client cannot have one, signs with it, or it is a published one.
    """
    if _has_none(client):
        raise Refused(KEY, f"{_why_none(client)}: leave it out, or choose another token_endpoint_auth_method")
    if _signs(client):
        raise Refused(KEY, f"no signature is checked by a digest: declare the client_secret itself ({CLIENT_SECRET_JWT})")
    if any(one.secret_hash in desk.rules.known_secrets for one in declared):
        raise Refused(KEY, "is that of a published demo secret: declare one of your own, or leave it out and one is made")
    wanted = {one.secret_hash: one.expires_at for one in declared if one.expires_at is None or one.expires_at > desk.now}
    if not wanted:
        raise Refused(KEY, "every one of these secrets has ended: leave it out and one is made")
    held = {one.secret_hash: one for one in client.secrets if one.expires_at is None or one.expires_at > desk.now}
    if wanted == {secret_hash: _to_the_second(one.expires_at) for secret_hash, one in held.items()}:
        return
    for old in client.secrets:
        desk.catalog.remove_secret(client.client_id, old.id)
    blanks = {one: ClientSecret(id=new_id(), client_id=client.client_id, secret_hash=one, created_at=desk.now) for one in wanted}
    client.secrets = tuple(replace(held.get(one, blanks[one]), expires_at=end, secret_sealed=None) for one, end in wanted.items())
    for one in client.secrets:
        desk.catalog.add_secret(one)


def _to_the_second(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(microsecond=0)


def _has_none(client: Client) -> bool:
    return client.is_public or client.token_endpoint_auth_method == PRIVATE_KEY_JWT


def _why_none(client: Client) -> str:
    return "a public client has none" if client.is_public else "a client of private_key_jwt signs with a key of its own and has none"


def _forget_sealed(desk: Desk, client: Client) -> None:
    """Keep nothing but digests for a client that signs no more."""
    held = tuple(replace(one, secret_sealed=None) for one in client.secrets)
    for before, after in zip(client.secrets, held, strict=True):
        if before.secret_sealed is not None:
            desk.catalog.remove_secret(client.client_id, before.id)
            desk.catalog.add_secret(after)
    client.secrets = held


def _sealed(desk: Desk, client: Client, secret: str) -> bytes | None:
    """Return a secret sealed, where its client signs with it.

    Raises:
        Refused: there is no key to seal it under.
    """
    if not _signs(client):
        return None
    if desk.sealing_key is None:
        raise Refused("token_endpoint_auth_method", f"{CLIENT_SECRET_JWT} needs the server's secret key, which is not at hand here")
    return seal(desk.sealing_key(), secret.encode())


def put(desk: Desk, client: Client, secret: str, *, keep_old_in: int = 0) -> None:
    """Give a client a new secret; those it had live for at most ``keep_old_in`` seconds more. The record is kept up."""
    held = []
    for old in client.secrets:
        desk.catalog.remove_secret(client.client_id, old.id)
        end = desk.now + timedelta(seconds=keep_old_in)
        if old.expires_at is not None:
            end = min(end, old.expires_at)
        if end > desk.now and (old.secret_sealed is not None) == _signs(client):
            held.append(replace(old, expires_at=end))
    made = ClientSecret(id=new_id(), client_id=client.client_id, secret_hash=digest(secret), created_at=desk.now)
    made.secret_sealed = _sealed(desk, client, secret)
    held.append(made)
    for one in held:
        desk.catalog.add_secret(one)
    client.secrets = tuple(held)


def rotate(desk: Desk, client: Client, declared: str | None, keep_old_in: int) -> str | None:
    """Give a client another secret and return it where it was made here.

    Raises:
        Refused: the client has none, the secret may not be declared, or the time is out of bounds.
    """
    if _has_none(client):
        raise Refused("client_secret", _why_none(client))
    if not 0 <= keep_old_in <= MAXIMUM_KEEP:
        raise Refused("keep_old", f"takes seconds from 0 to {MAXIMUM_KEEP}")
    if declared is not None:
        check(desk, client, declared)
        if digest(declared) in {one.secret_hash for one in client.secrets}:
            raise Refused("client_secret", "is one that this client has already")
    secret = declared or _FORMAT.generate()
    put(desk, client, secret, keep_old_in=keep_old_in)
    return None if declared else secret
