"""What just happened: as it was sent, understood, refused and explained, with its secrets masked."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest

from app.core.causes import Cause
from app.sandbox.explanations import STAGES, table
from tests.sandbox.spaces import Space

BACK = "http://127.0.0.1:9401/cb"


@pytest.fixture
async def space(sandbox: Space) -> Space:
    return await sandbox.make()


async def last(space: Space, **query: str) -> dict[str, object]:
    numbers = await space.api("GET", "/exchanges?limit=1")
    members: dict[str, object] = await space.api("GET", f"/exchanges/{numbers[0]['number']}?{urlencode(query)}")
    return members


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_an_explanation(cause: Cause) -> None:
    known = table()[cause]
    assert known["stage"] in STAGES
    assert known["rule"]
    for told in (known["meaning"], known["fix"]):
        assert set(told) == {"en", "zh"}
        assert told["en"].endswith((".", "?"))
        assert told["zh"].endswith(("。", "？"))
        assert told["en"] != told["zh"]


def test_nothing_is_explained_that_cannot_happen() -> None:
    assert set(table()) == set(Cause)


async def test_a_refusal_tells_the_stage_the_rule_and_the_fix(space: Space) -> None:
    await space.token(("demo-service", "wrong"))
    shown = await last(space)
    explanation = shown["explanation"]
    assert isinstance(explanation, dict)
    results = {stage["stage"]: stage["result"] for stage in explanation["stages"]}
    assert results == {
        "receive": "passed", "read": "passed", "client": "failed", "permission": "not reached", "proof": "not reached",
        "scope": "not reached", "answer": "not reached",
    }  # fmt: skip
    assert (explanation["cause"], explanation["rule"]) == ("invalid_client", "RFC 6749 §5.2")
    assert "token_endpoint_auth_method" in explanation["fix"]
    in_chinese = (await last(space, language="zh"))["explanation"]
    assert isinstance(in_chinese, dict)
    assert "客户端" in in_chinese["meaning"]


async def test_a_wrong_code_verifier_points_to_the_exchange_that_gave_the_code(space: Space) -> None:
    fields = {"client_id": "demo-web", "refresh_token": "x", "grant_type": "refresh_token"}
    minted = await space.api("POST", "/tokens", {"client_id": "demo-web", "kind": "refresh", "user": "demo", "scope": "openid"})
    first = await space.client.post(f"{space.issuer}/token", data={**fields, "refresh_token": minted["token"]})
    newer = first.json()["refresh_token"]
    origin = (await last(space))["number"]
    await space.client.post(f"{space.issuer}/token", data={**fields, "refresh_token": newer, "scope": "more"})
    explanation = (await last(space))["explanation"]
    assert isinstance(explanation, dict)
    assert (explanation["cause"], explanation["origin"]) == ("bad_scope", origin)


async def test_a_success_passed_every_stage_and_its_tokens_are_decoded(space: Space) -> None:
    code = await space.api(
        "POST", "/codes", {"client_id": "demo-app", "user": "demo", "redirect_uri": BACK, "scope": "openid", "nonce": "n"}
    )
    fields = {"grant_type": "authorization_code", "code": code["code"], "redirect_uri": BACK}
    answer = await space.token(("demo-app", "demo-app-secret"), **fields)
    shown = await last(space)
    explanation, tokens = shown["explanation"], shown["tokens"]
    assert isinstance(explanation, dict)
    assert isinstance(tokens, list)
    assert {stage["result"] for stage in explanation["stages"]} == {"passed"}
    assert [token["member"] for token in tokens] == ["id_token"]
    assert tokens[0]["claims"]["iss"] == space.issuer
    understood = shown["understood"]
    assert isinstance(understood, dict)
    assert (understood["dialect"], understood["grant"], understood["client_id"]) == ("standard", "authorization_code", "demo-app")
    text = json.dumps(shown, ensure_ascii=False)
    for secret in ("demo-app-secret", answer.json()["access_token"], answer.json()["id_token"], code["code"]):
        assert secret not in text
    revealed = json.dumps(await last(space, reveal="true"))
    assert answer.json()["access_token"] in revealed


@pytest.mark.parametrize("media", ["form", "json", "multipart", "basic", "bearer", "cookie", "broken"])
async def test_no_secret_is_shown_however_it_was_sent(space: Space, media: str) -> None:
    secret = "s3cret-value-that-nobody-may-see"
    url, fields = f"{space.issuer}/oauth/token", {"grant_type": "silent", "client_id": "testclient", "client_secret": secret}
    if media == "form":
        await space.client.post(url, data=fields)
    elif media == "json":
        await space.client.post(f"{space.issuer}/third_party/oauth2/token", json={**fields, "inner": [{"password": secret}]})
    elif media == "multipart":
        await space.client.post(url, files={name: (None, value) for name, value in fields.items()})
    elif media == "basic":
        await space.token(("demo-service", secret))
    elif media == "bearer":
        await space.client.get(f"{space.issuer}/userinfo", headers={"Authorization": f"Bearer {secret}"})
    elif media == "cookie":
        await space.client.get(f"{space.issuer}/account", headers={"Cookie": f"tokenry_session={secret}"})
    else:
        headers = {"Content-Type": "application/json"}
        await space.client.post(f"{space.issuer}/third_party/oauth2/token", content=f'{{"client_secret": "{secret}"', headers=headers)
    for path in ("/exchanges?full=true", "/exchanges/har"):
        assert secret not in json.dumps(await space.api("GET", path), ensure_ascii=False)


SECRET_NAMES = ("client_secret", "password", "client_assertion", "code_verifier", "id_token_hint", "refresh_token", "csrf")
SECRET = quote('sh0rt"value-that-nobody-may-see')


async def check_masked(space: Space) -> None:
    """Check that the last exchange is shown in full but for its secret."""
    for path in ("/exchanges?full=true", "/exchanges/har"):
        text = json.dumps(await space.api("GET", path), ensure_ascii=False)
        assert "nobody-may-see" not in text
        assert "kept" in text
        assert "last" in text


@pytest.mark.parametrize("name", [*SECRET_NAMES, "client%5Fsecret", "%63lient_secret"])
async def test_no_secret_is_shown_in_a_query_or_in_plain_text(space: Space, name: str) -> None:
    pairs = f"state=kept&{name}={SECRET}&last=1"
    await space.client.post(f"{space.issuer}/token?{pairs}", data={"grant_type": "silent"})
    await check_masked(space)
    await space.client.post(f"{space.issuer}/token", content=pairs, headers={"Content-Type": "text/plain"})
    await check_masked(space)


@pytest.mark.parametrize("name", SECRET_NAMES)
async def test_no_secret_is_shown_in_an_address_within_another_nor_in_lines(space: Space, name: str) -> None:
    url = f"{space.issuer}/token"
    await space.client.get(f"{url}?last=1&state=kept&next={quote(f'/token?a=b&{name}={SECRET}', safe='')}")
    await check_masked(space)
    await space.client.get(url, headers={"Referer": f"https://app.example/cb?last=1&state=kept&{name}={SECRET}"})
    await check_masked(space)
    lines = f"state=kept\r\n{name} = {SECRET}\r\nlast=1\r\n"
    await space.client.post(url, content=lines, headers={"Content-Type": "text/plain"})
    await check_masked(space)


async def test_json_under_another_name_is_masked_as_well(space: Space) -> None:
    body = '{"client_secret": "s3cret-value", "state": "kept"}'
    await space.client.post(f"{space.issuer}/token", content=body, headers={"Content-Type": "text/plain"})
    text = json.dumps(await space.api("GET", "/exchanges?full=true"), ensure_ascii=False)
    assert "s3cret-value" not in text
    assert "kept" in text


async def test_a_name_that_only_ends_like_a_secret_is_shown(space: Space) -> None:
    await space.client.get(f"{space.issuer}/token?promo_code=a-value-to-be-seen&x-token=another-value-to-be-seen")
    text = json.dumps(await space.api("GET", "/exchanges?full=true"), ensure_ascii=False)
    assert "a-value-to-be-seen" in text
    assert "another-value-to-be-seen" in text


async def test_exchanges_are_searched_and_filtered(space: Space) -> None:
    await space.token()
    await space.token(("demo-service", "wrong"))
    await space.token(("demo-app", "demo-app-secret"))
    everything = await space.api("GET", "/exchanges")
    assert [one["status"] for one in everything] == [400, 401, 200]
    assert [one["status"] for one in await space.api("GET", "/exchanges?cause=invalid_client")] == [401]
    assert [one["client_id"] for one in await space.api("GET", "/exchanges?client_id=demo-app")] == ["demo-app"]
    assert [one["status"] for one in await space.api("GET", "/exchanges?search=Unauthorized_client")] == [400]
    assert len(await space.api("GET", f"/exchanges?after={everything[1]['number']}")) == 1
    await space.api("GET", "/exchanges?limit=0", status=422)
    await space.api("DELETE", "/exchanges", status=204)
    assert await space.api("GET", "/exchanges") == []
    await space.api("GET", "/exchanges/1", status=404)


async def test_an_archive_is_one_that_tools_read(space: Space) -> None:
    await space.token()
    archive = await space.api("GET", "/exchanges/har")
    entry = archive["log"]["entries"][0]
    assert (archive["log"]["version"], entry["request"]["method"], entry["response"]["status"]) == ("1.2", "POST", 200)
    assert entry["request"]["url"] == f"{space.issuer}/token"
    assert entry["request"]["postData"]["mimeType"].startswith("application/x-www-form-urlencoded")


async def test_a_line_for_the_shell_repeats_the_request(space: Space) -> None:
    await space.token()
    curl = (await last(space))["curl"]
    assert isinstance(curl, str)
    assert curl.startswith("curl -i -H ")
    assert "grant_type=client_credentials" in curl
    assert curl.endswith(f" {space.issuer}/token")


async def test_new_exchanges_are_told_live(space: Space) -> None:
    async with space.client.stream("GET", f"{space.issuer}/sandbox/api/exchanges/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        async with asyncio.timeout(10):
            assert await anext(lines) == ": listening"
            await space.token(("demo-service", "wrong"))
            told = [line async for line in _until_data(lines)]
    assert json.loads(told[-1].removeprefix("data: "))["cause"] == "invalid_client"


async def _until_data(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith("data: "):
            return


async def test_only_so_many_are_remembered(space: Space) -> None:
    for _ in range(26):
        await asyncio.gather(*(space.client.get(f"{space.issuer}/livez") for _ in range(20)))
    found = await space.api("GET", "/exchanges?limit=500")
    assert len(found) == 500
    assert found[0]["number"] == 520


async def test_the_sandboxs_own_namespace_is_watched_as_well(sandbox: Space) -> None:
    assert (await sandbox.token()).status_code == 200
    assert (await sandbox.api("GET", "/exchanges?limit=1"))[0]["path"] == "/token"
