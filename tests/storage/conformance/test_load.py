"""What a need finds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from app.ledger import Facts, Needs, Spend, Writes
from app.models import Client, Grant, Shop, Token, User
from app.storage import Catalog, Storage
from tests.storage.records import NOW, a_client, a_code, a_grant, a_secret, a_shop, a_token, a_user, fresh_hash


async def put_client(storage: Storage, client: Client, shops: tuple[Shop, ...] = (), secrets: int = 1) -> Client:
    def work(catalog: Catalog) -> Client:
        catalog.put_client(client)
        for number in range(secrets):
            catalog.add_secret(a_secret(client.client_id, created_at=NOW + timedelta(seconds=number)))
        for shop in shops:
            catalog.put_shop(shop)
            catalog.grant_shop(client.client_id, shop.id)
        stored = catalog.client(client.client_id)
        assert stored is not None
        return stored

    return await storage.transact(work)


async def put_user(storage: Storage, user: User) -> User:
    return await storage.transact(lambda catalog: catalog.put_user(user))


async def test_nothing_is_found_for_no_needs(storage: Storage) -> None:
    assert await storage.load(Needs()) == Facts()


async def test_nothing_is_found_in_an_empty_database(storage: Storage) -> None:
    key = fresh_hash()
    needs = Needs("client", "1001", fresh_hash(), fresh_hash(), fresh_hash(), "ada", (key,))
    assert await storage.load(needs) == Facts()


async def test_client_comes_whole_with_its_secrets_in_order(storage: Storage) -> None:
    client = a_client(
        client_name="店铺 🏪",
        token_endpoint_auth_method="client_secret_post",
        grant_types=["a", "b"],
        response_types=[],
        options={"envelope": "x", "flag": True},
        extra={"contacts": ["a@example.org"], "nested": {"n": 1}},
        disabled_at=NOW + timedelta(microseconds=1),
    )
    stored = await put_client(storage, client, secrets=3)
    facts = await storage.load(Needs(client_id="client"))
    assert facts.client == stored
    assert stored == replace(client, version=stored.version, secrets=stored.secrets)
    assert [secret.created_at for secret in stored.secrets] == [NOW + timedelta(seconds=n) for n in range(3)]


async def test_client_without_secrets_and_lists_has_none(storage: Storage) -> None:
    await put_client(storage, a_client(grant_types=None, response_types=None), secrets=0)
    client = (await storage.load(Needs(client_id="client"))).client
    assert client is not None
    assert (client.secrets, client.grant_types, client.response_types) == ((), None, None)


async def test_client_id_is_compared_exactly(storage: Storage) -> None:
    await put_client(storage, a_client("Client"))
    for other in ("client", "CLIENT", "Client ", "Client\u0301", ""):
        assert (await storage.load(Needs(client_id=other))).client is None


async def test_shop_is_found_if_it_is_the_clients(storage: Storage) -> None:
    shop = a_shop()
    await put_client(storage, a_client(), (shop, a_shop("1002")))
    facts = await storage.load(Needs(client_id="client", shop="1001"))
    assert facts.shop == shop
    assert facts.client is not None


async def test_shop_of_another_client_or_dialect_or_disabled_is_not_found(storage: Storage) -> None:
    await put_client(storage, a_client(), (a_shop("disabled", disabled_at=NOW), a_shop("foreign", dialect="other")))
    await put_client(storage, a_client("another"), (a_shop("ungranted"),))
    for code in ("disabled", "foreign", "ungranted", "unknown", ""):
        facts = await storage.load(Needs(client_id="client", shop=code))
        assert facts.shop is None
        assert facts.client is not None


async def test_shop_needs_a_client(storage: Storage) -> None:
    await put_client(storage, a_client(), (a_shop(),))
    assert await storage.load(Needs(shop="1001")) == Facts()
    assert await storage.load(Needs(client_id="unknown", shop="1001")) == Facts()


async def test_user_is_found_by_name_or_address(storage: Storage) -> None:
    ada = await put_user(storage, a_user("ada"))
    bob = await put_user(storage, a_user("bob", email=None, email_key=None, name=None, password_hash=None, disabled_at=NOW))
    assert (await storage.load(Needs(login="ada"))).user == ada
    assert (await storage.load(Needs(login="ada@example.org"))).user == ada
    assert (await storage.load(Needs(login="bob"))).user == bob
    assert (await storage.load(Needs(login="Ada"))).user is None


async def test_user_name_goes_before_the_address_of_another(storage: Storage) -> None:
    await put_user(storage, a_user("ada", email_key="x@example.org"))
    named = await put_user(storage, a_user("x@example.org", email_key="other@example.org"))
    assert (await storage.load(Needs(login="x@example.org"))).user == named


async def a_family(storage: Storage) -> tuple[Grant, Client, User, Shop]:
    shop = a_shop()
    client = await put_client(storage, a_client(), (shop,))
    user = await put_user(storage, a_user())
    grant = a_grant(user_id=user.id, shop_id=shop.id, revoked_at=NOW)
    await storage.commit(Writes(NOW, grants=[grant]))
    return grant, client, user, shop


async def test_code_comes_with_grant_client_user_and_shop(storage: Storage) -> None:
    grant, client, user, shop = await a_family(storage)
    code = a_code(grant)
    await storage.commit(Writes(NOW, codes=[code]))
    held = (await storage.load(Needs(code_hash=code.code_hash))).code
    assert held is not None
    assert (held.record, held.grant, held.client, held.user, held.shop) == (code, grant, client, user, shop)
    assert held.successor_used is False


async def test_token_comes_with_grant_client_user_and_shop(storage: Storage) -> None:
    grant, client, user, shop = await a_family(storage)
    token = a_token(
        grant,
        "refresh",
        used_at=NOW,
        revoked_at=NOW + timedelta(microseconds=1),
        last_used_at=NOW - timedelta(microseconds=1),
        successor_hash=fresh_hash(),
        successor_sealed=b"\x00sealed\xff",
    )
    bearer = a_token(grant, expires_at=None)
    await storage.commit(Writes(NOW, tokens=[token, bearer]))
    facts = await storage.load(Needs(token_hash=token.token_hash, bearer_hash=bearer.token_hash))
    assert facts.token is not None
    assert facts.bearer is not None
    assert (facts.token.record, facts.bearer.record) == (token, bearer)
    for held in (facts.token, facts.bearer):
        assert (held.grant, held.client, held.user, held.shop) == (grant, client, user, shop)


async def test_token_of_a_grant_for_nobody_has_no_user_and_no_shop(storage: Storage) -> None:
    await put_client(storage, a_client())
    grant = a_grant()
    token = a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token]))
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    assert (held.user, held.shop) == (None, None)


async def test_held_shop_is_there_although_it_is_disabled(storage: Storage) -> None:
    grant, _, _, shop = await a_family(storage)
    token = a_token(grant)
    await storage.commit(Writes(NOW, tokens=[token]))
    disabled = replace(shop, disabled_at=NOW)
    await storage.transact(lambda catalog: catalog.put_shop(disabled))
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    assert held.shop == disabled


async def test_held_shop_is_gone_once_it_is_withdrawn_from_the_client(storage: Storage) -> None:
    grant, _, _, shop = await a_family(storage)
    token, code = a_token(grant), a_code(grant)
    await storage.commit(Writes(NOW, tokens=[token], codes=[code]))
    await storage.transact(lambda catalog: catalog.withdraw_shop("client", shop.id))
    facts = await storage.load(Needs(token_hash=token.token_hash, code_hash=code.code_hash))
    for held in (facts.token, facts.code):
        assert held is not None
        assert held.shop is None
        assert held.grant == grant


async def test_token_of_a_removed_client_has_no_client(storage: Storage) -> None:
    grant, *_ = await a_family(storage)
    token = a_token(grant)
    await storage.commit(Writes(NOW, tokens=[token]))
    assert await storage.transact(lambda catalog: catalog.remove_client("client"))
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    assert held.client is None


async def test_token_without_its_grant_is_not_found(storage: Storage) -> None:
    token = a_token(a_grant())
    await storage.commit(Writes(NOW, tokens=[token]))
    assert await storage.load(Needs(token_hash=token.token_hash, bearer_hash=token.token_hash)) == Facts()


async def test_successor_is_known_to_be_used(storage: Storage) -> None:
    grant = a_grant()
    first, second, third = (a_token(grant, "refresh") for _ in range(3))
    await storage.commit(Writes(NOW, grants=[grant], tokens=[first]))

    async def rotate(old: Token, new: Token) -> None:
        spend = Spend(old, successor_hash=new.token_hash, successor_sealed=b"sealed")
        assert (await storage.commit(Writes(NOW, spend=spend, tokens=[new]))).won

    async def successor_used() -> bool:
        held = (await storage.load(Needs(token_hash=first.token_hash))).token
        assert held is not None
        return held.successor_used

    assert await successor_used() is False
    await rotate(first, second)
    assert await successor_used() is False
    await rotate(second, third)
    assert await successor_used() is True


async def test_bent_hashes_find_nothing(storage: Storage) -> None:
    grant = a_grant()
    token, code = a_token(grant), a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token], codes=[code]))
    for bent_code, bent_token in zip(bent(code.code_hash), bent(token.token_hash), strict=True):
        assert await storage.load(Needs(code_hash=bent_code, token_hash=bent_token, bearer_hash=bent_token)) == Facts()


def bent(whole: bytes) -> list[bytes]:
    return [b"", whole[:-1], whole + b"\x00", whole[:-1] + bytes([whole[-1] ^ 1])]


async def test_many_different_needs_at_once_each_find_their_own(storage: Storage) -> None:
    clients = [await put_client(storage, a_client(f"client-{n}"), (a_shop(f"shop-{n}"),)) for n in range(3)]
    users = [await put_user(storage, a_user(f"user-{n}")) for n in range(3)]
    grants = [a_grant(client_id=f"client-{n}", user_id=users[n].id) for n in range(3)]
    codes, tokens = [a_code(grant) for grant in grants], [a_token(grant) for grant in grants]
    keys = [fresh_hash() for _ in range(4)]
    await storage.commit(Writes(NOW, grants=grants, codes=codes, tokens=tokens, count=keys[:3]))
    needs = [
        need
        for n in range(3)
        for need in (
            Needs(client_id=f"client-{n}"),
            Needs(client_id=f"client-{n}", shop=f"shop-{n}", login=f"user-{n}"),
            Needs(code_hash=codes[n].code_hash),
            Needs(client_id=f"client-{2 - n}", token_hash=tokens[n].token_hash),
            Needs(bearer_hash=tokens[n].token_hash, code_hash=codes[2 - n].code_hash),
            Needs(attempts=tuple(keys[: n + 1])),
            Needs(attempts=(keys[3], keys[n])),
            Needs(),
            Needs(client_id="unknown", token_hash=keys[0]),
        )
    ]
    together = await asyncio.gather(*map(storage.load, needs))
    alone = [await storage.load(need) for need in needs]
    assert together == alone
    for n in range(3):
        plain, shopping, code, token, bearer, counted, counted_too, nothing, unknown = together[9 * n : 9 * n + 9]
        assert plain.client == shopping.client == clients[n]
        assert shopping.shop is not None
        assert shopping.shop.code == f"shop-{n}"
        assert shopping.user == users[n]
        assert code.code is not None
        assert (code.code.record, code.code.client, code.code.user) == (codes[n], clients[n], users[n])
        assert token.client == clients[2 - n]
        assert token.token is not None
        assert token.token.record == tokens[n]
        assert bearer.bearer is not None
        assert bearer.bearer.record == tokens[n]
        assert set(counted.attempts) == set(keys[: n + 1])
        assert set(counted_too.attempts) == {keys[n]}
        assert nothing == unknown == Facts()
