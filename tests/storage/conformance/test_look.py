"""Looks: one state of the database, no lock, nothing changed."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.ledger import StorageUnavailable, Writes
from app.models import Client, Grant, Scope, Session, Shop, Token, User
from app.storage import Catalog, Storage
from app.storage._tables import Until, among
from tests.storage.conftest import ENGINES, Database
from tests.storage.records import NOW, a_client, a_grant, a_secret, a_session, a_shop, a_token, a_user

CHANGES: dict[str, Callable[[Catalog], object]] = {
    "insert": lambda catalog: catalog.add_grant(a_grant()),
    "change": lambda catalog: catalog.revoke_grants(client_id="client"),
    "remove": lambda catalog: catalog.remove_client("client"),
}


async def test_look_sees_what_was_committed_before(storage: Storage) -> None:
    assert await storage.look(lambda catalog: catalog.client("client")) is None
    made = await storage.transact(lambda catalog: catalog.put_client(a_client(options={"x": "y"}, extra={"n": [1]})))
    assert await storage.look(lambda catalog: catalog.client("client")) == made
    ada = a_user("ada", disabled_at=NOW, second_factor_at=NOW)
    await storage.transact(lambda catalog: catalog.put_user(ada))
    assert await storage.look(lambda catalog: catalog.user_by_login("ada")) == ada


async def test_look_reads_every_kind_of_value_as_a_transaction_does(storage: Storage) -> None:
    def fill(catalog: Catalog) -> None:
        catalog.put_client(a_client("a", grant_types=["x"], disabled_at=NOW))
        catalog.put_client(a_client("b"))
        catalog.add_secret(a_secret("a"))
        catalog.put_scope(Scope(name="read", title={"zh": "读"}))
        catalog.put_shop(a_shop("1"))
        catalog.put_user(a_user("ada"))

    def read(catalog: Catalog) -> list[Any]:
        return [
            catalog.clients(),
            catalog.clients(after="a"),
            catalog.clients(limit=1),
            catalog.scopes(),
            catalog.shops("standard"),
            catalog.users(),
            catalog.audit_events(before=NOW),
            catalog.secrets_among([]),
            catalog.secrets_among([b"x" * 32, b"y" * 32]),
            catalog.property("sandbox"),
        ]

    await storage.transact(fill)
    assert await storage.look(read) == await storage.transact(read)


@pytest.mark.parametrize("change", CHANGES)
async def test_look_changes_nothing(storage: Storage, change: str) -> None:
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    await storage.commit(Writes(NOW, grants=[a_grant()]))
    with pytest.raises(TypeError, match="a look cannot"):
        await storage.look(CHANGES[change])
    assert await storage.look(lambda catalog: catalog.client("client")) is not None
    assert await storage.transact(lambda catalog: catalog.revoke_grants(client_id="client")) == 1


async def test_fault_of_the_work_harms_no_later_look(storage: Storage) -> None:
    def fail(catalog: Catalog) -> None:
        catalog.clients()
        raise LookupError("never mind")

    for _ in range(10):
        with pytest.raises(LookupError, match="never mind"):
            await storage.look(fail)
    assert await storage.look(lambda catalog: catalog.clients()) == []


@pytest.mark.parametrize("word", ["a\x00b", "\ud800"])
async def test_words_that_no_database_can_hold_are_found_nowhere(storage: Storage, word: str) -> None:
    def work(catalog: Catalog) -> list[Any]:
        return [
            catalog.client(word),
            catalog.user_by_login(word),
            catalog.managed_shops(word, "client"),
            catalog.managed_shops("ada", word),
        ]

    assert await storage.look(work) == [None, None, [], []]
    assert await storage.look(lambda catalog: catalog._rows.find(Client, client_id=[word, "client"])) == []
    assert await storage.look(lambda catalog: catalog._rows.latest(Grant, ("id",), (), client_id=word)) == []
    assert await storage.look(lambda catalog: catalog._rows.pick(Client, ["client_id"], client_id=Until(word))) == []
    assert await storage.look(lambda catalog: catalog.clients(after=word)) == []


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_look_sees_one_state_of_the_database(database: Database) -> None:
    """What is committed between two reads of a look is in neither, or in both."""
    looking, writing = await database.open(), await database.open()
    loop = asyncio.get_running_loop()

    def number_of(catalog: Catalog) -> int:
        return len(catalog.clients())

    def work(catalog: Catalog) -> tuple[int, int]:
        before = number_of(catalog)
        loop.call_soon_threadsafe(seen.set)
        until = time.monotonic() + 5
        while not done and time.monotonic() < until:
            catalog.client("somebody")  # gives the event loop its turn where the work runs on it
        return before, number_of(catalog)

    seen, done = asyncio.Event(), []
    look = asyncio.ensure_future(looking.look(work))
    await seen.wait()
    await writing.transact(lambda catalog: catalog.put_client(a_client()))
    done.append(True)
    assert await look == (0, 0)
    assert await looking.look(number_of) == 1


async def test_many_looks_at_once_beside_writers_all_answer(storage: Storage) -> None:
    looks = [storage.look(lambda catalog: catalog.clients()) for _ in range(30)]
    commits = [storage.commit(Writes(NOW, grants=[a_grant()])) for _ in range(20)]
    put = storage.transact(lambda catalog: catalog.put_user(a_user("ada")))
    answers, receipts, _ = await asyncio.gather(asyncio.gather(*looks), asyncio.gather(*commits), put)
    assert answers == [[]] * 30
    assert all(receipt.won for receipt in receipts)


async def test_cancelled_look_harms_no_other(storage: Storage) -> None:
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    for _ in range(5):
        looks = [asyncio.ensure_future(storage.look(lambda catalog: [catalog.client("client") for _ in range(3)])) for _ in range(12)]
        await asyncio.sleep(0)
        for look in looks[::2]:
            look.cancel()
        assert all(None not in found for found in await asyncio.gather(*looks[1::2]))
        await asyncio.wait(looks)


@pytest.mark.parametrize("database", ENGINES, indirect=True)
async def test_closed_storage_does_not_look(database: Database) -> None:
    storage = await database.open()
    pending = asyncio.ensure_future(storage.look(lambda catalog: catalog.clients()))
    await asyncio.sleep(0)
    await storage.close()
    assert await pending == []
    with pytest.raises(StorageUnavailable):
        await storage.look(lambda catalog: catalog.clients())


# -- the operations underneath ---------------------------------------------------------------------------------------------------


async def test_records_are_found_by_those_of_other_tables(storage: Storage) -> None:
    one, two, three = a_shop("1"), a_shop("2"), a_shop("3")

    def fill(catalog: Catalog) -> None:
        catalog.put_client(a_client())
        for shop in (one, two, three):
            catalog.put_shop(shop)
        catalog.grant_shop("client", three.id)
        catalog.grant_shop("client", one.id)

    def work(catalog: Catalog) -> list[list[Shop]]:
        from app.models import ClientShop

        shops = among(ClientShop, "shop_id", client_id="client")
        some = among(ClientShop, "shop_id", client_id=["client", "other"], shop_id=among(Shop, "id", code=["2", "3"]))
        rows = catalog._rows
        return [
            rows.find(Shop, id=shops, order_by=["code"]),
            rows.find(Shop, id=shops, order_by=["code"], descending=True, after=("code", "3")),
            rows.find(Shop, id=some, code="3", disabled_at=None, limit=5),
            rows.find(Shop, id=among(ClientShop, "shop_id", client_id="other")),
            rows.find(Shop, id=among(ClientShop, "shop_id"), order_by=["code"]),
        ]

    await storage.transact(fill)
    expected = [[one, three], [one], [three], [], [one, three]]
    assert await storage.look(work) == expected
    assert await storage.transact(work) == expected


async def test_latest_moments_are_found_for_each_group(storage: Storage) -> None:
    hour = timedelta(hours=1)
    a, b, other = a_grant(client_id="a"), a_grant(client_id="b", scope=""), a_grant(client_id="a", expires_at=NOW)
    tokens = [
        a_token(a, issued_at=NOW + hour),
        a_token(a, "refresh", issued_at=NOW, last_used_at=NOW + 3 * hour),
        a_token(b, issued_at=NOW + 2 * hour),
    ]
    await storage.commit(Writes(NOW, grants=[a, b, other], tokens=tokens))

    def work(catalog: Catalog) -> list[Any]:
        rows = catalog._rows
        return [
            sorted(rows.latest(Token, ("grant_id",), ("issued_at", "last_used_at")), key=lambda row: row[1]),
            sorted(rows.latest(Grant, ("client_id", "scope", "shop_id"), ("created_at",), after=("expires_at", NOW))),
            rows.latest(Token, (), ("issued_at",), grant_id=among(Grant, "id", client_id=["a", "b"], revoked_at=None)),
            rows.latest(Token, (), ("issued_at", "last_used_at"), grant_id="none"),
            rows.latest(Token, ("kind",), ("issued_at",), grant_id="none"),
        ]

    expected = [
        [(a.id, NOW + hour, NOW + 3 * hour), (b.id, NOW + 2 * hour, None)],
        [("a", "read", None, NOW), ("b", "", None, NOW)],
        [(NOW + 2 * hour,)],
        [(None, None)],
        [],
    ]
    assert await storage.look(work) == expected
    assert await storage.transact(work) == expected


async def test_moments_and_lists_are_read_back_as_they_were(storage: Storage) -> None:
    ada = a_user("ada")
    session = a_session(ada, amr=["pwd", "otp"], user_agent=None)

    def put(catalog: Catalog) -> bool:
        catalog.put_user(ada)
        return catalog.add_session(session, ada)

    assert await storage.transact(put)
    found = await storage.look(lambda catalog: catalog.session(session.id_hash))
    assert found == (session, ada)
    assert [type(record) for record in found] == [Session, User]
