"""Moments before everything in a namespace was made: whoever travels there gets tokens, and they are good."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.sandbox.spaces import Space

BACK: Final = "http://127.0.0.1:9401/cb"
DEMO: Final = ("demo-app", "demo-app-secret")
MINE: Final = ("mine", "mine-secret-of-thirty-two-letters")
CLIENT: Final = {
    "client_id": MINE[0],
    "client_secret": MINE[1],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "redirect_uris": [BACK],
    "scope": "openid",
}
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
LONG_AGO: Final = "2020-02-29T00:00:00Z"


async def code_of(space: Space, client_id: str) -> str:
    """Return a code that the demo user has allowed."""
    asked = {"client_id": client_id, "user": "demo", "redirect_uri": BACK, "scope": "openid", "code_challenge": CHALLENGE}
    return str((await space.api("POST", "/codes", asked, 201))["code"])


async def exchanged(space: Space, auth: tuple[str, str]) -> Mapping[str, Any]:
    """Return the tokens of a whole flow: code, exchange, refresh; each of them is good."""
    code = await code_of(space, auth[0])
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    first = await space.token(auth, **fields)
    assert first.status_code == 200, first.text
    second = await space.token(auth, grant_type="refresh_token", refresh_token=first.json()["refresh_token"])
    assert second.status_code == 200, second.text
    for kind in ("access_token", "refresh_token"):
        assert await is_active(space, auth, second.json()[kind]), kind
    tokens: Mapping[str, Any] = second.json()
    return tokens


async def is_active(space: Space, auth: tuple[str, str], token: str) -> bool:
    """Whether a client is told that a token of its own is alive."""
    answer = await space.client.post(f"{space.issuer}/introspect", data={"token": token}, auth=auth)
    return bool(answer.json()["active"])


@pytest.fixture
async def later(sandbox: Space) -> Space:
    """A namespace that was made when the sandbox's own clock was ahead."""
    await sandbox.api("POST", "/clock/advance", {"seconds": 3600})
    return await sandbox.make()


async def test_the_sandboxs_own_clock_does_not_tell_in_namespaces(later: Space, sandbox: Space) -> None:
    try:
        await exchanged(later, DEMO)
    finally:
        await sandbox.api("DELETE", "/clock")


async def test_a_namespace_begins_in_the_past(sandbox: Space) -> None:
    space = await sandbox.make(now=LONG_AGO, declared={"clients": [CLIENT]})
    assert (await space.api("GET", "/clock"))["now"].startswith("2020-02-29")
    for auth in (DEMO, MINE):
        await exchanged(space, auth)


async def test_a_clock_goes_backwards(sandbox: Space) -> None:
    space = await sandbox.make(declared={"clients": [CLIENT]})
    await space.api("POST", "/clock/advance", {"seconds": -7200})
    for auth in (DEMO, MINE):
        await exchanged(space, auth)


@pytest.mark.parametrize("own", [False, True])
async def test_a_script_travels_to_before_its_client_was_made(sandbox: Space, *, own: bool) -> None:
    space = sandbox if own else await sandbox.make()
    await space.api("POST", "/clients", CLIENT, 201)
    await space.api("PUT", "/clock", {"now": LONG_AGO})
    try:
        for auth in (DEMO, MINE):
            await exchanged(space, auth)
    finally:
        await space.api("DELETE", "/clock")


async def test_what_was_granted_in_the_past_stands_in_the_present(sandbox: Space) -> None:
    space = await sandbox.make()
    await space.api("POST", "/clients", CLIENT, 201)
    await space.api("POST", "/clock/advance", {"seconds": -600})
    tokens = await exchanged(space, MINE)
    await space.api("DELETE", "/clock")
    assert await is_active(space, MINE, tokens["access_token"])
    answer = await space.token(MINE, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("moved", [0, 7200, -7200])
async def test_a_client_made_anew_inherits_nothing(sandbox: Space, moved: int) -> None:
    space = await sandbox.make(declared={"clients": [CLIENT]})
    tokens, code = await exchanged(space, MINE), await code_of(space, MINE[0])
    await space.api("DELETE", "/clients/mine", status=204)
    await space.api("POST", "/clock/advance", {"seconds": moved})
    await space.api("POST", "/clients", CLIENT, 201)
    await space.api("DELETE", "/clock")
    assert not await is_active(space, MINE, tokens["access_token"])
    for fields in (
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
        {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER},
    ):
        answer = await space.token(MINE, **fields)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    await exchanged(space, MINE)
