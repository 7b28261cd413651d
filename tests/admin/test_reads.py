"""What only reads: it keeps no writer waiting, waits for none, and ends however much there is to read."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.admin import (
    Operator,
    apply,
    export,
    list_clients,
    list_keys,
    list_resources,
    list_scopes,
    list_sessions,
    list_shops,
    list_users,
    parse_document,
    show_client,
    show_resource,
    show_scope,
    show_shop,
    show_user,
)
from app.core.clock import SystemClock
from app.dialects import Dialects
from app.storage import open_storage
from tests.admin.conftest import standard_client
from tests.conftest import Prepared

NUMBER = 7
RESOURCE = "https://api.example.com/0"
DECLARED = {
    "users": [{"username": f"user-{number}", "shops": [{"dialect": "hex", "code": f"10{number}"}]} for number in range(NUMBER)],
    "shops": [{"dialect": dialect, "code": f"10{number}"} for dialect in ("youzan", "hex") for number in range(NUMBER)],
    "scopes": [{"name": f"orders-{number}"} for number in range(NUMBER)],
    "resources": [{"uri": f"https://api.example.com/{number}", "name": "API", "scopes": ["orders-0"]} for number in range(NUMBER)],
    "clients": [standard_client(client_id=f"client-{number}", scope="orders-0") for number in range(NUMBER)],
}
READS: dict[str, Callable[[Operator], Awaitable[object]]] = {
    "export": export,
    "list_clients": list_clients,
    "list_keys": list_keys,
    "list_resources": list_resources,
    "list_scopes": list_scopes,
    "list_sessions": lambda operator: list_sessions(operator, "user-0"),
    "list_shops": list_shops,
    "list_users": list_users,
    "show_client": lambda operator: show_client(operator, "client-0"),
    "show_resource": lambda operator: show_resource(operator, RESOURCE),
    "show_scope": lambda operator: show_scope(operator, "orders-0"),
    "show_shop": lambda operator: show_shop(operator, "hex", "100"),
    "show_user": lambda operator: show_user(operator, "user-0"),
}


@pytest.fixture
async def filled(operator: Operator) -> Operator:
    """An operator of a database with some of everything."""
    await apply(operator, parse_document(DECLARED, "the test", operator.dialects))
    return operator


@pytest.fixture
async def locked(prepared: Prepared, tmp_path: Path, dialects: Dialects) -> AsyncIterator[Operator]:
    """An operator of such a database on SQLite, whose write lock somebody else holds."""
    url = prepared.sqlite(tmp_path / "locked.db")
    storage = await open_storage(url, clock=SystemClock())
    operator = Operator(storage=storage, dialects=dialects)
    await apply(operator, parse_document(DECLARED, "the test", dialects))
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield operator
        other.execute("ROLLBACK")
    await storage.close()


@pytest.mark.parametrize("name", list(READS))
async def test_it_waits_for_no_writer(locked: Operator, name: str) -> None:
    found = await READS[name](locked)
    assert found or name in {"list_keys", "list_sessions"}


@pytest.mark.parametrize("name", ["export", "list_clients", "list_shops", "list_users"])
async def test_it_brings_the_same_in_however_many_looks(filled: Operator, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    looks = 0
    look = Operator.look

    async def counted(operator: Operator, work: Callable[..., object]) -> object:
        nonlocal looks
        looks += 1
        return await look(operator, work)

    monkeypatch.setattr(Operator, "look", counted)
    at_once, few = await READS[name](filled), looks
    monkeypatch.setattr("app.admin.operator._LOOK_IN", 0.0)
    assert await READS[name](filled) == at_once
    assert few <= 2
    assert looks - few > NUMBER
