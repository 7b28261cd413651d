"""Resources: found by their URIs in one load, and brought along with the client that asks about their tokens."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.ledger import Facts, Needs, WriteRefused, Writes
from app.models import Client, Resource
from app.storage import Catalog, Storage
from tests.storage.conftest import NATIVE, Database
from tests.storage.records import NOW, a_client, a_grant, a_secret, a_token, fresh_hash

ORDERS, STOCK = "https://orders.example.com/", "urn:example:stock"


def a_resource(uri: str = ORDERS, **values: Any) -> Resource:
    return Resource(**{"uri": uri, "scope": "read write", "created_at": NOW, "updated_at": NOW, **values})


async def put(storage: Storage, *resources: Resource) -> list[Resource]:
    return await storage.transact(lambda catalog: [catalog.put_resource(resource) for resource in resources])


async def put_client(storage: Storage, client_id: str = "client", secrets: int = 1) -> Client:
    def work(catalog: Catalog) -> Client:
        stored = catalog.put_client(a_client(client_id))
        for number in range(secrets):
            catalog.add_secret(a_secret(client_id, created_at=NOW + timedelta(seconds=number)))
        return stored

    return await storage.transact(work)


async def client_of(storage: Storage, client_id: str = "client") -> Client:
    client = (await storage.load(Needs(client_id=client_id))).client
    assert client is not None
    return client


async def test_resources_come_by_their_uris_and_others_not_at_all(storage: Storage) -> None:
    orders, stock = await put(storage, a_resource(name="订单", disabled_at=NOW), a_resource(STOCK, scope=""))
    assert (await storage.load(Needs(resources=(ORDERS,)))).resources == {ORDERS: orders}
    assert (await storage.load(Needs(resources=(STOCK, "urn:none", ORDERS)))).resources == {ORDERS: orders, STOCK: stock}
    for nothing in ((), ("urn:none",), (ORDERS.upper(),), (f"{ORDERS}x",), ("",), ("\x00",), ("\ud800", "'")):
        assert (await storage.load(Needs(resources=nothing))).resources == {}
    assert await storage.load(Needs()) == Facts()


async def test_resources_come_with_everything_else_in_one_load(storage: Storage) -> None:
    await put_client(storage)
    (orders,) = await put(storage, a_resource())
    grant = a_grant()
    token = a_token(grant, resource=f"{ORDERS} {STOCK}")
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token]))
    facts = await storage.load(Needs("client", token_hash=token.token_hash, attempts=(fresh_hash(),), resources=(ORDERS,)))
    assert facts.resources == {ORDERS: orders}
    assert facts.token is not None
    assert facts.token.record == token
    assert facts.token.record.resource == f"{ORDERS} {STOCK}"


async def test_a_client_comes_with_the_enabled_resources_for_which_it_asks(storage: Storage) -> None:
    await put_client(storage, secrets=3)
    await put_client(storage, "other")
    orders, stock, _, _ = await put(
        storage,
        a_resource(introspection_client="client"),
        a_resource(STOCK, introspection_client="client", scope="items"),
        a_resource("urn:disabled", introspection_client="client", disabled_at=NOW),
        a_resource("urn:others", introspection_client="other"),
    )
    client = await client_of(storage)
    assert client.resources == (orders, stock)
    assert len(client.secrets) == 3
    assert [one.uri for one in (await client_of(storage, "other")).resources] == ["urn:others"]
    grant = a_grant()
    token = a_token(grant)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[token]))
    held = (await storage.load(Needs(token_hash=token.token_hash))).token
    assert held is not None
    assert held.client == client


async def test_every_change_of_a_resource_is_seen_at_once_by_whoever_asks_for_it(database: Database) -> None:
    one, another = await database.open(), await database.open()
    await put_client(one)
    await put_client(one, "other")
    assert (await client_of(another)).resources == ()
    (stored,) = await put(one, a_resource(introspection_client="client"))
    assert (await client_of(another)).resources == (stored,)
    (stored,) = await put(one, replace(stored, scope="read"))
    assert [resource.scope for resource in (await client_of(another)).resources] == ["read"]
    (moved,) = await put(one, replace(stored, introspection_client="other"))
    assert (await client_of(another)).resources == ()
    assert (await client_of(another, "other")).resources == (moved,)
    await put(one, replace(moved, disabled_at=NOW))
    assert (await client_of(another, "other")).resources == ()


async def test_a_resource_outlives_the_client_that_asks_for_it(storage: Storage) -> None:
    await put_client(storage)
    await put(storage, a_resource(introspection_client="client"))
    await storage.transact(lambda catalog: catalog.remove_client("client"))
    found = await storage.transact(lambda catalog: catalog.resource(ORDERS))
    assert found is not None
    assert found.introspection_client is None


async def test_the_catalogue_lists_resources(storage: Storage) -> None:
    await put(storage, a_resource(STOCK), a_resource())
    listed = await storage.look(lambda catalog: catalog.resources())
    assert [resource.uri for resource in listed] == [ORDERS, STOCK]
    among = await storage.look(lambda catalog: catalog.resources_among([STOCK, "urn:none"]))
    assert list(among) == [STOCK]
    assert await storage.look(lambda catalog: catalog.resources_among([])) == {}
    assert await storage.look(lambda catalog: catalog.resource("urn:none")) is None


async def test_a_resource_belongs_to_a_client_that_is_there(storage: Storage) -> None:
    if type(storage).__name__ == "FakeStorage":
        return
    with pytest.raises(WriteRefused):
        await put(storage, a_resource(introspection_client="nobody"))


@pytest.mark.parametrize("database", NATIVE, indirect=True)
async def test_a_known_client_and_its_resources_cost_no_statement_more(database: Database) -> None:
    storage = await database.open()
    await put_client(storage)
    await put(storage, a_resource(introspection_client="client"))
    await client_of(storage)
    before = storage.counters.statements
    assert len((await client_of(storage)).resources) == 1
    assert storage.counters.statements == before + 1
