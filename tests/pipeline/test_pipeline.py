"""The heart by itself, over a storage in memory: what is done in which order, and what becomes of a lost race or a fault."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from app.admin import SANDBOX, CodeRequest, Operator, Rules, apply, issue_code, parse_document
from app.core.causes import Cause
from app.core.secrets import digest
from app.dialects import Dialects, WireRequest
from app.ledger import Facts, Needs, Receipt, StorageUnavailable, WriteRefused
from app.oauth2 import AuthorizationServer
from app.pipeline import Exchange, Pipeline, named_client, wire_tried_basic
from app.proofs import Gatherer, KeyKeeper, Minter, PasswordPool
from tests.fixtures.dialects import built_in
from tests.fixtures.world import CALLBACK, DECLARED, Interposed, MovableClock
from tests.oauth2.exchange import client, code, held, token
from tests.storage.fake import FakeStorage

DIALECTS = built_in()
LOST = Receipt(won=False)
FRAMED = {"client_id": "platform-rageframe", "client_secret": "platform-rageframe-secret"}


@dataclass
class Stage:
    """A pipeline and what stands around it."""

    pipeline: Pipeline
    storage: Interposed
    clock: MovableClock
    operator: Operator
    dialects: Dialects

    async def ask(self, path: str, authorization: str | None = None, **fields: str) -> Exchange:
        media_type = "application/x-www-form-urlencoded"
        wire = WireRequest("POST", media_type, authorization, b"", urlencode(fields).encode(), "192.0.2.1")
        return await self.pipeline.exchange(self.dialects.doors[path], wire)

    async def code(self, client_id: str) -> str:
        return (await issue_code(self.operator, CodeRequest(client_id=client_id, user="demo", redirect_uri=CALLBACK))).code


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    clock = MovableClock()
    storage = Interposed(FakeStorage(clock))
    operator = Operator(storage=storage, dialects=DIALECTS, clock=clock, rules=Rules(minimum_secret=1, light_passwords=True))
    await storage.transact(lambda catalog: catalog.set_property(SANDBOX, "yes"))
    await apply(operator, parse_document(tomllib.loads(DECLARED), "declared", DIALECTS))
    pool = PasswordPool()
    minter = Minter(KeyKeeper(storage, clock, b"s" * 32), clock)
    pipeline = Pipeline(storage, AuthorizationServer("https://id.example.com"), Gatherer(storage, clock, pool), minter, clock)
    yield Stage(pipeline, storage, clock, operator, DIALECTS)
    pool.close()
    minter.close()


def body(exchange: Exchange) -> Any:
    return json.loads(exchange.answer.body)


async def machine_token(stage: Stage, **members: str) -> Exchange:
    fields = {"grant_type": "client_credentials", "client_id": "platform-demo", "client_secret": "platform-demo-secret"}
    return await stage.ask("/oauth2/client-credentials", **(fields | members))


async def user_token(stage: Stage, **members: str) -> Exchange:
    return await stage.ask("/oauth2/password", **({"grant_type": "password", "username": "demo", "password": "demo-password"} | members))


# -- one exchange ----------------------------------------------------------------------------------------------------------------


async def test_an_exchange_is_read_decided_committed_and_rendered(stage: Stage) -> None:
    exchange = await machine_token(stage)
    assert exchange.answer.status == 200
    assert exchange.reading is not None
    assert exchange.request is not None
    assert (exchange.request.dialect, exchange.reading.word) == ("open_platform", "client_credentials")
    assert exchange.outcome.client is not None
    assert exchange.at == stage.clock.now()
    assert exchange.defect is None
    assert (await stage.storage.load(Needs(token_hash=digest(body(exchange)["access_token"])))).token is not None


async def test_what_cannot_be_read_is_answered_without_the_storage(stage: Stage) -> None:
    before = stage.storage.counters.loads
    exchange = await stage.ask("/oauth2/password", grant_type="silent")
    assert (exchange.answer.status, body(exchange)["error"]) == (400, "unsupported_grant_type")
    assert stage.storage.counters.loads == before
    assert exchange.request is None


async def test_a_refusal_writes_too(stage: Stage) -> None:
    before = stage.storage.counters.commits
    assert (await machine_token(stage, client_secret="wrong")).answer.status == 401
    assert stage.storage.counters.commits == before + 1


@pytest.mark.security("CD-02")
async def test_a_replay_is_committed_although_it_is_refused(stage: Stage) -> None:
    value = await stage.code("fantem-demo")
    tokens = body(await stage.ask("/oauth/token", grant_type="authorization_code", code=value))
    again = await stage.ask("/oauth/token", grant_type="authorization_code", code=value)
    assert again.outcome.replayed
    found = (await stage.storage.load(Needs(token_hash=digest(tokens["access_token"])))).token
    assert found is not None
    assert found.grant.revoked_at is not None


async def test_where_nothing_is_written_nothing_is_committed(stage: Stage) -> None:
    before = stage.storage.counters.commits
    await machine_token(stage, scope="admin")
    assert stage.storage.counters.commits == before


# -- lost races ------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("CD-06")
async def test_a_lost_race_is_decided_once_more_over_fresh_facts(stage: Stage) -> None:
    value = await stage.code("fantem-demo")
    stage.storage.commits.append(LOST)
    loads = stage.storage.counters.loads
    exchange = await stage.ask("/oauth/token", grant_type="authorization_code", code=value)
    assert exchange.answer.status == 200
    assert stage.storage.counters.loads == loads + 2


@pytest.mark.security("CD-06")
@pytest.mark.parametrize("grant_type", ["authorization_code", "refresh_token"])
async def test_a_race_lost_twice_is_a_code_or_token_that_gives_no_right(stage: Stage, grant_type: str) -> None:
    value = await stage.code("fantem-rotate")
    fields = {"code": value}
    if grant_type == "refresh_token":
        fields = {"refresh_token": body(await stage.ask("/oauth/token", grant_type="authorization_code", code=value))["refresh_token"]}
    stage.storage.commits.extend([LOST, LOST])
    loads = stage.storage.counters.loads
    exchange = await stage.ask("/oauth/token", grant_type=grant_type, **fields)
    assert (exchange.answer.status, body(exchange)["error"]) == (400, "invalid_grant")
    assert exchange.outcome.refusal is not None
    assert exchange.outcome.refusal.detail == "spent by another request"
    assert exchange.outcome.refusal.cause is (Cause.BAD_CODE if grant_type == "authorization_code" else Cause.BAD_REFRESH_TOKEN)
    assert stage.storage.counters.loads == loads + 2


@pytest.mark.security("RF-06")
@pytest.mark.security("RF-12")
async def test_the_loser_of_a_rotation_gets_the_winners_answer(stage: Stage) -> None:
    value = await stage.code("alexa-rotate")
    confidential = {"client_id": "alexa-rotate", "client_secret": "alexa-rotate-secret"}
    first = body(await stage.ask("/oauth/token", grant_type="authorization_code", code=value, **confidential))
    loser, winner = await asyncio.gather(
        *(stage.ask("/oauth/token", grant_type="refresh_token", refresh_token=first["refresh_token"], **confidential) for _ in range(2))
    )
    assert body(loser) == body(winner)
    assert (await stage.storage.load(Needs(token_hash=digest(body(winner)["access_token"])))).token is not None


async def test_a_lost_race_is_told_in_the_clients_shape(stage: Stage) -> None:
    value = await stage.code("platform-rageframe")
    stage.storage.commits.extend([LOST, LOST])
    exchange = await stage.ask("/oauth2/authorize", grant_type="authorization_code", code=value, redirect_uri=CALLBACK, **FRAMED)
    assert (exchange.answer.status, body(exchange)["code"]) == (200, 422)


# -- faults of ours --------------------------------------------------------------------------------------------------------------


async def test_a_storage_that_is_away_is_503_and_when_to_come_back(stage: Stage) -> None:
    for queue in (stage.storage.loads, stage.storage.commits):
        queue.append(StorageUnavailable("the database is away"))
        exchange = await machine_token(stage)
        assert exchange.answer.status == 503
        assert dict(exchange.answer.headers)[b"retry-after"] == b"1"
        assert exchange.outcome.refusal is not None
        assert exchange.outcome.refusal.detail == "the database is away"
        assert exchange.defect is None


async def test_an_answer_that_was_not_committed_is_never_given(stage: Stage) -> None:
    stage.storage.commits.append(StorageUnavailable("who knows"))
    exchange = await machine_token(stage)
    assert set(body(exchange)) == {"error", "error_description"}
    assert not exchange.outcome.members


@pytest.mark.parametrize("fault", [WriteRefused("a value"), RuntimeError("a defect"), KeyError("a defect")])
async def test_a_defect_is_500_and_kept_for_the_operator(stage: Stage, fault: Exception) -> None:
    stage.storage.commits.append(fault)
    exchange = await machine_token(stage)
    assert (exchange.answer.status, body(exchange)["error"]) == (500, "server_error")
    assert exchange.defect is fault
    assert exchange.outcome.refusal is not None
    assert exchange.outcome.refusal.detail == type(fault).__name__


@pytest.mark.parametrize("fault", [StorageUnavailable("away"), RuntimeError("a defect")])
async def test_a_fault_after_the_client_is_authenticated_is_told_in_its_shape(stage: Stage, fault: Exception) -> None:
    stage.storage.commits.append(fault)
    exchange = await stage.ask("/oauth2/client-credentials", grant_type="client_credentials", **FRAMED)
    assert exchange.answer.status in {500, 503}
    assert (body(exchange)["code"], body(exchange)["data"]) == (422, [])


async def test_a_fault_before_the_client_is_known_is_told_in_the_doors_shape(stage: Stage) -> None:
    stage.storage.loads.append(StorageUnavailable("away"))
    exchange = await stage.ask("/oauth2/client-credentials", grant_type="client_credentials", **FRAMED)
    assert body(exchange)["error"] == "temporarily_unavailable"


@pytest.mark.security("BF-10")
async def test_a_fault_while_the_password_is_checked_is_told_in_the_clients_shape(stage: Stage) -> None:
    stage.storage.commits.append(StorageUnavailable("away"))
    exchange = await user_token(stage, **FRAMED)
    assert exchange.answer.status == 503
    assert body(exchange)["code"] == 422


async def test_an_exchange_that_takes_too_long_is_503(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_needs: Needs) -> Facts:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr("app.pipeline.PATIENCE", 0.01)
    monkeypatch.setattr(stage.storage, "load", never)
    exchange = await machine_token(stage)
    assert exchange.answer.status == 503
    assert dict(exchange.answer.headers)[b"retry-after"] == b"1"


# -- passwords -------------------------------------------------------------------------------------------------------------------


@pytest.mark.security("BF-10")
async def test_a_password_is_checked_once_and_only_where_it_decides(stage: Stage) -> None:
    before = stage.storage.counters.commits
    plain = {"client_id": "platform-demo", "client_secret": "platform-demo-secret"}
    assert (await user_token(stage, **plain)).answer.status == 200
    assert stage.storage.counters.commits == before + 2
    assert (await user_token(stage, **plain, scope="admin")).answer.status == 400
    assert (await user_token(stage, client_id="platform-demo", client_secret="wrong")).answer.status == 401
    assert stage.storage.counters.commits == before + 3


@pytest.mark.security("BF-01")
@pytest.mark.security("VN-03")
async def test_the_eleventh_password_is_refused_unseen_until_the_window_is_over(stage: Stage) -> None:
    plain = {"client_id": "platform-demo", "client_secret": "platform-demo-secret"}
    for _ in range(10):
        assert (await user_token(stage, **plain, password="wrong")).answer.status == 400
    blocked = await user_token(stage, **plain)
    assert (blocked.answer.status, dict(blocked.answer.headers)[b"retry-after"]) == (429, b"900")
    stage.clock.move(minutes=15)
    assert (await user_token(stage, **plain)).answer.status == 200


@pytest.mark.security("BF-01")
async def test_a_right_password_clears_the_account(stage: Stage) -> None:
    plain = {"client_id": "platform-demo", "client_secret": "platform-demo-secret"}
    for _ in range(3):
        for _ in range(9):
            await user_token(stage, **plain, password="wrong")
        assert (await user_token(stage, **plain)).answer.status == 200


@pytest.mark.security("BF-10")
async def test_a_full_pool_of_passwords_is_503_and_counts_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = stage.pipeline._gatherer._pool._turns
    monkeypatch.setattr(turns, "_free", 0)
    monkeypatch.setattr(turns, "_bound", 0)
    before = stage.storage.counters.commits
    exchange = await user_token(stage, client_id="platform-demo", client_secret="platform-demo-secret")
    assert exchange.answer.status == 503
    assert stage.storage.counters.commits == before


# -- who is named ----------------------------------------------------------------------------------------------------------------


def test_the_client_is_the_one_that_is_named_or_else_the_one_behind_what_is_presented() -> None:
    one, other = client("one"), client("other")
    assert named_client(Facts()) is None
    assert named_client(Facts(client=one, code=held(code(), owner=other))) is one
    assert named_client(Facts(code=held(code(), owner=other))) is other
    assert named_client(Facts(token=held(token(), owner=other))) is other
    assert named_client(Facts(token=held(token(), owner=one), bearer=held(token(), owner=other))) is other
    assert named_client(Facts(token=held(token(), owner=None))) is None


@pytest.mark.parametrize(
    ("authorization", "tried"), [(None, False), ("Bearer x", False), ("Basic", True), ("basic x", True), ("Basicx", False), ("", False)]
)
def test_basic_was_tried_where_the_scheme_says_so(authorization: str | None, *, tried: bool) -> None:
    assert wire_tried_basic(WireRequest("POST", "", authorization, b"", b"", "")) is tried


async def test_the_moment_of_an_exchange_is_taken_after_its_facts_were_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    load = stage.storage.load

    async def slow(needs: Needs) -> Facts:
        stage.clock.move(seconds=3)
        return await load(needs)

    monkeypatch.setattr(stage.storage, "load", slow)
    started = stage.clock.now()
    assert (await machine_token(stage)).at == started + timedelta(seconds=3)
