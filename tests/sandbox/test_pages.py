"""The sandbox's own pages, over HTTP: what they show, to whom, and that the service has none of them."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.browser.languages import LANGUAGES
from app.core.key_pairs import make_key
from app.core.keys import Algorithm
from app.dialects import Dialects
from app.dialects.credentials import JWT_BEARER
from app.main import create_app
from app.sandbox.demo import DEMO, PASSWORD
from app.sandbox.flows import flows
from app.sandbox.inspecting import rule_parts
from app.settings import Settings
from tests.browser.extremes import HOSTILE
from tests.browser.markup import Markup
from tests.sandbox.spaces import Space

PAGES = ["/", "/sandbox/inspector", "/sandbox/playground", "/sandbox/callback", *(f"/sandbox/playground/{name}" for name in flows().flows)]
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; script-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; connect-src 'self'"
)


async def page(space: Space, path: str, **headers: str) -> Markup:
    answer = await space.client.get(f"{space.issuer}{path}", headers=headers)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    return Markup(answer.text)


def text_of(markup: Markup) -> str:
    return markup.one("html").text


# -- all pages ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_complete_and_asks_for_nothing_from_elsewhere(sandbox: Space, path: str, language: str) -> None:
    answer = await sandbox.client.get(f"{sandbox.issuer}{path}", headers={"Accept-Language": language})
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Language"].startswith(language)
    markup = Markup(answer.text)
    assert markup.one("html").attributes["lang"].startswith(language)
    assert len(markup.all("h1")) == 1
    ids = [element.attributes["id"] for element in markup.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    named = {element.attributes.get("for") for element in markup.all("label")}
    fields = [element for element in markup.all("input", "select") if element.attributes.get("type") not in {"hidden", "radio"}]
    assert {element.attributes["id"] for element in fields} <= named
    assert not any(
        "style" in element.attributes or any(name.startswith("on") for name in element.attributes) for element in markup.elements
    )
    assert all(element.attributes.get("src") for element in markup.all("script"))
    for element in markup.all("script", "link", "img"):
        address = element.attributes.get("src") or element.attributes["href"]
        assert address.startswith("/sandbox/static/")
        assert (await sandbox.client.get(f"{sandbox.issuer}{address}")).status_code == 200


@pytest.mark.security("DP-04")
@pytest.mark.parametrize("path", PAGES)
async def test_every_page_says_loudly_what_this_is(sandbox: Space, path: str) -> None:
    shown = await page(sandbox, path)
    assert next(one for one in shown.all("strong")).text == "Sandbox"
    assert "put nothing real into it" in text_of(shown)


@pytest.mark.parametrize("path", ["/", "/sandbox/inspector", "/sandbox/inspector/1", "/sandbox/playground"])
@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Host": "localhost.evil.example:6749"}, {"Origin": "https://evil.example"}])
async def test_a_page_is_not_for_strangers(sandbox: Space, path: str, headers: dict[str, str]) -> None:
    answer = await sandbox.client.get(f"{sandbox.issuer}{path}", headers=headers)
    assert answer.status_code == 403
    assert "demo-password" not in answer.text


async def test_a_page_at_another_address_names_that_of_the_issuer(sandbox: Space) -> None:
    there = await page(sandbox, "/", Host="127.0.0.1:6749")
    assert "You came by another address" in text_of(there)
    assert "You came by another address" not in text_of(await page(sandbox, "/"))


@pytest.fixture
async def service() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings()))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:6749") as opened:
        yield opened


@pytest.mark.parametrize("path", [*PAGES[:4], "/sandbox/api"])
async def test_the_service_has_no_such_page(service: httpx.AsyncClient, path: str) -> None:
    assert (await service.get(path)).status_code == 404


async def test_only_what_is_a_page_is_taken_from_the_application(sandbox: Space) -> None:
    for method, path in (("POST", "/"), ("GET", "/sandbox"), ("GET", "/sandbox/other"), ("POST", "/sandbox/inspector")):
        answer = await sandbox.client.request(method, f"{sandbox.issuer}{path}")
        assert answer.status_code in {404, 405}
        assert answer.headers["Content-Type"] == "application/json"
    for path in ("/sandbox/playground/none", "/sandbox/static/none.css", "/sandbox/static/../site.py"):
        assert (await sandbox.client.get(f"{sandbox.issuer}{path}")).status_code == 404


async def test_a_chosen_language_is_kept(sandbox: Space) -> None:
    answer = await sandbox.client.get(f"{sandbox.issuer}/?ui_locales=zh")
    assert "把应用指向这里" in answer.text
    assert answer.headers["Set-Cookie"].startswith("tokenry_language=zh; ")
    kept = await page(sandbox, "/sandbox/inspector", Cookie="tokenry_language=zh")
    assert kept.one("h1").text == "检查器"


async def test_pages_are_not_among_the_exchanges(sandbox: Space) -> None:
    space = await sandbox.make()
    for path in PAGES[:4]:
        await page(space, path)
    assert await space.api("GET", "/exchanges") == []


# -- the page that opens -------------------------------------------------------------------------------------------------------------


async def test_the_page_that_opens_holds_what_an_app_needs(sandbox: Space, dialects: Dialects) -> None:
    shown = text_of(await page(sandbox, "/"))
    for dialect in dialects.by_name.values():
        assert all(f"{sandbox.issuer}{door.path}" in shown for door in dialect.tables.doors)
    for client in DEMO["clients"]:  # type: ignore[attr-defined]  # a list of tables
        assert client["client_id"] in shown
        assert client.get("client_secret", "") in shown
        assert all(uri in shown for uri in client.get("redirect_uris", []))
    assert f"OIDC_ISSUER={sandbox.issuer}\nOIDC_CLIENT_ID=demo-app\nOIDC_CLIENT_SECRET=demo-app-secret" in shown
    assert f'server_metadata_url="{sandbox.issuer}/.well-known/openid-configuration"' in shown
    assert "issuer-uri: " in shown
    assert "$" not in re.sub(r"\s+", "", shown)


async def test_a_namespace_shows_its_own(sandbox: Space) -> None:
    client = {"client_id": "shop-app", "client_secret": "of-my-own", "grant_types": ["client_credentials"]}
    space = await sandbox.make(name="mine", demo=False, declared={"clients": [client]})
    markup = await page(space, "/")
    shown = text_of(markup)
    assert f"OIDC_ISSUER={space.issuer}\nOIDC_CLIENT_ID=CLIENT_ID" in shown
    assert "shop-app" in shown
    assert "of-my-own" not in shown
    assert "not published: only its digest is kept" in shown
    assert PASSWORD not in shown
    inside = [link.attributes["href"] for link in markup.all("a") if link.attributes["href"].startswith("/")]
    assert all(address.startswith("/n/mine/") for address in inside)
    await space.api("PUT", "/clock", {"now": "2030-01-01T00:00:00Z"})
    assert "2030-01-01 00:00" in text_of(await page(space, "/"))


async def test_a_secret_that_was_changed_is_not_told(sandbox: Space) -> None:
    space = await sandbox.make()
    assert "demo-service-secret" in text_of(await page(space, "/"))
    await space.api("DELETE", "/clients/demo-service")
    await space.api("POST", "/clients", {"client_id": "demo-service", "client_secret": "of-my-own", "grant_types": ["client_credentials"]})
    shown = text_of(await page(space, "/"))
    assert "demo-service" in shown
    assert "of-my-own" not in shown
    assert "demo-service-secret" not in shown


# -- the inspector -------------------------------------------------------------------------------------------------------------------


async def test_a_refused_exchange_is_explained(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.token(auth=("demo-service", "a-wrong-secret"))
    shown = await page(space, "/sandbox/inspector/1")
    text = text_of(shown)
    assert "Why it was refused" in text
    assert [one.text for one in shown.all("em")] == ["passed", "passed", "failed here", *["not reached"] * 4]
    assert "https://www.rfc-editor.org/rfc/rfc6749#section-5.2" in [link.attributes["href"] for link in shown.all("a")]
    assert "Compare client_id and client_secret" in text
    assert "authorization: Basic ••••" in text
    assert f"{space.issuer}/token" in text
    revealed = text_of(await page(space, "/sandbox/inspector/1?reveal=true"))
    assert "authorization: Basic ••••" not in revealed
    assert "WzZW" not in text


async def test_an_exchange_links_to_the_one_that_handed_out_what_it_presents(sandbox: Space) -> None:
    space = await sandbox.make()
    token = (await space.token()).json()["access_token"]
    await space.is_active(token)
    shown = await page(space, "/sandbox/inspector/2")
    (origin,) = [link for link in shown.all("a") if link.parent is not None and link.parent.attributes.get("class") == "origin"]
    assert origin.attributes["href"].endswith("/sandbox/inspector/1")
    assert origin.text == "#1"
    assert token not in text_of(shown)


@pytest.mark.parametrize("presented", ["bearer", "json"])
async def test_what_is_presented_is_found_in_a_header_and_in_json_too(sandbox: Space, presented: str) -> None:
    space = await sandbox.make()
    client = {"client_id": "hex-demo", "client_secret": "hex-demo-secret", "store_id": "S001"}
    told = (await space.client.post(f"{space.issuer}/third_party/oauth2/token", json=client)).json()["payload"]
    bearer = {"Authorization": f"Bearer {told['access_token'] if presented == 'bearer' else 'none'}"}
    body = {"refresh_token": told["refresh_token"] if presented == "json" else "none"}
    await space.client.post(f"{space.issuer}/third_party/oauth2/token/refresh", json=body, headers=bearer)
    assert (await space.api("GET", "/exchanges/2"))["explanation"]["origin"] == 1


async def test_the_style_of_a_page_is_in_no_list(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.client.get(f"{space.issuer}/static/none.css")
    assert [one["path"] for one in await space.api("GET", "/exchanges")] == ["/static/none.css"]
    for path in ("/", "/sandbox/inspector"):
        assert "Nothing yet." in text_of(await page(space, path))


async def test_the_list_is_filtered_and_searched(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.token()
    await space.token(auth=("demo-service", "a-wrong-secret"))
    await space.client.get(f"{space.issuer}/livez")

    async def numbers(query: str) -> list[str]:
        shown = await page(space, f"/sandbox/inspector?{query}")
        return [one.text for one in shown.all("span") if one.attributes.get("class") == "number"]

    assert await numbers("") == ["#3", "#2", "#1"]
    assert await numbers("result=refused") == ["#2"]
    assert await numbers("result=answered") == ["#3", "#1"]
    assert await numbers("client_id=demo-service") == ["#2", "#1"]
    assert await numbers("path=/livez") == ["#3"]
    assert await numbers("search=WRONG+secret") == ["#2"]
    assert await numbers("search=nothing-like-it") == []
    assert "None of them is as you asked." in text_of(await page(space, "/sandbox/inspector?search=nothing-like-it"))
    assert "is not remembered" in text_of(await page(space, "/sandbox/inspector/99"))


async def test_what_strangers_sent_stays_text(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.client.post(f"{space.issuer}/token", data={"grant_type": HOSTILE, "client_id": HOSTILE, "scope": HOSTILE})
    await space.client.get(f"{space.issuer}/none", params={"q": HOSTILE}, headers={"X-Odd": "<img src=x onerror=alert(1)>"})
    await space.client.get(f"{space.issuer}/%3Cimg%20src=x%3E")
    for path in ("/", "/sandbox/inspector", "/sandbox/inspector/1", "/sandbox/inspector/2", "/sandbox/inspector/3"):
        shown = await page(space, path)
        assert shown.all("img") == []
        assert all(element.attributes.get("src") for element in shown.all("script"))
        assert "49" not in [one.text for one in shown.all("dd", "code")]
    came = await sandbox.client.get(f"{sandbox.issuer}/sandbox/callback", params={"code": HOSTILE, HOSTILE: "x"})
    assert Markup(came.text).all("img") == []


async def test_a_filter_stays_text(sandbox: Space) -> None:
    answer = await sandbox.client.get(
        f"{sandbox.issuer}/sandbox/inspector", params={"search": HOSTILE, "client_id": HOSTILE, "path": HOSTILE}
    )
    shown = Markup(answer.text)
    assert shown.all("img") == []
    assert next(field for field in shown.all("input")).attributes["value"] == HOSTILE


async def test_an_answer_by_a_form_is_shown_and_nothing_else(sandbox: Space) -> None:
    address = f"{sandbox.issuer}/sandbox/callback"
    brought = await sandbox.client.post(address, data={"code": HOSTILE, "state": "xyz"}, headers={"Origin": "null"})
    assert brought.status_code == 200
    shown = Markup(brought.text)
    assert shown.all("img") == []
    assert json.loads(next(one for one in shown.all("dl")).attributes["data-came"]) == {"code": HOSTILE, "state": "xyz"}
    assert (await sandbox.client.post(address, data={"code": "a" * 70_000})).status_code == 200
    assert (await sandbox.client.post(address, data={"code": "a"}, headers={"Host": "evil.example"})).status_code == 403


def test_a_rule_links_to_the_sections_that_it_names() -> None:
    assert list(rule_parts("RFC 6749 §2.3.1, RFC 9700 and the document")) == [
        ("RFC 6749 §2.3.1", "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1"),
        (", ", ""),
        ("RFC 9700", "https://www.rfc-editor.org/rfc/rfc9700"),
        (" and the document", ""),
    ]
    assert list(rule_parts("OpenID Connect Core §6.1")) == [
        ("OpenID Connect Core §6.1", "https://openid.net/specs/openid-connect-core-1_0.html")
    ]


async def test_an_exchange_is_sent_once_more(sandbox: Space) -> None:
    space = await sandbox.make()
    first = (await space.token(scope="orders")).json()["access_token"]
    again = await space.api("POST", "/exchanges/1/replay", status=201)
    assert (again["number"], again["status"], again["client_id"]) == (2, 200, "demo-service")
    kept: dict[str, Any] = await space.api("GET", "/exchanges/2?reveal=true")
    assert kept["request"]["body"] == "grant_type=client_credentials&scope=orders"
    assert '"access_token"' in kept["response"]["body"]
    assert first not in kept["response"]["body"]
    await space.api("POST", "/exchanges/99/replay", status=404)
    await space.client.post(f"{space.issuer}/token", content=b"a" * 70_000)
    await space.api("POST", "/exchanges/3/replay", status=409)
    stranger = await space.client.post(f"{space.issuer}/sandbox/api/exchanges/1/replay", headers={"Origin": "https://evil.example"})
    assert stranger.status_code == 403


# -- the playground --------------------------------------------------------------------------------------------------------------------


def test_every_door_and_every_grant_of_every_dialect_is_in_a_flow(dialects: Dialects) -> None:
    steps = [(flow.dialect, step) for flow in flows().flows.values() for step in flow.steps]
    assert {(dialect.name, door.path) for dialect in dialects.by_name.values() for door in dialect.tables.doors} <= {
        (dialect, step.door) for dialect, step in steps
    }
    wanted = {
        (dialect.name, word)
        for dialect in dialects.by_name.values()
        for word in dialect.token_grants
        if not dialect.grants[word].requires_option
    }
    assert wanted <= {(dialect, step.grant) for dialect, step in steps}


def test_a_flow_names_nothing_that_its_dialect_does_not_have(dialects: Dialects) -> None:
    for flow in flows().flows.values():
        dialect = dialects[flow.dialect]
        for step in flow.steps:
            assert bool(step.door) != bool(step.path)
            assert not step.door or step.door in {door.path for door in dialect.tables.doors}
            assert not step.grant or step.grant in dialect.grants
            known = {*dialect.tables.parameters, *step.descriptions}
            assert {*step.sends, *step.values, *step.required, *step.optional} <= known
            assert all({"en", "zh"} <= set(words) for words in (*step.descriptions.values(), flow.title, flow.about) if words)
            assert not step.about or {"en", "zh"} == set(step.about)


async def test_a_step_shows_the_table_of_the_partners_document(sandbox: Space) -> None:
    shown = await page(sandbox, "/sandbox/playground/youzan-shop", **{"Accept-Language": "zh"})
    text = text_of(shown)
    for words in ("kdt_id", "Number", "店铺id", "应用secret", "授与方式", "必填", "选填"):
        assert words in text
    values = {field.attributes["name"]: field.attributes["value"] for field in shown.all("input") if "name" in field.attributes}
    assert values["refresh_token"] == "$refresh_token"
    assert values["kdt_id"] == "88888"


async def test_the_playground_brings_its_clients_when_they_are_needed(sandbox: Space) -> None:
    space = await sandbox.make()
    ids = {client["client_id"] for client in await space.api("GET", "/clients")}
    for _ in range(2):
        for name in flows().flows:
            shown = await page(space, f"/sandbox/playground/{name}")
            assert "is not in this namespace" not in text_of(shown)
    clients = {client["client_id"]: client for client in await space.api("GET", "/clients")}
    assert set(clients) - ids == {
        "playground-fantem", "playground-key", "playground-platform", "playground-web", "playground-youzan",
    }  # fmt: skip
    assert clients["playground-web"]["redirect_uris"] == [f"{sandbox.issuer}/sandbox/callback"]
    assert "playground-" not in text_of(await page(space, "/"))
    assert len(clients["testclient"]["redirect_uris"]) == 1


async def test_a_step_of_a_client_with_a_key_has_an_assertion_that_works_once_and_in_the_time_of_its_namespace(sandbox: Space) -> None:
    space = await sandbox.make(now="2040-01-01T00:00:00Z")
    for _ in range(2):
        shown = await page(space, "/sandbox/playground/standard-key")
        (field,) = [
            one for one in shown.all("input") if one.attributes.get("id", "").startswith("p4") and "data-used-once" in one.attributes
        ]
        sent = {"token": "none", "client_assertion_type": JWT_BEARER, "client_assertion": field.attributes["value"]}
        answers = [await space.client.post(f"{space.issuer}/revoke", data=sent) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 401]
    published = (await space.api("GET", "/clients/playground-key"))["jwks"]["keys"]
    assert [key.keys() & {"d", "k"} for key in published] == [set()]


async def test_a_client_whose_key_was_another_processs_gets_this_ones(sandbox: Space) -> None:
    space = await sandbox.make()
    await page(space, "/sandbox/playground/standard-key")
    ours = (await space.api("GET", "/clients/playground-key"))["jwks"]
    await space.api("PATCH", "/clients/playground-key", {"jwks": {"keys": [make_key(Algorithm.ES256).public_jwk]}})
    await page(space, "/sandbox/playground/standard-key")
    assert (await space.api("GET", "/clients/playground-key"))["jwks"] == ours


async def test_a_namespace_without_the_demo_identities_says_what_is_missing(sandbox: Space) -> None:
    space = await sandbox.make(demo=False)
    assert "is not in this namespace" in text_of(await page(space, "/sandbox/playground/hex-store"))
    assert "is not in this namespace" in text_of(await page(space, "/sandbox/playground/youzan-code"))
    assert "is not in this namespace" not in text_of(await page(space, "/sandbox/playground/standard-code"))
