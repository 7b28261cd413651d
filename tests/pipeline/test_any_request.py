"""Whatever is sent to a door, alone or one after the other: an answer in its shape, never a fault of ours, and no tokens by accident."""

import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.dialects import WireRequest
from app.oauth2 import AuthorizationServer
from app.pipeline import Pipeline
from app.proofs import Gatherer, KeyKeeper, Minter, PasswordPool
from tests.fixtures.dialects import built_in
from tests.fixtures.world import CALLBACK, CHALLENGE, VERIFIER, World, basic_header, open_world

DIALECTS = built_in()
SECRETS = {
    "testclient": "testsecret",
    "hex-demo": "hex-demo-secret",
    "platform-demo": "platform-demo-secret",
    "platform-rageframe": "platform-rageframe-secret",
    "alexa-demo": "alexa-demo-secret",
    "demo-service": "demo-service-secret",
    "demo-web": "demo-web-secret",
}
strange = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
clients = st.sampled_from([*SECRETS, "fantem-demo", "demo-spa", "nobody"])
VALUES: dict[str, st.SearchStrategy[str]] = {
    "grant_type": st.sampled_from(
        ["authorization_code", "refresh_token", "client_credentials", "password", "silent", "authorize_platform"]
    ),
    "client_id": clients,
    "client_secret": st.sampled_from([*SECRETS.values(), "wrong"]),
    "code": st.sampled_from(["<code>", "<used>", "<token>", "nothing"]),
    "redirect_uri": st.sampled_from([CALLBACK, "https://evil.example/"]),
    "code_verifier": st.sampled_from([VERIFIER, CHALLENGE]),
    "refresh_token": st.sampled_from(["<token>", "<access>", "<code>", "nothing"]),
    "token": st.sampled_from(["<token>", "<access>", "nothing"]),
    "token_type_hint": st.sampled_from(["access_token", "x"]),
    "scope": st.sampled_from(["orders", "items orders", "admin", " "]),
    "kdt_id": st.sampled_from(["88888", "99999", "0", "x"]),
    "store_id": st.sampled_from(["S001", "S002"]),
    "client_name": strange,
}
fields = st.fixed_dictionaries({}, optional={name: values | strange for name, values in VALUES.items()})
basics = st.none() | st.tuples(clients, st.sampled_from([*SECRETS.values(), "", "wrong"])).map(lambda pair: basic_header(*pair))
bearers = st.sampled_from(["Bearer <access>", "Bearer <token>", "Bearer", "Basic"])


@pytest.fixture(scope="module")
async def seeded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """A world with a code, a used code, and tokens of a public client in it."""
    async with open_world(f"sqlite:///{tmp_path_factory.mktemp('any') / 'tokenry.db'}") as world:
        used = await world.code("fantem-demo")
        tokens = (await world.post("/oauth/token", {"grant_type": "authorization_code", "code": used})).json()
        known = {
            "<code>": await world.code("testclient"),
            "<used>": used,
            "<token>": tokens["refresh_token"],
            "<access>": tokens["access_token"],
        }
        yield world, known


@pytest.mark.security("TK-09")
@pytest.mark.security("IN-08")
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(path=st.sampled_from(sorted(DIALECTS.doors)), sent=fields, authorization=basics | bearers, away=st.integers(0, 40))
async def test_any_request_is_answered_in_the_doors_shape(
    seeded: tuple[World, dict[str, str]], path: str, sent: dict[str, str], authorization: str | None, away: int
) -> None:
    world, known = seeded
    door = DIALECTS.doors[path]
    world.clock.move(minutes=16 if away == 0 else 0)
    sent = {name: known.get(value, value) for name, value in sent.items()}
    if authorization is not None:
        scheme, _, value = authorization.partition(" ")
        authorization = f"{scheme} {known.get(value, value)}".strip()
    is_json = "application/x-www-form-urlencoded" not in door.media_types
    body = json.dumps(sent).encode() if is_json else urlencode(sent).encode()
    content_type = "application/json" if is_json else "application/x-www-form-urlencoded"
    pool = PasswordPool()
    try:
        gatherer, minter = Gatherer(world.storage, world.clock, pool), Minter(KeyKeeper(world.storage, world.clock, b"s" * 32), world.clock)
        pipeline = Pipeline(world.storage, AuthorizationServer("https://id.example.com"), gatherer, minter, world.clock)
        exchange = await pipeline.exchange(door, WireRequest("POST", content_type, authorization, b"", body, "192.0.2.99"))
    finally:
        pool.close()
    answer = exchange.answer
    assert exchange.defect is None
    assert answer.status in {200, 400, 401, 403, 429}
    members = json.loads(answer.body)
    headers = dict(answer.headers)
    assert headers[b"cache-control"] == b"no-store"
    assert (b"retry-after" in headers) == (answer.status == 429)
    if path == "/oauth/token" and answer.status != 200:
        assert b"access_token" not in answer.body
    if exchange.outcome.refusal is None and path not in {"/introspect", "/revoke"}:
        assert exchange.outcome.client is not None
        assert answer.status == 200
    if exchange.outcome.refusal is not None:
        assert not exchange.outcome.members
        assert "access_token" not in json.dumps(members)
