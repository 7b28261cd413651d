"""PostgreSQL goes away, hangs, slows down, or undoes: what requests are told, and how it heals."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from app.ledger import Needs, Receipt, Spend, StorageUnavailable, WriteRefused, Writes
from app.storage import Catalog, Storage
from app.storage._driver_rows import DriverRows
from app.storage._postgresql_link import STATEMENT_IN, Link, Undone
from app.storage._postgresql_transactions import WORKING, Transactions
from tests.conftest import Prepared
from tests.fixtures.postgresql import PostgresCluster, find_binaries
from tests.storage.conftest import Database, MovableClock
from tests.storage.proxy import Mode, Proxy
from tests.storage.records import NOW, a_client, a_code, a_grant, a_token

BOTH = pytest.mark.parametrize("engine", ["postgresql", "postgresql+asyncpg"])


@pytest.fixture
def ready_postgres_url(prepared: Prepared) -> Iterator[str]:
    """A database that a test may spoil."""
    with prepared.postgresql(may_be_spoilt=True) as url:
        yield url


@pytest.fixture
async def proxy(ready_postgres_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(ready_postgres_url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(proxy: Proxy, clock: MovableClock, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database behind the proxy, for the engine of the test's parameter ``engine``."""
    engine = request.node.callspec.params.get("engine", "postgresql") if hasattr(request.node, "callspec") else "postgresql"
    database = Database(proxy.url.replace("postgresql", engine, 1), clock)
    yield database
    proxy.cut()
    proxy.mode = Mode.REFUSE
    await database.close()


@pytest.fixture
async def database(ready_postgres_url: str, clock: MovableClock, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """A database without a proxy, for the engine of the test's parameter ``engine``."""
    engine = request.node.callspec.params.get("engine", "postgresql") if hasattr(request.node, "callspec") else "postgresql"
    database = Database(ready_postgres_url.replace("postgresql", engine, 1), clock)
    yield database
    await database.close()


async def outcome(work: Awaitable[Any]) -> tuple[str, float]:
    """Return ``ok`` or the kind of the error, and the seconds it took."""
    began = time.monotonic()
    try:
        await work
    except (StorageUnavailable, WriteRefused) as error:
        return type(error).__name__, time.monotonic() - began
    return "ok", time.monotonic() - began


def run(rows: Any, sql: str) -> None:
    """Run a statement inside a transaction of either engine."""
    if isinstance(rows, DriverRows):
        rows._fetch(sql, [])
    else:
        rows._connection.exec_driver_sql(sql)


async def heals(storage: Storage, within: float = 1.0) -> None:
    """Wait until the storage loads and commits again."""
    async with asyncio.timeout(within):
        while (await outcome(storage.check()))[0] != "ok" or (await outcome(storage.commit(fresh())))[0] != "ok":
            await asyncio.sleep(0.02)


def fresh() -> Writes:
    grant = a_grant()
    return Writes(NOW, grants=[grant], tokens=[a_token(grant)])


@BOTH
@pytest.mark.security("F-05")
async def test_lost_answer_to_a_commit_is_unavailable_and_never_issues_twice(proxied: Database, proxy: Proxy, engine: str) -> None:
    storage = await proxied.open()
    grant = a_grant()
    code, warm = a_code(grant), a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code, warm]))
    await storage.commit(Writes(NOW, spend=Spend(warm), tokens=[a_token(grant)]))
    proxy.mode = Mode.LOSE_ANSWERS
    tokens = [a_token(grant) for _ in range(4)]
    assert (await outcome(storage.commit(Writes(NOW, spend=Spend(code), tokens=[tokens[0]]))))[0] == "StorageUnavailable"
    proxy.mode = Mode.PASS
    await heals(storage)
    receipt = await storage.commit(Writes(NOW, spend=Spend(code), tokens=[tokens[1]]))
    there = [(await storage.load(Needs(token_hash=token.token_hash))).token is not None for token in tokens[:2]]
    # The native engine sent all in one statement, so it was done; the portable one did not come beyond its first.
    assert there == ([True, False] if engine == "postgresql" else [False, True])
    assert receipt.won is there[1]


