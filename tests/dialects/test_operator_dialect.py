"""A dialect of an operator's own: a file in a folder, and not a line of code. It is served end to end."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.causes import Cause
from app.dialects import parameter_tables, read_dialect
from tests.fixtures.world import DECLARED, World, open_world

FOLDER = Path(__file__).parent / "fifth"
APPS = """
[[shops]]
dialect = "erp"
code = "C0001"
[[shops]]
dialect = "erp"
code = "C0002"
[[clients]]
client_id = "erp-app"
client_secret = "erp-app-secret"
dialect = "erp"
scope = "ledger invoices"
redirect_uris = ["https://erp.example.com/cb"]
shops = ["C0001"]
[[clients]]
client_id = "erp-english"
client_secret = "erp-english-secret"
dialect = "erp"
message_language = "en"
long_lived = true
redirect_uris = ["https://erp.example.com/cb"]
shops = ["C0001"]
"""


@pytest.fixture(scope="module", params=["direct", "routed"])
async def own_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    url = f"sqlite:///{tmp_path_factory.mktemp('erp') / 'tokenry.db'}"
    async with open_world(url, direct=request.param == "direct", dialects=FOLDER, declared=APPS + DECLARED) as world:
        yield world


@pytest.fixture
def world(own_world: World) -> World:
    own_world.begin()
    return own_world


def app(client_id: str = "erp-app", **members: object) -> dict[str, object]:
    return {"appKey": client_id, "appSecret": f"{client_id}-secret", **members}


async def ask(world: World, door: str, members: dict[str, Any]) -> httpx.Response:
    return await world.send("POST", f"/erp/v2/token/{door}", json=members)


def milliseconds(world: World, later: int = 0) -> int:
    return (int(world.clock.now().timestamp()) + later) * 1000


def check_refusal(world: World, answer: httpx.Response, number: int, message: str, status: int = 200) -> None:
    """Check a refusal byte for byte."""
    assert answer.status_code == status
    assert answer.text == f'{{"code":{number},"success":false,"message":"{message}","serverTime":{milliseconds(world)}}}'


async def test_a_token_of_a_company(world: World) -> None:
    answer = await ask(world, "app", app(companyId="C0001", timestamp=1700000000))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    pattern = (
        r'\{"code":0,"success":true,"message":"成功","data":\{"accessToken":"[0-9a-f]{48}","expiresAt":%d,"expiresIn":86400,'
        r'"refreshToken":"[0-9a-f]{64}","permissions":"ledger invoices"\},"serverTime":%d\}'
    )
    assert re.fullmatch(pattern % (milliseconds(world, 86400), milliseconds(world)), answer.text), answer.text


async def test_the_token_acts_for_the_company_that_was_named(world: World) -> None:
    members = (await ask(world, "app", app(companyId="C0001", permissions="ledger"))).json()["data"]
    seen = await world.introspect(members["accessToken"], "erp-app")
    assert (seen["active"], seen["dialect"], seen["shop"], seen["scope"]) == (True, "erp", "C0001", "ledger")


@pytest.mark.parametrize(("sent", "back"), [("echo=a%20b", "&echo=a%20b"), ("state=a", ""), ("echo=", "")])
async def test_a_person_is_sent_by_names_of_its_own(world: World, sent: str, back: str) -> None:
    door = "/erp/v2/authorize?appKey=erp-app"
    answer = await world.send("GET", f"{door}&permissions=nothing&{sent}")
    description = "The%20requested%20scope%20is%20malformed%20or%20not%20granted%20to%20this%20client."
    expected = f"https://erp.example.com/cb?error=invalid_scope&error_description={description}{back}"
    assert answer.headers["location"] == expected
    assert (await world.send("GET", f"{door}&permissions=ledger&{sent}")).headers["location"].startswith("/login")
    assert (await world.send("GET", f"{door}&callback=https://evil.example")).status_code == 400
    assert (await world.send("GET", "/erp/v2/authorize?client_id=erp-app")).status_code == 400


async def test_a_token_of_a_person_by_json_or_form(world: World) -> None:
    for options in ({"json": True}, {"form": True}):
        code = await world.code("erp-app", redirect_uri="https://erp.example.com/cb")
        body = app(authCode=code)
        answer = await (ask(world, "user", body) if "json" in options else world.send("POST", "/erp/v2/token/user", data=body))
        members = answer.json()["data"]
        assert (await world.introspect(members["accessToken"], "erp-app"))["username"] == "demo"


async def test_a_renewal_rotates_and_an_honest_retry_gets_the_same_answer(world: World) -> None:
    first = (await ask(world, "app", app(companyId="C0001"))).json()["data"]
    world.clock.move(seconds=100)
    renewed = await ask(world, "renew", app(refreshToken=first["refreshToken"]))
    data = renewed.json()["data"]
    assert data["expiresAt"] == milliseconds(world, 86400)
    assert data["refreshToken"] != first["refreshToken"]
    assert await world.is_alive(first["accessToken"])
    world.clock.move(seconds=5)
    again = (await ask(world, "renew", app(refreshToken=first["refreshToken"]))).json()["data"]
    assert again == data
    world.clock.move(seconds=5)
    check_refusal(world, await ask(world, "renew", app(refreshToken=first["refreshToken"])), 40004, "刷新令牌无效或已过期")
    assert not await world.is_alive(data["accessToken"])


@pytest.mark.parametrize(
    ("door", "members", "number", "message"),
    [
        ("app", {}, 40001, "缺少参数"),
        ("app", app(), 40001, "缺少参数"),
        ("app", app("nobody", companyId="C0001"), 40101, "应用标识或密钥错误"),
        ("app", app(companyId="C0001") | {"appSecret": "wrong"}, 40101, "应用标识或密钥错误"),
        ("app", app(companyId="c1"), 40002, "参数格式错误"),
        ("app", app(companyId="C0002"), 40302, "企业未授权"),
        ("app", app(companyId="C0404"), 40302, "企业未授权"),
        ("app", app(companyId="C0001", permissions="admin"), 40303, "权限不足"),
        ("app", app(companyId=["C0001"]), 40000, "请求参数错误"),
        ("user", app(authCode="nothing"), 40003, "授权码无效或已过期"),
        ("user", app(), 40001, "缺少参数"),
        ("renew", app(refreshToken="nothing"), 40004, "刷新令牌无效或已过期"),
        ("renew", app(), 40001, "缺少参数"),
        ("renew", app("testclient", refreshToken="x") | {"appSecret": "testsecret"}, 40301, "应用无权调用"),
    ],
)
async def test_every_refusal_is_a_number_inside_200(world: World, door: str, members: dict[str, Any], number: int, message: str) -> None:
    check_refusal(world, await ask(world, door, members), number, message)


async def test_faults_of_ours_keep_their_status_with_the_dialects_number(world: World) -> None:
    world.away("load")
    check_refusal(world, await ask(world, "app", app(companyId="C0001")), 50300, "服务繁忙", status=503)
    world.away("commit")
    check_refusal(world, await ask(world, "app", app(companyId="C0001")), 50300, "服务繁忙", status=503)
    world.away("load", RuntimeError())
    check_refusal(world, await ask(world, "app", app(companyId="C0001")), 50000, "系统错误", status=500)
    for _ in range(20):
        await ask(world, "app", app(companyId="C0001") | {"appSecret": "wrong"})
    check_refusal(world, await ask(world, "app", app(companyId="C0001")), 42900, "请求过于频繁", status=429)


async def test_transport_is_refused_in_the_dialects_shape(world: World) -> None:
    check_refusal(world, await world.send("GET", "/erp/v2/token/app"), 40000, "请求参数错误")
    check_refusal(world, await world.send("POST", "/erp/v2/token/app", data={"a": "b"}), 40000, "请求参数错误")
    check_refusal(world, await world.send("POST", "/erp/v2/token/app?appSecret=x", json=app(companyId="C0001")), 40000, "请求参数错误")
    check_refusal(world, await world.send("POST", "/erp/v2/token/renew?refreshToken=x", json=app()), 40000, "请求参数错误")


async def test_its_options_are_a_clients_to_choose(world: World) -> None:
    data = (await ask(world, "app", app("erp-english", companyId="C0001"))).json()["data"]
    assert data["expiresIn"] == 2592000
    check_refusal(world, await ask(world, "app", app("erp-english", companyId="C0404")), 40302, "The company has not authorized this app")
    check_refusal(world, await ask(world, "renew", app("erp-english", refreshToken="x")), 40004, "刷新令牌无效或已过期")
    wrong = app("erp-english", companyId="C0001") | {"appSecret": "wrong"}
    check_refusal(world, await ask(world, "app", wrong), 40101, "应用标识或密钥错误")


async def test_a_missing_parameter_is_told_by_its_own_name_in_the_log(world: World) -> None:
    await ask(world, "user", app())
    assert (world.notes.events[-1].cause, world.notes.events[-1].detail) == (Cause.MISSING_PARAMETER, "The parameter authCode is missing.")
    await ask(world, "renew", app())
    assert world.notes.events[-1].detail == "The parameter refreshToken is missing."


async def test_its_tokens_are_of_no_use_elsewhere_and_others_go_on_as_before(world: World) -> None:
    data = (await ask(world, "app", app(companyId="C0001"))).json()["data"]
    fields = {"grant_type": "refresh_token", "refresh_token": data["refreshToken"]}
    stolen = await world.post("/oauth/token", fields | world.credentials("testclient"))
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert await world.is_alive(data["accessToken"])
    youzan = await world.post("/oauth/token", {"grant_type": "authorize_platform"} | world.credentials("testclient"))
    assert youzan.status_code == 200


async def test_its_doors_stand_in_the_openapi_document(world: World) -> None:
    paths = world.app.openapi()["paths"]
    body = paths["/erp/v2/token/app"]["post"]["requestBody"]["content"]
    assert list(body) == ["application/json"]
    assert set(body["application/json"]["schema"]["properties"]) == {"appKey", "appSecret", "companyId", "permissions"}
    assert paths["/erp/v2/token/user"]["post"]["tags"] == ["Cloud Ledger ERP"]


async def test_its_budget_is_one_load_and_one_commit(world: World) -> None:
    before = world.storage.counters.loads, world.storage.counters.commits
    await ask(world, "app", app(companyId="C0001"))
    assert (world.storage.counters.loads, world.storage.counters.commits) == (before[0] + 1, before[1] + 1)


def test_its_document_is_made_from_the_file() -> None:
    tables = parameter_tables(read_dialect(FOLDER / "erp.toml"), "zh")
    assert "## 获取企业令牌\n\n`POST /erp/v2/token/app` (application/json)\n" in tables
    assert "| companyId | string | 是 | 企业编号 |" in tables
    assert "| permissions | string | 否 | 权限 |" in tables
