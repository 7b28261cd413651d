"""Pages in a real browser: they fit, hold their own policy, work by keyboard and without scripts, and let a client's redirect through."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.async_api import Page, Route

from app.browser.headers import page_headers
from app.browser.languages import LANGUAGES
from app.browser.pages import Pages
from app.browser.samples import frame, samples
from app.browser.views import FormPostPage, LoginPage, PasskeysPage
from tests.browser.conftest import OpenStage
from tests.browser.extremes import all_views, hostile

FOCUSED = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return [at.id || at.name || at.textContent.trim(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""
GET = {"challenge": "c2FtcGxl", "rpId": "localhost", "userVerification": "required"}
CREATE = {
    "challenge": "c2FtcGxl",
    "rp": {"id": "localhost", "name": "Tokenry"},
    "user": {"id": "YWxpY2U", "name": "alice", "displayName": "alice"},
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -257}],
    "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
}


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_page_is_wider_than_its_window(open_stage: OpenStage, language: str, width: int) -> None:
    stage, page = await open_stage(viewport={"width": width, "height": 800})
    for name, view in all_views(language).items():
        await stage.show(page, view, frame(language))
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
    assert stage.complaints == []


@pytest.mark.security("AZ-12", "SU-04")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_hostile_texts_run_nothing_and_load_nothing(open_stage: OpenStage, language: str) -> None:
    stage, page = await open_stage()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for view in all_views(language).values():
        await stage.show(page, hostile(view), frame(language))
    assert dialogs == []
    assert stage.complaints == []
    assert stage.strangers == []


async def tabbed(page: Page, times: int) -> list[list[object]]:
    """Return what has the focus, and whether that can be seen, at first and after each press of the key."""
    reached = [await page.evaluate(FOCUSED)]
    for _ in range(times):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate(FOCUSED))
    return reached


async def test_the_keyboard_goes_through_a_page_in_its_order_and_is_seen(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await stage.show(page, samples("en")["login"], frame("en"))
    fields = [
        ["username", True],
        ["password", True],
        ["action", True],
        ["Cancel and go back to Blue Harbour Analytics", True],
        ["中文", True],
    ]
    assert await tabbed(page, 4) == fields
    await stage.show(page, samples("en")["consent"], frame("en"))
    await page.keyboard.press("Tab")
    assert await tabbed(page, 3) == [["Not you?", True], ["decision", True], ["decision", True], ["中文", True]]


async def test_a_problem_has_the_focus_and_the_fields_name_it(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await stage.show(page, samples("en")["login-wrong"], frame("en"))
    assert await page.evaluate("document.activeElement.id") == "problem"
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert await page.locator("#password").get_attribute("aria-describedby") == "problem"
    assert await page.locator("#password").get_attribute("aria-invalid") == "true"
    assert (await page.title()).startswith("Problem: ")


async def test_the_first_stop_of_the_account_page_skips_to_its_content(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await stage.show(page, samples("en")["account"], frame("en"))
    await page.keyboard.press("Tab")
    assert await page.evaluate(FOCUSED) == ["Skip to the content", True]
    box = await page.locator(".skip").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    await page.keyboard.press("Enter")
    assert page.url.endswith("#main")


async def sent(page: Page, press: str) -> dict[str, list[str]]:
    """Press a button and return the form that it sends."""
    async with page.expect_request(lambda request: request.method == "POST") as posted:
        await page.locator(press).first.click()
    request = await posted.value
    return parse_qs(request.post_data or "", strict_parsing=True)


@pytest.mark.parametrize("scripts", [True, False])
async def test_forms_send_what_their_views_say(open_stage: OpenStage, scripts: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    stage, page = await open_stage(java_script_enabled=scripts)
    csrf = {"csrf": [frame("en").csrf]}
    await stage.show(page, LoginPage(app="An app"), frame("en"))
    await page.fill("#username", "alice")
    await page.fill("#password", "wonderland & co")
    assert await sent(page, "button") == {**csrf, "username": ["alice"], "password": ["wonderland & co"], "action": ["sign_in"]}
    await stage.show(page, samples("en")["consent-shops"], frame("en"))
    await page.check("input[value='88889']")
    assert await sent(page, "button[value=approve]") == {**csrf, "shop": ["88889"], "decision": ["approve"]}
    await stage.show(page, samples("en")["consent-shops"], frame("en"))
    assert await sent(page, "button[value=refuse]") == {**csrf, "decision": ["refuse"]}
    await stage.show(page, samples("en")["account"], frame("en"))
    assert await sent(page, "button[name=revoke]") == {**csrf, "revoke": ["g1"]}
    await stage.show(page, samples("en")["account"], frame("en"))
    await page.click("summary")
    assert await sent(page, "button[name=revoke_all]") == {**csrf, "revoke_all": ["yes"]}
    await stage.show(page, samples("en")["account"], frame("en"))
    assert await sent(page, "button[name=end_session]") == {**csrf, "end_session": ["s2"]}
    await stage.show(page, samples("en")["second_factor_settings"], frame("en"))
    assert await sent(page, "button[name=second_factor]") == {**csrf, "second_factor": ["off"]}
    await stage.show(page, samples("en")["second_factor_settings"], frame("en"))
    assert await sent(page, "button[name=recovery_codes]") == {**csrf, "recovery_codes": ["new"]}
    await stage.show(page, samples("en")["totp"], frame("en"))
    await page.fill("#code", "123456")
    assert await sent(page, "button[value=turn_on]") == {**csrf, "setup": ["c2FtcGxlLXNldHVw"], "code": ["123456"], "action": ["turn_on"]}
    await stage.show(page, samples("en")["sign_out"], frame("en"))
    assert await sent(page, "button[value=everywhere]") == {**csrf, "where": ["everywhere"]}


async def test_enter_on_a_consent_page_never_approves(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await stage.show(page, samples("en")["consent-shops"], frame("en"))
    await page.focus("input[value='88888']")
    async with page.expect_request(lambda request: request.method == "POST") as posted:
        await page.keyboard.press("Enter")
    assert "decision=refuse" in str((await posted.value).post_data)


async def with_authenticator(page: Page, *, verifies: bool = True) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": verifies,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


async def test_a_passkey_is_made_and_used_with_the_options_that_the_page_carries(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await with_authenticator(page)
    await stage.show(page, PasskeysPage(person="alice", options=json.dumps(CREATE)), frame("en"))
    assert await page.locator("[data-without-passkey]").count() == 0
    await page.fill("#name", "My laptop")
    made = await sent(page, "[data-passkey] button")
    credential = json.loads(made.pop("credential")[0])
    assert made == {"csrf": [frame("en").csrf], "name": ["My laptop"]}
    assert credential["type"] == "public-key"
    assert set(credential["response"]) >= {"attestationObject", "clientDataJSON"}
    await stage.show(page, LoginPage(passkey=json.dumps(GET)), frame("en"))
    used = await sent(page, "[data-passkey] button")
    assert set(used) == {"csrf", "credential"}
    assert json.loads(used["credential"][0])["id"] == credential["id"]
    assert stage.complaints == []


async def test_a_passkey_that_fails_leaves_the_page_usable(open_stage: OpenStage) -> None:
    stage, page = await open_stage()
    await with_authenticator(page, verifies=False)
    await stage.show(page, LoginPage(passkey=json.dumps(GET)), frame("en"))
    assert await page.locator(".failed").is_hidden()
    await page.click("[data-passkey] button")
    await page.locator(".failed").wait_for(state="visible")
    assert await page.locator("[data-passkey] button").is_enabled()


async def test_a_page_offers_no_passkey_where_scripts_are_off(open_stage: OpenStage) -> None:
    stage, page = await open_stage(java_script_enabled=False)
    await stage.show(page, samples("en")["login-passkey"], frame("en"))
    assert await page.locator("[data-passkey]").is_hidden()
    await stage.show(page, samples("en")["passkeys"], frame("en"))
    assert await page.locator("[data-passkey]").is_hidden()
    assert await page.locator("[data-without-passkey]").is_visible()


async def test_recovery_codes_are_printed_without_what_is_only_for_the_screen(open_stage: OpenStage) -> None:
    stage, page = await open_stage(color_scheme="dark")
    await stage.show(page, samples("en")["recovery_codes"], frame("en"))
    await page.emulate_media(media="print")
    assert await page.locator(".codes li").last.is_visible()
    assert await page.get_by_text("19 November 2026").is_visible()
    assert await page.locator("a, nav").filter(visible=True).count() == 0
    assert await page.evaluate("getComputedStyle(document.documentElement).color") == "rgb(0, 0, 0)"


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """Run a web server of somebody else's and return its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: str = "", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body.encode())


