"""The strictness of a client: its answers change with the known quirks of the partner's installations, and change back."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from app.dialects import Dialects
from tests.browser.markup import Markup
from tests.sandbox.spaces import Space

BACK = "http://127.0.0.1:9401/cb"
Ask = Callable[[Space], Awaitable[httpx.Response]]


@pytest.fixture
async def space(sandbox: Space) -> Space:
    return await sandbox.make()


async def switch(space: Space, client_id: str, strictness: str) -> None:
    await space.api("PATCH", f"/clients/{client_id}", {"strictness": strictness})


async def explained(space: Space, number: int | None = None, language: str = "en") -> Mapping[str, Any]:
    number = number or (await space.api("GET", "/exchanges?limit=1"))[0]["number"]
    explanation: Mapping[str, Any] = (await space.api("GET", f"/exchanges/{number}?language={language}"))["explanation"]
    return explanation


async def quirks_behind(space: Space) -> list[str]:
    return [quirk["name"] for quirk in (await explained(space))["quirks"]]


# -- the four quirks -----------------------------------------------------------------------------------------------------------------


async def unknown_store(space: Space, secret: str = "hex-demo-secret") -> httpx.Response:
    members = {"client_id": "hex-demo", "client_secret": secret, "store_id": "S999"}
    return await space.client.post(f"{space.issuer}/third_party/oauth2/token", json=members)


async def extension(space: Space) -> httpx.Response:
    members = {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001"}
    tokens = (await space.client.post(f"{space.issuer}/third_party/oauth2/token", json=members)).json()["payload"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    body = {"refresh_token": tokens["refresh_token"]}
    return await space.client.post(f"{space.issuer}/third_party/oauth2/token/refresh", json=body, headers=bearer)


async def platform_token(space: Space, scope: str = "orders") -> httpx.Response:
    fields = {"client_id": "platform-demo", "client_secret": "platform-demo-secret", "grant_type": "client_credentials", "scope": scope}
    return await space.client.post(f"{space.issuer}/oauth2/client-credentials", data=fields)


async def unknown_scope(space: Space) -> httpx.Response:
    return await platform_token(space, "nothing")


async def gateway_refresh(space: Space) -> httpx.Response:
    code = await space.api("POST", "/codes", {"client_id": "fantem-demo", "user": "demo", "redirect_uri": BACK})
    fields = {"grant_type": "authorization_code", "client_id": "fantem-demo", "code": code["code"], "redirect_uri": BACK}
    first = (await space.client.post(f"{space.issuer}/oauth/token", data=fields)).json()["refresh_token"]
    again = {"grant_type": "refresh_token", "client_id": "fantem-demo", "refresh_token": first}
    answer = await space.client.post(f"{space.issuer}/oauth/token", data=again)
    answer.extensions["is_kept"] = answer.json()["refresh_token"] == first if "refresh_token" in answer.json() else True
    return answer


def told_by_its_status(answer: httpx.Response) -> bool:
    assert answer.json()["code"] == "unauthorized_store"
    assert answer.status_code in {200, 403}
    return answer.status_code == 403


def told_as_a_date(answer: httpx.Response) -> bool:
    expires = answer.json()["payload"]["expires"]
    assert re.fullmatch(r"\d{10}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", expires)
    return "T" in expires


def bare(answer: httpx.Response) -> bool:
    members = answer.json()
    assert "access_token" in members.get("data", members)
    return "access_token" in members


def refused_barely(answer: httpx.Response) -> bool:
    members = answer.json()
    assert (answer.status_code, members.get("error"), members.get("code")) in {(400, "invalid_scope", None), (200, None, 422)}
    return "error" in members


def kept(answer: httpx.Response) -> bool:
    return bool(answer.extensions["is_kept"])


QUIRKS: list[tuple[str, str, Ask, Callable[[httpx.Response], bool]]] = [
    ("always_http_200", "hex-demo", unknown_store, told_by_its_status),
    ("epoch_expiry", "hex-demo", extension, told_as_a_date),
    ("envelope", "platform-demo", platform_token, bare),
    ("envelope", "platform-demo", unknown_scope, refused_barely),
    ("rotation", "fantem-demo", gateway_refresh, kept),
]


@pytest.mark.parametrize(("quirk", "client_id", "ask", "is_as_documented"), QUIRKS)
async def test_an_answer_changes_with_the_strictness_and_changes_back(
    space: Space, quirk: str, client_id: str, ask: Ask, is_as_documented: Callable[[httpx.Response], bool]
) -> None:
    before = await ask(space)
    assert is_as_documented(before)
    assert await quirks_behind(space) == []
    await switch(space, client_id, "as seen")
    seen = await ask(space)
    assert not is_as_documented(seen)
    assert await quirks_behind(space) == [quirk]
    await switch(space, client_id, "as documented")
    after = await ask(space)
    assert is_as_documented(after)
    assert after.status_code == before.status_code
    assert await quirks_behind(space) == []


def test_every_known_quirk_is_tried_here(dialects: Dialects) -> None:
    assert {name for dialect in dialects.by_name.values() for name in dialect.quirks} == {name for name, *_ in QUIRKS}


# -- what shaped an answer -----------------------------------------------------------------------------------------------------------


async def test_what_was_refused_before_the_client_had_proved_itself_was_shaped_by_no_quirk(space: Space) -> None:
    await switch(space, "hex-demo", "as seen")
    assert (await unknown_store(space, "a-wrong-secret")).status_code == 401
    assert await quirks_behind(space) == []


async def test_a_status_that_no_quirk_changes_was_shaped_by_none(space: Space) -> None:
    await switch(space, "hex-demo", "as seen")
    await space.api("POST", "/faults", {"kind": "refuse", "cause": "unavailable"})
    assert (await unknown_store(space)).status_code == 503
    assert await quirks_behind(space) == []
    await space.api("POST", "/faults", {"kind": "refuse", "cause": "bad_refresh_token"})
    assert (await unknown_store(space)).status_code == 200
    assert await quirks_behind(space) == ["always_http_200"]


async def test_an_exchange_keeps_the_quirks_that_shaped_it(space: Space) -> None:
    await switch(space, "platform-demo", "as seen")
    await platform_token(space)
    await switch(space, "platform-demo", "as documented")
    (quirk,) = (await explained(space, 1, "zh"))["quirks"]
    assert quirk["title"] == "响应带有外层包装"
    assert quirk["note"].startswith("按文档")
    for language, heading in (("en", "Answered as seen"), ("zh", "按实际应答")):
        page = (await space.client.get(f"{space.issuer}/sandbox/inspector/1", headers={"Accept-Language": language})).text
        assert heading in page


async def test_an_exchange_as_documented_tells_of_no_quirk(space: Space) -> None:
    await platform_token(space)
    assert "Answered as seen" not in (await space.client.get(f"{space.issuer}/sandbox/inspector/1")).text


# -- the control API -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_all_quirks_are_listed(space: Space, dialects: Dialects, language: str) -> None:
    listed = await space.api("GET", f"/quirks?language={language}")
    declared = [(dialect.name, name, quirk) for dialect in dialects.by_name.values() for name, quirk in dialect.quirks.items()]
    assert listed == [
        {
            "dialect": dialect,
            "name": name,
            "title": quirk.title["zh" if language == "zh" else "en"],
            "note": quirk.note["zh" if language == "zh" else "en"],
            "option": quirk.option,
            "value": quirk.value,
        }
        for dialect, name, quirk in declared
    ]


async def test_a_client_is_created_with_a_strictness_and_tells_it(space: Space) -> None:
    await space.api("POST", "/clients", {"client_id": "seen", "dialect": "hex", "strictness": "as seen"}, 201)
    await space.api("POST", "/clients", {"client_id": "plain", "dialect": "hex"}, 201)
    await space.api("PATCH", "/clients/seen", {"expires_format": False})
    told = {client["client_id"]: (client["strictness"], client["quirks"]) for client in await space.api("GET", "/clients")}
    assert (told["seen"], told["plain"]) == (("as seen", ["always_http_200"]), ("as documented", []))
    assert told["testclient"] == told["demo-app"] == ("as documented", [])
    shown = await space.api("GET", "/clients/seen")
    assert (shown["strictness"], shown["quirks"]) == ("as seen", ["always_http_200"])


@pytest.mark.parametrize("client_id", ["testclient", "demo-app"])
async def test_a_dialect_without_quirks_has_nothing_that_was_seen(space: Space, client_id: str) -> None:
    dialect = (await space.api("GET", f"/clients/{client_id}"))["dialect"]
    told = await space.api("PATCH", f"/clients/{client_id}", {"strictness": "as seen"}, 400)
    assert told["error_description"] == f"strictness: the dialect {dialect} has no known quirks: its clients are answered as documented"
    assert (await space.api("PATCH", f"/clients/{client_id}", {"strictness": "as documented"}))["status"] == "unchanged"


async def test_another_strictness_is_refused(space: Space) -> None:
    told = await space.api("PATCH", "/clients/hex-demo", {"strictness": "lax"}, 400)
    assert told["error_description"] == "strictness: is one of as documented, as seen"


async def test_what_is_declared_for_a_namespace_may_name_a_strictness_too(sandbox: Space) -> None:
    client = {"client_id": "ours", "dialect": "fantem", "strictness": "as seen", "redirect_uris": [BACK]}
    space = await sandbox.make(declared={"clients": [client]})
    shown = await space.api("GET", "/clients/ours")
    assert (shown["strictness"], shown["refresh_rule"]) == ("as seen", "rotate")
    assert 'refresh_rule = "rotate"' in (await space.client.get(f"{space.issuer}/sandbox/api/export")).text


async def test_the_openapi_document_tells_of_strictness(space: Space) -> None:
    paths = (await space.api("GET", "/openapi.json"))["paths"]
    assert "/sandbox/api/quirks" in paths
    for path, method in (("/sandbox/api/clients", "post"), ("/sandbox/api/clients/{client_id}", "patch")):
        assert "`as documented`, or `as seen`" in paths[path][method]["description"]


# -- the page that opens -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "documented", "seen", "title"),
    [("en", "as documented", "as seen", "HTTP 200 for refusals too"), ("zh", "按文档", "按实际", "出错时也返回 HTTP 200")],
)
async def test_the_page_shows_the_strictness_of_each_client(
    space: Space, dialects: Dialects, language: str, documented: str, seen: str, title: str
) -> None:
    async def shown() -> tuple[Markup, str]:
        markup = Markup((await space.client.get(f"{space.issuer}/", headers={"Accept-Language": language})).text)
        (place,) = [one for one in markup.all("div") if one.attributes.get("data-answered") == "hex-demo"]
        return markup, place.text

    markup, place = await shown()
    assert documented in place
    assert {one.attributes["data-answered"] for one in markup.all("div") if "data-answered" in one.attributes} == {
        "hex-demo", "platform-demo", "fantem-demo", "alexa-demo",
    }  # fmt: skip
    for dialect in dialects.by_name.values():
        assert all(quirk.note["zh" if language == "zh" else "en"] in markup.one("html").text for quirk in dialect.quirks.values())
    await switch(space, "hex-demo", "as seen")
    _, place = await shown()
    assert seen in place
    assert title in place
