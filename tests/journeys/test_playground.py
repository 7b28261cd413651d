"""The sandbox's own pages in a real browser: every flow of the playground, the inspector, and the page that opens."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from app.sandbox.flows import flows
from tests.browser.test_accessibility import AXE, violations
from tests.fixtures.server import NO_TLS, Server
from tests.journeys.conftest import Sandbox
from tests.journeys.lines import curl
from tests.journeys.player import open_flow, take

_EXPECTED: Final = ("Failed to load resource: the server responded with a status of ", "Failed to load resource: net::ERR_")
"""What Chromium says of a refusal that a step is answered with, and of a connection that was cut."""
_PATIENCE: Final = 6.0
"""Seconds in which a sandbox ends: fewer than it would wait for an answer that is still open."""


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of a browser that nobody used before, which is not to complain, nor to ask anybody else for anything."""
    async for one in watched(chromium):
        yield one


async def watched(chromium: Browser, **options: Any) -> AsyncIterator[Page]:
    context = await chromium.new_context(**{"locale": "en-GB", **options})
    complaints: list[str] = []
    strangers: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            complaints.append(message.text)

    context.on("console", heard)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda request: None if re.match(r"http://localhost:\d+/", request.url) else strangers.append(request.url))
    yield await context.new_page()
    await context.close()
    assert complaints == []
    assert strangers == []


def origin(sandbox: Sandbox) -> str:
    return f"http://localhost:{sandbox.port}"


async def answer(page: Page, number: int) -> Any:
    """Return the JSON that came back."""
    text = await page.inner_text(f"#step-{number} [data-answer] pre >> nth=0")
    return json.loads(text.partition("\n\n")[2])


@pytest.mark.parametrize("name", flows().flows)
async def test_a_flow_is_clicked_through(page: Page, sandbox: Sandbox, name: str) -> None:
    flow = flows().flows[name]
    await open_flow(page, origin(sandbox), name)
    links = []
    for number, step in enumerate(flow.steps, start=1):
        status = await take(page, number)
        assert status in {"200", "code", "access_token", "state"}, (number, status)
        link = page.locator(f"#step-{number} [data-exchange]")
        await expect(link).to_be_visible()
        links.append(await link.get_attribute("href") or "")
        assert re.fullmatch(r"/sandbox/inspector/\d+", links[-1])
        if step.grant:
            body = await answer(page, number)
            assert body.get("access_token") or body.get("payload"), body
        await expect(page.locator(f"#step-{number} .verdict")).to_have_count(0)
    await expect(page.locator("[data-waiting]:visible")).to_have_count(0)
    await page.reload()
    for number, address in enumerate(links, start=1):
        await expect(page.locator(f"#step-{number} [data-exchange]")).to_have_attribute("href", address)
    assert len(set(links)) == len(links)


async def test_an_assertion_is_made_anew_for_each_request(page: Page, sandbox: Sandbox) -> None:
    await open_flow(page, origin(sandbox), "standard-key")
    await take(page, 1)
    field = page.locator("#step-2 input[name=client_assertion]")
    shown = await field.input_value()
    assert await take(page, 2) == "200"
    assert await field.input_value() != shown
    assert await field.input_value() in await page.inner_text("#step-2 .curl pre")
    await field.fill(shown.replace(".", ".a", 1))
    assert await take(page, 2) == "401"
    await expect(page.locator("#step-2 .verdict")).to_contain_text("client")


async def test_an_id_token_is_shown_decoded(page: Page, sandbox: Sandbox) -> None:
    await open_flow(page, origin(sandbox), "standard-code")
    await take(page, 1)
    await take(page, 2)
    decoded = await page.inner_text("#step-2 [data-tokens] pre")
    header, claims = (json.loads(part) for part in decoded.split("\n.\n"))
    assert header["alg"] == "RS256"
    assert (claims["iss"], claims["aud"]) == (origin(sandbox), "playground-web")
    assert claims["nonce"] == await page.input_value("#step-1 input[name=nonce]")


async def test_a_refused_step_is_explained_and_sent_again_otherwise(page: Page, sandbox: Sandbox) -> None:
    await open_flow(page, origin(sandbox), "youzan-shop")
    await page.fill("#step-1 input[name=kdt_id]", "4711")
    assert "kdt_id=4711" in await page.inner_text("#step-1 .http pre")
    assert await take(page, 1) == "400"
    verdict = page.locator("#step-1 .verdict")
    await expect(verdict).to_contain_text("The shop is not known, or not granted to this client.")
    await expect(page.locator("#step-1 .stages .failed")).to_contain_text("The client may ask for this")
    await page.fill("#step-1 input[name=kdt_id]", "88888")
    assert await take(page, 1) == "200"
    await expect(verdict).to_have_count(0)
    await page.fill("#step-2 input[name=refresh_token]", "")
    assert await take(page, 2) == "400"
    await expect(page.locator("#step-2 .verdict")).to_contain_text("missing")


