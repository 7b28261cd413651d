"""Logins and consents that no person answers: one request, and the app has its code."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.browser.visitor import Cookie, CookieJar
from tests.sandbox.spaces import Space

BACK = "http://127.0.0.1:9401/cb"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
STANDARD = {
    "response_type": "code", "client_id": "demo-web", "redirect_uri": BACK, "scope": "openid", "state": "s-1",
    "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
DOORS = {
    "standard": ("/authorize", STANDARD),
    "open_platform": (
        "/open/authorize/index",
        {"response_type": "code", "client_id": "platform-demo", "redirect_uri": BACK, "state": "s-1"},
    ),
    "youzan": ("/oauth/authorize", {"response_type": "code", "client_id": "testclient", "redirect_uri": BACK, "state": "s-1"}),
    "fantem": ("/oauth/authorize", {"response_type": "code", "client_id": "fantem-demo", "redirect_uri": BACK, "state": "s-1"}),
}


@pytest.fixture
async def space(sandbox: Space) -> Space:
    sandbox.client.cookies.clear()
    return await sandbox.make()


async def ask(space: Space, dialect: str = "standard", **more: str) -> httpx.Response:
    path, query = DOORS[dialect]
    return await space.client.get(f"{space.issuer}{path}", params={**query, **more})


def sent_back(answer: httpx.Response) -> dict[str, str]:
    """Return what the browser brings back to the client."""
    assert answer.status_code in {302, 303}, answer.text
    parts = urlsplit(answer.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == BACK, answer.headers["location"]
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


@pytest.mark.parametrize("dialect", list(DOORS))
async def test_one_request_brings_a_code_at_every_door(space: Space, dialect: str) -> None:
    await space.api("POST", "/responses", {"user": "demo", "shop": "88888"} if dialect == "youzan" else {"user": "demo"})
    answer = sent_back(await ask(space, dialect))
    assert answer["state"] == "s-1"
    assert len(answer["code"]) >= 22
    assert await space.api("GET", "/responses") == []


async def test_the_code_works_and_is_the_persons(space: Space) -> None:
    await space.api("POST", "/responses", {"user": "demo@example.com"})
    code = sent_back(await ask(space))["code"]
    fields = {"grant_type": "authorization_code", "client_id": "demo-web", "code": code, "redirect_uri": BACK}
    verifier = {"code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"}
    answer = await space.client.post(f"{space.issuer}/token", data={**fields, **verifier})
    assert answer.status_code == 200, answer.text
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert (await space.client.get(f"{space.issuer}/userinfo", headers=headers)).json()["sub"]


async def test_a_person_can_deny(space: Space) -> None:
    await space.api("POST", "/responses", {"user": "demo", "decision": "deny"})
    assert sent_back(await ask(space))["error"] == "access_denied"


async def test_without_a_response_a_person_is_asked(space: Space) -> None:
    answer = await ask(space)
    assert urlsplit(answer.headers["location"]).path == f"{urlsplit(space.issuer).path}/login"


async def test_the_session_stays_in_the_browser(space: Space) -> None:
    await space.api("POST", "/responses", {"user": "demo"})
    sent_back(await ask(space))
    # A public client is let in anew each time (RFC 8252 §8.6): what matters is that nobody has to log in.
    assert sent_back(await ask(space, prompt="none"))["error"] == "consent_required"
    account = await space.client.get(f"{space.issuer}/account")
    assert account.status_code == 200


async def test_a_login_alone_leaves_the_consent_to_the_person(space: Space) -> None:
    await space.api("POST", "/responses", {"user": "demo", "decision": None})
    answer = await ask(space)
    page = await space.client.get(f"http://localhost:6749{answer.headers['location']}")
    assert page.status_code == 200
    assert "Allow" in page.text


async def test_the_request_names_who_logs_in(space: Space) -> None:
    await space.api("POST", "/users", {"username": "eve", "password": "eves-password-1"}, 201)
    await space.api("POST", "/responses", {"user": "@login_hint", "times": None})
    assert sent_back(await ask(space, login_hint="eve"))["code"]
    space.client.cookies.clear()
    nobody = await ask(space, login_hint="nobody")
    assert (nobody.status_code, "no user nobody" in nobody.text) == (400, True)
    assert len(await space.api("GET", "/responses")) == 1
    await space.api("DELETE", "/responses", status=204)
    assert await space.api("GET", "/responses") == []


async def test_nobody_unknown_can_be_queued(space: Space) -> None:
    await space.api("POST", "/responses", {"user": "nobody"}, 404)
    await space.api("POST", "/responses", {"user": "demo", "decision": "perhaps"}, 422)


async def test_the_sessions_of_two_namespaces_live_in_one_browser(sandbox: Space, space: Space) -> None:
    other = await sandbox.make()
    for each in (space, other, sandbox):
        await each.api("POST", "/responses", {"user": "demo"})
        sent_back(await ask(each))
    for each in (space, other, sandbox):
        assert (await each.client.get(f"{each.issuer}/account")).status_code == 200
        assert sent_back(await ask(each, prompt="none"))["error"] == "consent_required"


def test_cookies_of_a_service_under_a_path_bear_it_in_their_names() -> None:
    assert CookieJar(secure=True).header(Cookie("tokenry_session", "x")).startswith("__Host-tokenry_session=x; Path=/;")
    jar = CookieJar(secure=False, base="/n/a.b-c")
    assert jar.header(Cookie("tokenry_session", "x")).startswith("n_a_b-c.tokenry_session=x; Path=/;")
    assert jar.read(["n_a_b-c.tokenry_session=mine; tokenry_session=another"]) == {"tokenry_session": "mine"}