@pytest.mark.security("F-05")
async def test_connection_that_is_killed_fails_what_it_carried_and_nothing_else(database: Database, ready_postgres_url: str) -> None:
    storage: Any = await database.open()
    grant = a_grant()
    code = a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    locker, killer = await asyncpg.connect(ready_postgres_url), await asyncpg.connect(ready_postgres_url)
    try:
        async with locker.transaction():
            await locker.execute("SELECT * FROM authorization_code FOR UPDATE")
            flying = asyncio.ensure_future(storage.commit(Writes(NOW, spend=Spend(code), tokens=[a_token(grant)])))
            await asyncio.sleep(0.2)
            waiting = asyncio.ensure_future(storage.commit(fresh()))
            await asyncio.sleep(0.05)
            await killer.execute("SELECT pg_terminate_backend($1)", storage._writing._connection.get_server_pid())
            with pytest.raises(StorageUnavailable):
                await flying
            assert (await waiting).won
        assert (await storage.commit(Writes(NOW, spend=Spend(code)))).won
    finally:
        await locker.close()
        await killer.close()


@BOTH
@pytest.mark.security("F-05")
async def test_black_hole_fails_every_request_within_three_seconds_and_heals(proxied: Database, proxy: Proxy, engine: str) -> None:
    storage = await proxied.open(waiting=20, patience=2.5)
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    await heals(storage)
    proxy.mode = Mode.SWALLOW
    requests = []
    for _ in range(12):
        requests += [
            asyncio.ensure_future(outcome(storage.load(Needs(client_id="client")))),
            asyncio.ensure_future(outcome(storage.commit(fresh()))),
        ]
        await asyncio.sleep(0.25)
    check, seconds = await outcome(storage.check())
    assert (check, seconds < 1.2) == ("StorageUnavailable", True)
    answers = await asyncio.gather(*requests)
    assert {answer for answer, _ in answers} == {"StorageUnavailable"}
    assert max(seconds for _, seconds in answers) <= 3.0
    flood = await asyncio.gather(*(outcome(storage.commit(fresh())) for _ in range(60)))
    assert sum(seconds < 0.5 for _, seconds in flood) >= 30
    assert max(seconds for _, seconds in flood) <= 3.0
    proxy.mode = Mode.PASS
    proxy.cut()
    await heals(storage)


@pytest.mark.security("F-05")
async def test_connection_that_is_refused_fails_at_once_and_heals(proxied: Database, proxy: Proxy) -> None:
    storage = await proxied.open()
    proxy.mode = Mode.REFUSE
    proxy.cut()
    await asyncio.sleep(0.1)
    answers = await asyncio.gather(*(outcome(storage.commit(fresh())) for _ in range(50)), outcome(storage.check()))
    assert {answer for answer, _ in answers} == {"StorageUnavailable"}
    assert max(seconds for _, seconds in answers) < 1
    proxy.mode = Mode.PASS
    await heals(storage)


@pytest.mark.security("F-06")
async def test_slow_database_answers_everybody_in_shared_batches(proxied: Database, proxy: Proxy) -> None:
    storage = await proxied.open()
    await storage.load(Needs(client_id="client"))
    await storage.commit(fresh())
    proxy.delay = 0.2
    answers = await asyncio.gather(
        *(outcome(storage.commit(fresh())) for _ in range(200)), *(outcome(storage.load(Needs(client_id="client"))) for _ in range(200))
    )
    assert {answer for answer, _ in answers} == {"ok"}
    assert max(seconds for _, seconds in answers) < 1.5


@pytest.mark.security("F-06")
async def test_statement_that_takes_too_long_is_given_up_on_both_sides(database: Database, ready_postgres_url: str) -> None:
    storage: Any = await database.open()
    grant = a_grant()
    code = a_code(grant)
    await storage.commit(Writes(NOW, grants=[grant], codes=[code]))
    locker = await asyncpg.connect(ready_postgres_url)
    try:
        async with locker.transaction():
            await locker.execute("SELECT * FROM authorization_code FOR UPDATE")
            answer, seconds = await outcome(storage.commit(Writes(NOW, spend=Spend(code), tokens=[a_token(grant)])))
            assert answer == "StorageUnavailable"
            assert 2 < seconds <= 3
            await asyncio.sleep(0.3)
            busy = await locker.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            assert busy == 0
        await heals(storage)
        assert (await storage.commit(Writes(NOW, spend=Spend(code)))).won
    finally:
        await locker.close()