async def test_a_person_who_refuses_is_explained_too(page: Page, sandbox: Sandbox) -> None:
    await page.request.post(f"{origin(sandbox)}/sandbox/api/namespaces", data={"name": "refused"})
    await open_flow(page, f"{origin(sandbox)}/n/refused", "platform-code")
    assert await take(page, 1, decision="refuse") == "access_denied"
    await expect(page.locator("#step-1 .verdict")).to_be_visible()
    await page.click("[data-start-over]")
    await expect(page.locator("#step-1 [data-answer]")).to_be_empty()
    assert await take(page, 1) == "code"


async def test_a_code_is_used_once_and_its_second_use_points_at_where_it_came_from(page: Page, sandbox: Sandbox) -> None:
    await open_flow(page, origin(sandbox), "standard-code")
    await take(page, 1)
    came_in = await page.inner_text("#step-1 [data-exchange] span")
    assert await take(page, 2) == "200"
    assert await take(page, 2) == "400"
    await expect(page.locator("#step-2 .verdict")).to_contain_text("used before")
    await expect(page.locator("#step-2 .origin a")).to_have_text(came_in)


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
async def test_an_answer_may_travel_in_every_way(page: Page, sandbox: Sandbox, mode: str) -> None:
    await open_flow(page, origin(sandbox), "standard-code")
    await page.click("#step-1 summary")
    await page.fill("#step-1 input[name=response_mode]", mode)
    assert await take(page, 1) == "code"
    assert (await page.inner_text("#step-1 [data-answer] pre >> nth=0"))[0] == {"query": "?", "fragment": "#", "form_post": "P"}[mode]
    assert await take(page, 2) == "200"


async def test_a_connection_that_ends_without_an_answer_is_told(page: Page, sandbox: Sandbox) -> None:
    issuer = (await (await page.request.post(f"{origin(sandbox)}/sandbox/api/namespaces", data={})).json())["issuer"]
    await page.request.post(f"{issuer}/sandbox/api/faults", data={"kind": "reset", "times": 2})
    await page.request.post(f"{issuer}/sandbox/api/faults", data={"kind": "status", "status": 503})
    await open_flow(page, issuer, "hex-store")
    assert await take(page, 1) == "–"
    await expect(page.locator("#step-1 [data-answer]")).to_contain_text("That did not work:")
    while (status := await take(page, 1)) == "–":
        continue  # a browser may have tried once more by itself, or not
    assert status == "503"
    assert await take(page, 1) == "200"


async def test_an_error_page_of_the_server_is_left_by_going_back(page: Page, sandbox: Sandbox) -> None:
    await open_flow(page, origin(sandbox), "youzan-code")
    await page.fill("#step-1 input[name=redirect_uri]", "http://localhost/elsewhere")
    await page.click("#step-1 [data-send]")
    await expect(page.locator("h1")).to_have_text("We do not know the address that this app gave")
    await page.go_back()
    await page.wait_for_selector("#flow[data-ready]")
    await expect(page.locator("#step-1 input[name=redirect_uri]")).to_have_value("http://localhost/elsewhere")
    await page.click("[data-start-over]")
    assert await take(page, 1) == "code"


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"])
async def test_a_request_is_sent_in_every_media_type_of_its_door(page: Page, sandbox: Sandbox, media_type: str) -> None:
    await open_flow(page, origin(sandbox), "platform-password")
    await page.select_option("#step-1 [data-type]", media_type)
    shown = await page.inner_text("#step-1 .http pre")
    assert shown.startswith("POST /oauth2/password HTTP/1.1\n")
    assert f"Content-Type: {media_type}" in shown
    assert await take(page, 1) == "200"
    assert (await answer(page, 1))["access_token"]


async def test_the_curl_line_does_the_same(page: Page, sandbox: Sandbox) -> None:
    for name, number in (("hex-store", 1), ("standard-client", 1), ("platform-password", 1), ("youzan-silent", 1)):
        await open_flow(page, origin(sandbox), name)
        line = await page.inner_text(f"#step-{number} .curl pre")
        status, told = await asyncio.to_thread(curl, line.replace("curl -i", "curl"))
        assert status == 200
        assert told.get("payload", told)["access_token"]


async def test_a_flow_works_in_a_namespace(page: Page, sandbox: Sandbox) -> None:
    made = await page.request.post(f"{origin(sandbox)}/sandbox/api/namespaces", data={"name": "play"})
    assert made.status == 201
    await open_flow(page, f"{origin(sandbox)}/n/play", "fantem-code")
    assert await take(page, 1) == "code"
    assert await take(page, 2) == "200"
    assert (await page.get_attribute("#step-2 [data-exchange]", "href") or "").startswith("/n/play/sandbox/inspector/")


