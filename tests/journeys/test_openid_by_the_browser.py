"""A published client takes ID tokens and codes that come by the browser, in the fragment and in a form: openid-client."""

import pytest

from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.nodes import Arrived, led
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK
from tests.journeys.site import SECRETS, Site

pytestmark = ONE_ENGINE


@pytest.mark.rfc("OIDC Core", "3.2")
@pytest.mark.rfc("OIDC Core", "3.3")
@pytest.mark.rfc("OAuth Form Post", "2")
@pytest.mark.security("ID-02")
@pytest.mark.parametrize("response_mode", ["", "form_post"], ids=["by default", "form_post"])
@pytest.mark.parametrize("response_type", ["code", "id_token", "code id_token"])
async def test_a_client_logs_a_person_in(node: str, site: Site, response_type: str, response_mode: str) -> None:
    person = await site.add_person()

    async def answer(address: str) -> str | Arrived:
        async with PlainBrowser(site.origin) as browser:
            if response_mode:
                return await browser.answer_by_form(address, person)
            came = await browser.answer(address, person)
            assert came.startswith(f"{CALLBACK}{'?' if response_type == 'code' else '#'}")
            return came

    told = {
        "origin": site.origin,
        "client_id": "openid-front",
        "client_secret": SECRETS["openid-front"],
        "redirect_uri": CALLBACK,
        "response_type": response_type,
        "response_mode": response_mode,
    }
    said = await led(node, "openid-front.mjs", told, answer)
    assert "error" not in said, said
    assert (said["claims"]["iss"], said["claims"]["aud"]) == (site.origin, "openid-front")
    if response_type != "id_token":
        assert said["told"]["preferred_username"] == person.username