async def test_a_redirect_reaches_the_client_and_where_the_client_sends_it_on(open_stage: OpenStage, pages: Pages) -> None:
    """Browsers hold redirects after a form to its policy: also those that the client's callback answers with, to another origin."""
    with ExitStack() as servers:
        app = servers.enter_context(answering(lambda handler: reply(handler, 200, "You are in the app")))
        callback = servers.enter_context(answering(lambda handler: reply(handler, 302, Location=f"{app}/welcome")))

        def serve(handler: BaseHTTPRequestHandler) -> None:
            if handler.command == "POST":
                reply(handler, 303, Location=f"{callback}/cb?code=1")
            else:
                html = pages.render(samples("en")["consent"], frame("en"))
                reply(handler, 200, html, **page_headers(f"{callback}/cb"))

        ours = servers.enter_context(answering(serve))
        _, page = await open_stage()
        await page.unroute_all()
        await page.context.unroute_all()
        await page.goto(ours)
        await page.click("button[value=approve]")
        await page.wait_for_url(f"{app}/welcome")
        assert "You are in the app" in await page.content()
        await page.close()


@pytest.mark.rfc("OAuth Form Post", "2")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_an_answer_is_posted_by_itself_or_by_a_button(open_stage: OpenStage, scripts: bool) -> None:  # noqa: FBT001 (both ways)
    stage, page = await open_stage(java_script_enabled=scripts)
    stage.leads_away = True
    posted: list[tuple[str, str, str | None]] = []

    async def receive(route: Route) -> None:
        posted.append((route.request.method, route.request.url, route.request.post_data))
        await route.fulfill(status=200, content_type="text/html", body="<h1>received</h1>")

    await page.route("https://partner.example/**", receive)
    fields = [("code", "a-code"), ("state", "a+b c&d=é\"'<>"), ("iss", "https://id.example.com")]
    await stage.show(page, FormPostPage(app="An app", action="https://partner.example/cb?x=1", fields=fields), frame("en"))
    if not scripts:
        assert posted == []
        assert await page.locator("h1").inner_text() == "Back to An app"
        await page.get_by_role("button", name="Continue").click()
    await page.get_by_text("received").wait_for()
    ((method, url, body),) = posted
    assert (method, url) == ("POST", "https://partner.example/cb?x=1")
    assert {name: value for name, (value,) in parse_qs(body or "", strict_parsing=True).items()} == dict(fields)
    assert stage.complaints == []