_DIALECT: Final = """
name = "acme"
title = { en = "Acme" }
[policy]
access_token = { encoding = "hex", size = 16 }
access_token_expires_in = 86400
refresh_token_expires_in = 604800
[[doors]]
path = "/acme/v2/token"
media_types = ["application/json"]
[parameters]
kind = { means = "grant_type" }
app_key = { means = "client_id", description = { en = "The key of the app" } }
app_secret = { means = "client_secret" }
refresh_token = {}
[grants.app_token]
grant_type = "client_credentials"
required = ["kind", "app_key", "app_secret"]
policy = { issue_refresh_token = true }
[grants.refresh_token]
grant_type = "refresh_token"
required = ["kind", "app_key", "app_secret", "refresh_token"]
policy = { issue_refresh_token = true, refresh_rule = "rotate" }
[answers.token]
body = { errcode = 0, data = { access_token = "$access_token", refresh_token = "$refresh_token" } }
[answers.error]
body = { errcode = 40000, errmsg = "$description" }
"""


async def test_a_dialect_of_an_operator_is_clicked_through_too(page: Page, tmp_path: Path) -> None:
    dialects = tmp_path / "dialects"
    dialects.mkdir()
    (dialects / "acme.toml").write_text(_DIALECT)
    config = tmp_path / "clients.toml"
    config.write_text('[[clients]]\nclient_id = "acme-app"\ndialect = "acme"\nclient_secret = "a-secret-of-acme"\n')
    settings = {"TOKENRY_DIALECTS": str(dialects)}
    with Server(None, command="sandbox", arguments=["--config", str(config)], environment=settings) as server:
        await page.goto(f"http://localhost:{server.port}/sandbox/playground")
        await page.get_by_role("link", name="app_token").click()
        await page.wait_for_selector("#flow[data-ready]")
        await expect(page.locator("#step-1 table")).to_contain_text("The key of the app")
        assert await page.input_value("#step-1 input[name=app_key]") == "acme-app"
        for number in (1, 2):
            await page.fill(f"#step-{number} input[name=app_secret]", "a-secret-of-acme")
            assert await take(page, number) == "200"
            assert (await answer(page, number))["errcode"] == 0


async def test_the_inspector_is_live_and_sends_again(page: Page, sandbox: Sandbox) -> None:
    await page.goto(f"{origin(sandbox)}/sandbox/inspector?search=live-{sandbox.port}")
    await expect(page.locator("[data-live-state]")).to_have_text("New exchanges appear by themselves.")
    form: dict[str, str | float | bool] = {"grant_type": "client_credentials", "scope": f"live-{sandbox.port}"}
    await page.request.post(f"{origin(sandbox)}/token", form=form)
    await expect(page.locator(".exchanges li")).to_have_count(1)
    await page.click("[data-live-switch]")
    await expect(page.locator("[data-live-state]")).to_have_text("Stopped. New exchanges are not shown.")
    await page.request.post(f"{origin(sandbox)}/token", form=form)
    await page.click("[data-live-switch]")
    await expect(page.locator(".exchanges li")).to_have_count(2)
    await page.locator(".exchanges a").first.click()
    number = int(page.url.rpartition("/")[2])
    await page.click("[data-replay]")
    await page.wait_for_url(re.compile(r"/sandbox/inspector/\d+$"))
    await expect(page.locator("h1")).not_to_contain_text(f"#{number}")
    await expect(page.locator("h1")).to_contain_text("POST /token")


async def test_the_har_can_be_downloaded(page: Page, sandbox: Sandbox) -> None:
    await page.goto(f"{origin(sandbox)}/sandbox/inspector")
    async with page.expect_download() as waiting:
        await page.click("a[download]")
    kept = json.loads((await (await waiting.value).path()).read_bytes())
    assert kept["log"]["version"] == "1.2"


async def test_the_page_that_opens_has_tabs_by_keyboard_and_copies(page: Page, sandbox: Sandbox) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{origin(sandbox)}/")
    await expect(page.locator("[data-for=env]")).to_be_visible()
    await page.focus("#tab-env")
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("[data-for=authlib]")).to_be_visible()
    await expect(page.locator("[data-for=env]")).to_be_hidden()
    await page.get_by_role("button", name="Copy: Issuer").click()
    assert await page.evaluate("navigator.clipboard.readText()") == origin(sandbox)
    await page.request.post(f"{origin(sandbox)}/token", form={"grant_type": "magic"})
    await expect(page.locator(".exchanges .why").first).to_have_text("unsupported_grant_type")


