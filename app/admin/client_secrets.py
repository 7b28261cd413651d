"""The secrets of clients: which may be declared, and how one replaces another. Only their digests are kept."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from app.admin.fields import Refused
from app.admin.operator import Desk, text_of
from app.core.secrets import SecretFormat, digest, new_id
from app.models import Client, ClientSecret

_FORMAT: Final = SecretFormat()
MAXIMUM_KEEP: Final = 366 * 86400
"""Seconds that an old secret may live beside a new one."""


def view(client: Client) -> list[dict[str, object]]:
    """Return what may be shown of a client's secrets."""
    return [{"id": one.id, "created_at": text_of(one.created_at), "expires_at": text_of(one.expires_at)} for one in client.secrets]


def check(desk: Desk, secret: str) -> None:
    """Check a declared secret.

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


def settle(desk: Desk, client: Client, declared: str | None) -> str | None:
    """Give a stored client the declared secret, or one of our making where it needs one and has none; return what was made.

    A secret that the client already has changes nothing; another one ends all that it had. A public client loses its secrets. The
    record is kept up with what is stored.

    Raises:
        Refused: a public client cannot have one, it may not be declared, or none may be made.
    """
    if client.is_public:
        if declared is not None:
            raise Refused("client_secret", "a public client has none: leave it out, or choose another token_endpoint_auth_method")
        for old in client.secrets:
            desk.catalog.remove_secret(client.client_id, old.id)
        client.secrets = ()
        return None
    live = [one for one in client.secrets if one.expires_at is None or one.expires_at > desk.now]
    if declared is not None:
        check(desk, declared)
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


def put(desk: Desk, client: Client, secret: str, *, keep_old_in: int = 0) -> None:
    """Give a client a new secret; those it had live for at most ``keep_old_in`` seconds more. The record is kept up."""
    held = []
    for old in client.secrets:
        desk.catalog.remove_secret(client.client_id, old.id)
        end = desk.now + timedelta(seconds=keep_old_in)
        if old.expires_at is not None:
            end = min(end, old.expires_at)
        if end > desk.now:
            held.append(replace(old, expires_at=end))
    held.append(ClientSecret(id=new_id(), client_id=client.client_id, secret_hash=digest(secret), created_at=desk.now))
    for one in held:
        desk.catalog.add_secret(one)
    client.secrets = tuple(held)


def rotate(desk: Desk, client: Client, declared: str | None, keep_old_in: int) -> str | None:
    """Give a client another secret and return it where it was made here.

    Raises:
        Refused: the client is public, the secret may not be declared, or the time is out of bounds.
    """
    if client.is_public:
        raise Refused("client_secret", "a public client has none")
    if not 0 <= keep_old_in <= MAXIMUM_KEEP:
        raise Refused("keep_old", f"takes seconds from 0 to {MAXIMUM_KEEP}")
    if declared is not None:
        check(desk, declared)
        if digest(declared) in {one.secret_hash for one in client.secrets}:
            raise Refused("client_secret", "is one that this client has already")
    secret = declared or _FORMAT.generate()
    put(desk, client, secret, keep_old_in=keep_old_in)
    return None if declared else secret
