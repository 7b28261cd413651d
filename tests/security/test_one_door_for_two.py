"""The door that two partners share: a client's registration says which dialect is spoken, and whose shop a token may be for."""

import pytest

from tests.fixtures.world import CALLBACK, EVERY_WORLD, World, basic_header

pytestmark = EVERY_WORLD

PATH = "/oauth/token"
SHOPS = {
    "of another client": "99999",
    "of nobody": "77777",
    "with a zero before it": "088888",
    "with a sign": "+88888",
    "negative": "-88888",
    "with a space before it": " 88888",
    "with a space after it": "88888 ",
    "in full width": "\uff18" * 5,
    "in another script": "\u0668" * 5,
    "a fraction": "88888.0",
    "with an exponent": "8.8888e4",
    "hexadecimal": "0x15B38",
    "too large": "9" * 30,
    "a word": "x",
    "a list": "88888,99999",
    "SQL": "88888 OR 1=1",
}


@pytest.mark.security("VN-06")
@pytest.mark.parametrize("kind", SHOPS)
async def test_a_platform_token_is_for_a_shop_that_the_client_was_given(world: World, kind: str) -> None:
    for grant_type in ("authorize_platform", "silent"):
        sent = {"grant_type": grant_type, "kdt_id": SHOPS[kind], **world.credentials("testclient")}
        answer = await world.post(PATH, sent)
        assert answer.status_code in {400, 401, 403}, answer.text
        assert "access_token" not in answer.text


@pytest.mark.security("VN-06")
@pytest.mark.security("TK-04")
async def test_a_platform_token_is_never_asked_for_by_the_url(world: World) -> None:
    sent = {"grant_type": "authorize_platform", "kdt_id": "88888", **world.credentials("testclient")}
    basic = {"Authorization": basic_header("testclient", "testsecret")}
    for query in (sent, {"kdt_id": "88888"}, world.credentials("testclient")):
        body = {name: value for name, value in sent.items() if name not in query}
        for method in ("POST", "GET"):
            answer = await world.send(method, PATH, params=query, data=body if method == "POST" else None)
            assert answer.status_code in {400, 401, 405}, answer.text
            assert "access_token" not in answer.text
    by_header = {name: value for name, value in sent.items() if not name.startswith("client_")}
    assert "access_token" in (await world.send("POST", PATH, data=by_header, headers=basic)).json()
    assert "access_token" in (await world.post(PATH, sent)).json()


@pytest.mark.security("VN-08")
@pytest.mark.parametrize("encoding", ["form", "multipart"])
async def test_the_registration_says_which_dialect_is_spoken_and_never_the_encoding(world: World, encoding: str) -> None:
    async def ask(fields: dict[str, str]) -> dict[str, object]:
        body = {"files": {name: (None, value) for name, value in fields.items()}} if encoding == "multipart" else {"data": fields}
        answer = await world.send("POST", PATH, **body)
        members: dict[str, object] = answer.json()
        return members

    youzan = {"grant_type": "silent", "kdt_id": "88888", **world.credentials("testclient")}
    assert {"access_token", "expires_in", "token_type"} <= (await ask(youzan)).keys()
    code = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    fantem = await ask({**code, **world.credentials("alexa-demo"), "code": await world.code("alexa-demo")})
    assert {"access_token", "refresh_token"} <= fantem.keys()
    for refused in (
        {**youzan, **world.credentials("alexa-demo")},
        {**code, **world.credentials("testclient"), "code": await world.code("alexa-demo")},
        {**code, **world.credentials("alexa-demo"), "code": await world.code("testclient")},
        {"grant_type": "refresh_token", **world.credentials("testclient"), "refresh_token": str(fantem["refresh_token"])},
        {**youzan, **world.credentials("hex-demo")},
        {**youzan, **world.credentials("demo-service")},
    ):
        assert "access_token" not in await ask(refused)
