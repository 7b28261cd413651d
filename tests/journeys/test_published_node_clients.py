"""JavaScript clients as they are published go through the whole code flow at every partner's door, and at the standard ones."""

from dataclasses import asdict
from typing import Any

import pytest

from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.doors import DOORS, Door
from tests.journeys.nodes import led
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

pytestmark = [
    ONE_ENGINE,
    pytest.mark.parametrize("door", DOORS, ids=str),
    pytest.mark.parametrize("program", ["openid.mjs", "simple.mjs"], ids=["openid-client", "simple-oauth2"]),
]


async def answered(node: str, program: str, site: Site, door: Door, decision: str) -> dict[str, Any]:
    """Return what a client says in the end, after a person of the door's shop has answered."""

    async def answer(address: str) -> str:
        person = await site.add_person(shops=[door.shop] if door.shop else [])
        async with PlainBrowser(site.origin) as browser:
            return await browser.answer(address, person, decision=decision, shop=door.shop)

    told = asdict(door) | {"origin": site.origin, "redirect_uri": CALLBACK, "client_secret": SECRETS[door.client_id]}
    return await led(node, program, told, answer)


async def test_a_client_gets_its_tokens(node: str, program: str, site: Site, door: Door) -> None:
    said = await answered(node, program, site, door, "approve")
    assert said.keys() == {"first", "second"}, said
    assert said["first"]["access_token"] != said["second"]["access_token"]
    told = await site.introspect(said["second"]["access_token"], door.client_id)
    assert (told["active"], told["dialect"], told.get("shop")) == (True, door.dialect, door.shop)


async def test_a_client_hears_of_a_refusal(node: str, program: str, site: Site, door: Door) -> None:
    assert (await answered(node, program, site, door, "refuse"))["error"] == "access_denied"