@BOTH
async def test_deadlock_is_tried_again(database: Database, ready_postgres_url: str, engine: str) -> None:
    storage = await database.open()
    grant = a_grant()
    first, second = sorted((a_token(grant) for _ in range(2)), key=lambda token: token.token_hash)
    await storage.commit(Writes(NOW, grants=[grant], tokens=[first, second]))
    other = await asyncpg.connect(ready_postgres_url)
    lock = "UPDATE token SET scope = 'other' WHERE token_hash = $1"
    try:
        transaction = other.transaction()
        await transaction.start()
        # Who looks for deadlocks first is ended by the server: not we, so the storage.
        await other.execute("SET LOCAL deadlock_timeout = '20s'")
        await other.execute(lock, second.token_hash)
        flying = asyncio.ensure_future(storage.commit(Writes(NOW, revoke_tokens=[first, second], grants=[a_grant()])))
        await asyncio.sleep(0.4)
        await other.execute(lock, first.token_hash)
        await transaction.commit()
        assert (await flying).won
        for token in (first, second):
            held = (await storage.load(Needs(token_hash=token.token_hash))).token
            assert held is not None
            assert (held.record.revoked_at, held.record.scope) == (NOW, "other")
    finally:
        await other.close()


async def test_what_is_undone_three_times_is_unavailable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = await database.open()
    tries = 0

    async def undone(*_: object) -> Any:
        nonlocal tries
        tries += 1
        raise Undone("40001")

    with monkeypatch.context() as patch:
        patch.setattr(Link, "fetch", undone)
        assert (await outcome(storage.commit(fresh())))[0] == "StorageUnavailable"
        assert tries == 3
    assert (await storage.commit(fresh())) == Receipt()


async def test_missing_table_is_unavailable_and_named_by_its_kind(database: Database, ready_postgres_url: str) -> None:
    storage = await database.open()
    other = await asyncpg.connect(ready_postgres_url)
    await other.execute("DROP TABLE token")
    await other.close()
    with pytest.raises(StorageUnavailable, match="UndefinedTable"):
        await storage.commit(fresh())
    assert (await storage.commit(Writes(NOW, grants=[a_grant()]))).won


async def test_value_that_the_driver_cannot_send_is_refused_alone(database: Database) -> None:
    storage = await database.open()
    odd: Any = 7
    poisoned = Writes(NOW, tokens=[a_token(a_grant(), scope=odd)])
    answers = await asyncio.gather(outcome(storage.commit(poisoned)), outcome(storage.commit(fresh())))
    assert [answer for answer, _ in answers] == ["WriteRefused", "ok"]


async def test_prepared_statements_are_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.storage._postgresql_link._STATEMENTS", 2)
    storage: Any = await database.open()
    for _ in range(2):
        for needs in (Needs(client_id="x"), Needs(login="x"), Needs(token_hash=b"x"), Needs(code_hash=b"x")):
            await storage.load(needs)
    assert len(storage._reading._statements) == 2
    there = await storage._reading._connection.fetchval("SELECT count(*) FROM pg_prepared_statements")
    assert there < 8  # what was dropped is closed with the next statement