async def test_a_client_is_answered_as_seen_by_one_click_and_as_documented_by_another(page: Page, sandbox: Sandbox) -> None:
    issuer = (await (await page.request.post(f"{origin(sandbox)}/sandbox/api/namespaces", data={})).json())["issuer"]
    await page.add_init_script(AXE)
    for name, told, members in (
        ("Answer as seen", "as seen", {"code", "message", "data", "timestamp"}),
        ("Answer as documented", "as documented", {"token_type", "expires_in", "access_token", "scope"}),
    ):
        await page.goto(f"{issuer}/")
        await page.locator("summary", has_text="Open platform").click()
        place = page.locator("[data-answered=platform-demo]")
        await place.get_by_role("button", name=name).click()
        await expect(place.locator("b")).to_have_text(told)
        await expect(place.get_by_role("button")).to_be_focused()
        assert await violations(page) == []
        await open_flow(page, issuer, "platform-client")
        assert await take(page, 1) == "200"
        assert set(await answer(page, 1)) == members
        await page.click("#step-1 [data-exchange]")
        await expect(page.locator(".quirks dt")).to_have_text(["Answers in an envelope"] if told == "as seen" else [])


async def test_what_can_be_read_is_there_without_scripts(chromium: Browser, sandbox: Sandbox) -> None:
    async for page in watched(chromium, java_script_enabled=False):
        await page.goto(f"{origin(sandbox)}/")
        await expect(page.locator("[data-for=env]")).to_contain_text("OIDC_ISSUER=")
        await page.check("#tab-curl")
        await expect(page.locator("[data-for=curl]")).to_be_visible()
        await page.goto(f"{origin(sandbox)}/sandbox/inspector")
        await expect(page.locator("[data-live-state]")).to_contain_text("Without scripts")
        await page.goto(f"{origin(sandbox)}/sandbox/playground/hex-store")
        assert "need scripts" in await page.inner_text("noscript")
        assert await page.input_value("#step-1 input[name=client_secret]") == "hex-demo-secret"
        await expect(page.locator("#step-1 table").first).to_contain_text("store_id")
        await expect(page.locator("button:visible")).to_have_count(0)


async def test_an_answer_that_nobody_waits_for_is_shown(page: Page, sandbox: Sandbox) -> None:
    await page.goto(f"{origin(sandbox)}/sandbox/callback?code=abc#id_token=def")
    await expect(page.locator("dl")).to_contain_text("abc")
    await expect(page.locator("dl")).to_contain_text("def")


# Every two of width, language and scheme meet once: what is too wide hangs on words and width, what is too pale on the scheme alone.
@pytest.mark.parametrize(
    ("language", "scheme", "width"), [("en", "light", 390), ("zh", "dark", 390), ("en", "dark", 1280), ("zh", "light", 1280)]
)
async def test_no_page_has_a_violation_or_overflows(chromium: Browser, sandbox: Sandbox, language: str, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "locale": language, "viewport": {"width": width, "height": 900}, "reduced_motion": "reduce"}
    async for page in watched(chromium, **options):
        await page.add_init_script(AXE)
        await page.request.post(f"{origin(sandbox)}/token", form={"grant_type": "magic"})
        await page.request.post(
            f"{origin(sandbox)}/token", form={"grant_type": "refresh_token", "client_id": "demo-web", "refresh_token": "x"}
        )
        await page.goto(f"{origin(sandbox)}/sandbox/inspector")
        refused = await page.locator(".exchanges a").first.get_attribute("href") or ""
        found: dict[str, list[str]] = {}
        for path in ("/", "/sandbox/inspector", refused, "/sandbox/playground", "/sandbox/callback?code=a", "/sandbox/inspector/9999"):
            await page.goto(f"{origin(sandbox)}{path}")
            await look(page, path, found)
        for name in ("standard-code", "youzan-shop"):
            await open_flow(page, origin(sandbox), name)
            if name == "youzan-shop":
                await page.fill("#step-1 input[name=kdt_id]", "1")
                await take(page, 1)
                await expect(page.locator("#step-1 .verdict")).to_be_visible()
            await look(page, name, found)
        assert found == {}


async def look(page: Page, name: str, found: dict[str, list[str]]) -> None:
    for summary in await page.locator("summary").all():
        if await summary.evaluate("summary => !summary.parentElement.open"):
            await summary.click()
    await page.wait_for_timeout(100)
    problems = await violations(page)
    if (beyond := await page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
        problems.append(f"{beyond} pixels too wide")
    if problems:
        found[name] = problems


def test_who_follows_what_happens_does_not_hold_up_the_end() -> None:
    with Server(None, command="sandbox") as server, httpx.Client(base_url=server.url, verify=NO_TLS) as client:
        with client.stream("GET", "/sandbox/api/exchanges/live") as live:
            heard = live.iter_text()
            assert next(heard).startswith(": listening")
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < _PATIENCE
            assert "".join(heard) == ""
        assert "exceeded" not in server.errors + server.output
