"""Signing keys, and what families, codes, sessions and people hold for OpenID Connect."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.core.secrets import digest
from app.ledger import Needs, Writes
from app.models import SigningKey
from app.storage import Catalog, Storage, WriteRefused
from tests.storage.conftest import MovableClock
from tests.storage.records import NOW, a_client, a_code, a_grant, a_session, a_token, a_user

MINUTE = timedelta(minutes=1)


def a_key(kid: str, **values: object) -> SigningKey:
    members = {"kid": kid, "algorithm": "ES256", "private_sealed": b"\x00sealed", "created_at": NOW, "active_from": NOW}
    return SigningKey(**{**members, "public_jwk": {"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": kid}, **values})  # type: ignore[arg-type]  # any column


async def test_keys_come_in_the_order_of_their_use(storage: Storage) -> None:
    later, earlier = a_key("a", active_from=NOW + MINUTE), a_key("b")

    def add(catalog: Catalog) -> None:
        for key in (later, earlier):
            catalog.add_signing_key(key)

    await storage.transact(add)
    assert await storage.look(lambda catalog: catalog.signing_keys()) == [earlier, later]
    assert await storage.look(lambda catalog: catalog.signing_key("a")) == later
    assert await storage.look(lambda catalog: catalog.signing_key("c")) is None


async def test_a_key_is_there_once(storage: Storage) -> None:
    await storage.transact(lambda catalog: catalog.add_signing_key(a_key("a")))
    with pytest.raises(WriteRefused):
        await storage.transact(lambda catalog: catalog.add_signing_key(a_key("a")))


async def test_a_key_is_retired_once(storage: Storage, clock: MovableClock) -> None:
    await storage.transact(lambda catalog: catalog.add_signing_key(a_key("a")))
    clock.forward(hours=1)
    assert await storage.transact(lambda catalog: catalog.retire_signing_key("a"))
    clock.forward(hours=1)
    assert not await storage.transact(lambda catalog: catalog.retire_signing_key("a"))
    assert not await storage.transact(lambda catalog: catalog.retire_signing_key("b"))
    assert await storage.look(lambda catalog: catalog.signing_keys()) == [a_key("a", retired_at=NOW + 60 * MINUTE)]


async def test_what_is_kept_of_a_login_comes_back_with_a_code_and_a_token(storage: Storage) -> None:
    user = a_user("ada", claims='{"given_name":"Ada"}')
    login = {
        "auth_time": NOW - MINUTE,
        "acr": "1",
        "amr": "pwd otp",
        "sid": "s" * 22,
        "claims": '{"userinfo":{}}',
        "resource": "https://a https://b",
    }
    grant, plain = a_grant(user_id=user.id, **login), a_grant()
    code, token, other = a_code(grant, nonce="n" * 3000), a_token(grant), a_token(plain)
    await storage.transact(lambda catalog: (catalog.put_client(a_client()), catalog.put_user(user)))
    assert (await storage.commit(Writes(NOW, grants=[grant], codes=[code], tokens=[token]))).won
    assert (await storage.commit(Writes(NOW, grants=[plain], tokens=[other]))).won
    facts = await storage.load(Needs(code_hash=code.code_hash, bearer_hash=token.token_hash, token_hash=other.token_hash))
    assert facts.code is not None
    assert facts.bearer is not None
    assert facts.token is not None
    assert (facts.code.record, facts.code.grant) == (code, grant)
    assert (facts.bearer.record, facts.bearer.grant) == (token, grant)
    assert facts.bearer.user == replace(user, created_at=facts.bearer.user.created_at, updated_at=facts.bearer.user.updated_at)  # type: ignore[union-attr]  # it is there
    assert facts.token.grant == plain


async def test_a_session_keeps_its_name(storage: Storage) -> None:
    user = await storage.transact(lambda catalog: catalog.put_user(a_user("ada")))
    session = a_session(user, id_hash=digest("id"), sid="s" * 22)
    assert await storage.transact(lambda catalog: catalog.add_session(session, user))
    assert await storage.look(lambda catalog: catalog.session(digest("id"))) == (session, user)