async def test_connection_that_cannot_promise_durable_commits_is_not_used(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = await database.open()
    with monkeypatch.context() as patch:
        patch.setattr("app.storage._postgresql_link._DURABLE", "SELECT 1 / 0")
        assert (await outcome(storage.commit(fresh())))[0] == "StorageUnavailable"
    assert (await storage.commit(fresh())).won


async def test_closing_does_not_wait_for_a_server_that_hangs(proxied: Database, proxy: Proxy) -> None:
    storage = await proxied.open()
    await storage.commit(fresh())
    await storage.check()
    proxy.mode = Mode.SWALLOW
    async with asyncio.timeout(4):
        await storage.close()


@BOTH
async def test_work_that_is_undone_is_run_again_but_not_for_ever(database: Database, engine: str) -> None:
    storage = await database.open()
    tries = 0

    def undone(catalog: Catalog) -> None:
        nonlocal tries
        tries += 1
        run(catalog._rows, "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$")

    with pytest.raises(StorageUnavailable):
        await storage.transact(undone)
    assert tries == 3


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    """A durable cluster that the test may stop and start."""
    if find_binaries() is None:
        pytest.skip("no PostgreSQL binaries here")
    with PostgresCluster(fsync=True) as cluster:
        yield cluster


@pytest.fixture
async def restartable(cluster: PostgresCluster, clock: MovableClock) -> AsyncIterator[Database]:
    database = Database(cluster.create_database("restarted"), clock)
    yield database
    await database.close()


@pytest.mark.security("F-04")
async def test_restarted_server_loses_no_answer_and_is_found_again_within_a_second(cluster: PostgresCluster, restartable: Database) -> None:
    storage = await restartable.open()
    promised, outcomes, running = [], set(), True

    async def work() -> None:
        while running:
            grant = a_grant()
            token = a_token(grant)
            answer, seconds = await outcome(storage.commit(Writes(NOW, grants=[grant], tokens=[token])))
            outcomes.add(answer)
            assert seconds <= 3
            if answer == "ok":
                promised.append(token)
            else:
                await asyncio.sleep(0.01)

    workers = [asyncio.ensure_future(work()) for _ in range(4)]
    for immediate in (True, False):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(cluster.restart, immediate=immediate)
        await heals(storage)
    await asyncio.sleep(0.2)
    running = False
    await asyncio.gather(*workers)
    assert outcomes == {"ok", "StorageUnavailable"}
    for token in promised:
        assert (await storage.load(Needs(token_hash=token.token_hash))).token is not None
    await storage.transact(lambda catalog: catalog.put_client(a_client()))


# Looks


def names(catalog: Catalog) -> list[str]:
    return [client.client_id for client in catalog.clients()]


@BOTH
@pytest.mark.security("F-05")
async def test_look_over_connections_that_died_while_idle_takes_a_new_one(proxied: Database, proxy: Proxy, engine: str) -> None:
    storage = await proxied.open()
    assert await asyncio.gather(*(storage.look(names) for _ in range(10))) == [[]] * 10
    proxy.cut()
    assert await storage.look(names) == []


@pytest.mark.security("F-05")
async def test_look_into_a_black_hole_fails_in_time_and_heals(proxied: Database, proxy: Proxy) -> None:
    storage = await proxied.open(patience=2.5)
    assert await storage.look(names) == []
    proxy.mode = Mode.SWALLOW
    answers = await asyncio.gather(*(outcome(storage.look(names)) for _ in range(20)))
    assert {answer for answer, _ in answers} == {"StorageUnavailable"}
    assert max(seconds for _, seconds in answers) <= 6
    proxy.mode = Mode.PASS
    proxy.cut()
    assert await storage.look(names) == []


@pytest.mark.security("F-05")
async def test_look_whose_connection_breaks_is_unavailable_and_tells_no_value(proxied: Database, proxy: Proxy) -> None:
    storage = await proxied.open()
    assert await storage.look(names) == []
    proxy.mode = Mode.LOSE_ANSWERS
    with pytest.raises(StorageUnavailable) as info:
        await storage.look(lambda catalog: catalog.user_by_login("ada@example.org"))
    assert "ada" not in str(info.value)
    proxy.mode = Mode.REFUSE
    proxy.cut()
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        await storage.look(names)
    proxy.mode = Mode.PASS
    assert await storage.look(names) == []


async def test_the_server_gives_a_look_the_time_that_it_has_here(database: Database) -> None:
    storage: Any = await database.open()
    ((found,),) = await storage.look(lambda catalog: catalog._rows._rows._fetch("SHOW statement_timeout", []))
    assert found == f"{STATEMENT_IN * 1000:.0f}ms"


@pytest.mark.security("F-06")
async def test_slow_look_is_given_up_and_holds_up_no_other(database: Database) -> None:
    storage: Any = await database.open()

    def sleep(catalog: Catalog) -> None:
        fetch: Any = catalog._rows._rows._fetch  # type: ignore[attr-defined]  # the driver's rows behind those of a look
        fetch("SELECT pg_sleep(60)", [])

    slow = asyncio.ensure_future(outcome(storage.look(sleep)))
    await asyncio.sleep(0.2)
    began = time.monotonic()
    assert await storage.look(names) == []
    assert time.monotonic() - began < 1
    answer, seconds = await slow
    assert answer == "StorageUnavailable"
    assert 2 < seconds < 3.5


@pytest.mark.security("F-06")
async def test_looks_wait_for_their_turn_no_longer_than_patience(database: Database) -> None:
    storage: Any = await database.open(patience=0.5)

    def sleep(catalog: Catalog) -> None:
        fetch: Any = catalog._rows._rows._fetch  # type: ignore[attr-defined]  # the driver's rows behind those of a look
        fetch("SELECT pg_sleep(1.5)", [])

    sleepers = [asyncio.ensure_future(storage.look(sleep)) for _ in range(3)]
    await asyncio.sleep(0.2)
    with pytest.raises(StorageUnavailable, match="too many requests wait"):
        await storage.look(names)
    vanished = asyncio.ensure_future(storage.look(names))
    await asyncio.sleep(0)
    vanished.cancel()
    await asyncio.gather(*sleepers)
    assert await storage.look(names) == []


async def test_look_reads_beside_an_operator_who_is_at_work(database: Database, ready_postgres_url: str) -> None:
    storage = await database.open()
    await storage.transact(lambda catalog: catalog.put_client(a_client()))
    locker = await asyncpg.connect(ready_postgres_url)
    try:
        async with locker.transaction():
            await locker.execute("UPDATE client SET client_name = 'New'")
            await locker.execute("LOCK TABLE client IN SHARE ROW EXCLUSIVE MODE")
            assert await storage.look(names) == ["client"]
    finally:
        await locker.close()


async def test_work_that_takes_too_long_is_ended_on_the_server_too(ready_postgres_url: str) -> None:
    transactions = Transactions(ready_postgres_url, WORKING._replace(within=1.0))
    observer = await asyncpg.connect(ready_postgres_url)
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'"
    try:
        assert (await outcome(transactions.run(lambda rows: run(rows, "SELECT pg_sleep(30)"), alone=True)))[0] == "StorageUnavailable"
        async with asyncio.timeout(3):
            while await observer.fetchval(others):
                await asyncio.sleep(0.05)
        assert await transactions.run(lambda _: "served", alone=True) == "served"
    finally:
        await observer.close()
        await transactions.close()


async def test_work_that_goes_on_over_an_error_is_not_reported_as_done(database: Database) -> None:
    storage = await database.open()

    def heedless(catalog: Catalog) -> str:
        with suppress(asyncpg.PostgresError):
            run(catalog._rows, "SELECT 1 / 0")
        return "fine"

    with pytest.raises(StorageUnavailable, match="had failed"):
        await storage.transact(heedless)


async def test_caller_of_work_that_ends_the_program_does_not_wait_for_ever(database: Database) -> None:
    class End(BaseException):
        pass

    def end(_catalog: Catalog) -> None:
        raise End

    storage: Any = await database.open()
    asking = asyncio.ensure_future(storage.transact(end))
    await asyncio.wait([asking], timeout=5)
    assert asking.cancelled()
    assert await storage.transact(names) == []


@BOTH
async def test_work_that_finds_no_connection_in_time_is_unavailable(database: Database, engine: str) -> None:
    storage: Any = await database.open()
    sleepers = [asyncio.ensure_future(storage._run(lambda rows: run(rows, "SELECT pg_sleep(4)"))) for _ in range(4)]
    await asyncio.sleep(0.3)
    with pytest.raises(StorageUnavailable, match="too many requests wait"):
        await storage.transact(names)
    await asyncio.gather(*sleepers)
    assert await storage.transact(names) == []
