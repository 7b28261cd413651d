"""Database URLs, and that no secret of one is ever shown."""

import pytest

from app.core.clock import SystemClock
from app.storage import DatabaseUnusable, open_storage
from app.storage._address import parse


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///tokenry.db", "tokenry.db"),
        ("sqlite:////var/lib/tokenry/a b%20c.db", "/var/lib/tokenry/a b%20c.db"),
        (" sqlite:///店.db\n", "店.db"),
        ("sqlite+aiosqlite:///x.db", "x.db"),
    ],
)
def test_sqlite_url_names_a_file(url: str, path: str) -> None:
    address = parse(url)
    assert (str(address.path), address.shown) == (path, path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://localhost/tokenry", "PostgreSQL at localhost, database tokenry"),
        ("postgres://db.example:5433/tokenry", "PostgreSQL at db.example:5433, database tokenry"),
        ("postgresql://ada:s3cret@db.example/tokenry?sslmode=require", "PostgreSQL at db.example, database tokenry"),
        ("postgresql://ada:p%40ss%2Fs3cret%23@db/tokenry", "PostgreSQL at db, database tokenry"),
        ("postgresql://ada@/tokenry?host=/run/postgresql", "PostgreSQL at /run/postgresql, database tokenry"),
        ("postgresql://ada@/tokenry?host=%2Frun%2Fpostgresql&password=s3cret", "PostgreSQL at /run/postgresql, database tokenry"),
        ("postgresql:///tokenry", "PostgreSQL at this machine, database tokenry"),
        ("postgresql://one:1,two:2/tokenry", "PostgreSQL at one:1,two:2, database tokenry"),
        ("postgresql://[::1]:5432/tokenry", "PostgreSQL at [::1]:5432, database tokenry"),
        ("postgresql://ada:s3cret@db", "PostgreSQL at db"),
        ("postgresql+asyncpg://ada:s3cret@db/tokenry", "PostgreSQL at db, database tokenry"),
        ("mysql+asyncmy://ada:s3cret@db/tokenry", "the mysql database"),
    ],
)
def test_address_is_shown_without_user_and_password(url: str, shown: str) -> None:
    address = parse(url)
    assert address.shown == shown
    assert "s3cret" not in repr(address)


def test_native_driver_takes_the_url_without_a_drivers_name() -> None:
    assert parse("postgresql+asyncpg://ada:s3cret@db/x").dsn == "postgresql://ada:s3cret@db/x"
    assert parse("postgres://db/x").dsn == "postgresql://db/x"


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "must start with"),
        ("tokenry.db", "must start with"),
        ("s3cret", "must start with"),
        ("://s3cret", "must start with"),
        ("mysql://ada:s3cret@db/x", "must start with"),
        ("sqlite://", "must start with"),
        ("sqlite:///", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite://tokenry.db", "needs a file"),
        ("sqlite:///tokenry.db?mode=s3cret", "takes no options"),
        ("postgresql://ada:s3cret@x@db/tokenry", "percent-encoded"),
        ("postgresql://ada:s3cret/x@db/tokenry", "percent-encoded"),
        ("postgresql://ada:s3cret#x@db/tokenry", "percent-encoded"),
        ("postgresql://ada:s3cret?x@db/tokenry", "percent-encoded"),
        ("postgresql://ada:s3cret x@db/tokenry", "percent-encoded"),
        ("postgresql://ada:s3cret/tokenry", "percent-encoded"),
        ("postgresql://db/tokenry?sslmode=s3cret", "check the database URL"),
    ],
)
async def test_unreadable_url_is_refused_in_one_sentence_without_repeating_it(url: str, advice: str) -> None:
    with pytest.raises(DatabaseUnusable) as refusal:
        await open_storage(url, clock=SystemClock())
    message = str(refusal.value)
    assert advice in message
    assert "\n" not in message
    error: BaseException | None = refusal.value
    while error is not None:
        assert "s3cret" not in f"{error}{error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
