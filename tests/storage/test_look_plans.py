"""What pages read goes by an index, however the tables have grown."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from app.models import SessionClient
from app.storage import Catalog
from tests.storage.conftest import Database
from tests.storage.records import NOW, a_client, a_grant, a_session, a_shop, a_token, a_user, fresh_hash
from tests.storage.test_postgresql_plans import plan_of

ADA, SHOP, LINK = a_user("ada"), a_shop(), fresh_hash()
GRANT = a_grant(user_id=ADA.id, shop_id=SHOP.id)


def fill(catalog: Catalog) -> bytes:
    session = a_session(ADA)
    catalog.put_client(a_client())
    catalog.put_user(ADA)
    catalog.put_shop(SHOP)
    catalog.grant_shop("client", SHOP.id)
    catalog.grant_user_shop(ADA.id, SHOP.id)
    catalog.put_consent(ADA.id, "client", "read")
    catalog.put_password_reset(ADA.id, LINK, NOW.replace(year=2999))
    catalog.add_session(session, ADA)
    used = SessionClient(name="name", sid="sid", client_id="client", user_id=ADA.id, expires_at=NOW)
    catalog._rows.insert(used)
    catalog._add_notice(used)
    catalog.add_grant(GRANT)
    catalog._rows.insert(a_token(GRANT))
    return session.id_hash


def works(id_hash: bytes) -> list[Callable[[Catalog], Any]]:
    """Everything that a page reads; whether it found something shows that the statement did run."""
    return [
        lambda catalog: catalog.session(id_hash),
        lambda catalog: catalog.sessions_of(ADA.id),
        lambda catalog: catalog.client("client"),
        lambda catalog: catalog.user_by_login("ada@example.org"),
        lambda catalog: catalog.consent(ADA.id, "client"),
        lambda catalog: catalog.apps_of(ADA.id),
        lambda catalog: catalog.managed_shops(ADA.id, "client"),
        lambda catalog: catalog.user_shops(ADA.id),
        lambda catalog: catalog.shops_of("client"),
        lambda catalog: catalog.password_reset(LINK),
        lambda catalog: [catalog.session_client("name"), catalog.session_clients("sid"), list(catalog._waiting_clients(NOW))],
        lambda catalog: [catalog.totp(ADA.id), catalog.passkeys_of(ADA.id), catalog.passkey(b"x"), catalog.recovery_codes_of(ADA.id)],
    ]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_looks_on_sqlite_scan_no_table(database: Database) -> None:
    storage: Any = await database.open()
    id_hash = await storage.transact(fill)
    await storage.look(lambda catalog: catalog.client("client"))
    statements: list[str] = []
    storage._looker._connection.set_trace_callback(statements.append)
    for work in works(id_hash):
        assert await storage.look(work)
    selects = {statement for statement in statements if statement.startswith("SELECT")}
    assert len(selects) >= 20
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"))) as connection:
        for select in selects:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {select}")]
            assert [step for step in plan if step.startswith("SCAN")] == [], (select, plan)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_looks_on_postgresql_scan_no_table(database: Database) -> None:
    storage: Any = await database.open()
    id_hash = await storage.transact(fill)
    await storage.look(lambda catalog: catalog.client("client"))
    statements: list[str] = []
    await asyncio.gather(*storage._looking._tasks)
    (connection,) = storage._looking._idle
    connection.add_query_logger(lambda record: statements.append(record.query))
    for work in works(id_hash):
        assert await storage.look(work)
        await asyncio.gather(*storage._looking._tasks)
    selects = {statement for statement in statements if statement.startswith("SELECT")}
    assert len(selects) >= 20
    for select in selects:
        plan = await plan_of(database.url, select)
        assert "Seq Scan" not in plan, f"{select}:\n{plan}"
