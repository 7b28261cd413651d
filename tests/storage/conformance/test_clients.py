"""The client cache is never stale: a change is seen by the next load, in every process."""

from dataclasses import replace

import pytest

from app.ledger import Needs, Writes
from app.models import Client
from app.storage import Catalog, Storage
from tests.storage.conftest import NATIVE, Database
from tests.storage.records import NOW, a_client, a_grant, a_secret, a_shop, a_token


async def client_of(storage: Storage) -> Client:
    client = (await storage.load(Needs(client_id="client"))).client
    assert client is not None
    return client


@pytest.mark.security("CA-12")
@pytest.mark.security("AD-08")
async def test_disabled_client_is_seen_by_the_next_load_of_another_storage(database: Database) -> None:
    one, another = await database.open(), await database.open()
    stored = await one.transact(lambda catalog: catalog.put_client(a_client()))
    grant = a_grant()
    token = a_token(grant)
    await one.commit(Writes(NOW, grants=[grant], tokens=[token]))
    for storage in (one, another, one, another):
        assert await client_of(storage) == stored
    disabled = await one.transact(lambda catalog: catalog.put_client(replace(stored, disabled_at=NOW)))
    for storage in (another, one):
        assert await client_of(storage) == disabled
        held = (await storage.load(Needs(token_hash=token.token_hash))).token
        assert held is not None
        assert held.client == disabled


async def test_every_change_of_a_client_raises_its_version_and_is_seen_at_once(database: Database) -> None:
    one, another = await database.open(), await database.open()
    first, second, shop = a_secret(), a_secret(), a_shop()

    def put(catalog: Catalog) -> None:
        catalog.put_client(a_client())
        catalog.put_shop(shop)

    await one.transact(put)
    changes = [
        lambda catalog: catalog.add_secret(first),
        lambda catalog: catalog.add_secret(second),
        lambda catalog: catalog.remove_secret("client", first.id),
        lambda catalog: catalog.grant_shop("client", shop.id),
        lambda catalog: catalog.withdraw_shop("client", shop.id),
        lambda catalog: catalog.put_client(replace(catalog.client("client"), client_name="Other")),
    ]
    versions = [(await client_of(another)).version]
    for change in changes:
        await one.transact(change)
        client = await client_of(another)
        assert client == await one.transact(lambda catalog: catalog.client("client"))
        versions.append(client.version)
    assert versions == list(range(versions[0], versions[0] + len(changes) + 1))


async def test_client_made_anew_under_a_removed_ones_name_is_another(database: Database) -> None:
    one, another = await database.open(), await database.open()
    old = await one.transact(lambda catalog: catalog.put_client(a_client(client_name="old")))
    assert await client_of(another) == old

    def renew(catalog: Catalog) -> Client:
        catalog.remove_client("client")
        return catalog.put_client(a_client(client_name="new"))

    new = await one.transact(renew)
    assert await client_of(another) == new


@pytest.mark.parametrize("database", NATIVE, indirect=True)
async def test_known_client_costs_one_statement_and_a_changed_one_two(database: Database) -> None:
    storage = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))

    async def statements() -> int:
        before = storage.counters.statements
        await client_of(storage)
        return storage.counters.statements - before

    assert [await statements(), await statements()] == [2, 1]
    await storage.transact(lambda catalog: catalog.add_secret(a_secret()))
    assert [await statements(), await statements()] == [2, 1]
