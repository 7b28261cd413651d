"""The portable engine's own matters; its meaning is the conformance suite's."""

import pytest
from sqlalchemy.exc import InvalidRequestError

from app.core.clock import SystemClock
from app.storage import DatabaseUnusable, migrate, open_storage
from app.storage._address import parse
from app.storage._sqlalchemy import engine_for


async def test_driver_that_is_not_installed_is_named(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="no driver psycopg for postgresql"):
        await open_storage(postgres_url.replace("postgresql", "postgresql+psycopg", 1), clock=SystemClock())


async def test_database_for_which_there_are_no_migrations_is_refused() -> None:
    for work in (open_storage("mysql+asyncmy://ada:s3cret@db/x", clock=SystemClock()), migrate("mysql+asyncmy://ada:s3cret@db/x")):
        with pytest.raises(DatabaseUnusable, match="mysql"):
            await work


def test_unknown_driver_is_named_without_the_url() -> None:
    with pytest.raises(DatabaseUnusable) as refusal:
        engine_for(parse("mysql+nonsense://ada:s3cret@db/x"))
    assert "s3cret" not in str(refusal.value)


async def test_other_databases_get_their_own_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    made = object()
    monkeypatch.setattr("app.storage._sqlalchemy.create_engine", lambda *_, **__: made)
    assert engine_for(parse("mysql+asyncmy://ada:s3cret@db/x")) is made


async def test_mistake_in_an_operators_query_is_told_as_it_is(postgres_url: str) -> None:
    storage = await open_storage(postgres_url.replace("postgresql", "postgresql+asyncpg", 1), clock=SystemClock())

    def mistaken(_catalog: object) -> None:
        raise InvalidRequestError("mistaken")

    with pytest.raises(InvalidRequestError, match="mistaken"):
        await storage.transact(mistaken)
    await storage.close()
