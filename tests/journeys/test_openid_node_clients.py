"""JavaScript clients of OpenID Connect as they are published: from the issuer alone to the end of the tokens, each signature verified."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from app.admin import update_user
from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.nodes import led
from tests.journeys.person import Person, PlainBrowser
from tests.journeys.planting import CALLBACK, GOODBYE, SIGNING_KEY, operator_of
from tests.journeys.site import SECRETS, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """A client as it is registered, and what it tells its library of that."""

    client_id: str
    auth_method: str = "client_secret_basic"
    metadata: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.client_id


PARTIES: Final = (
    RelyingParty(client_id="demo-app"),
    RelyingParty(client_id="openid-web"),
    RelyingParty(client_id="demo-web", auth_method="none"),
    RelyingParty(client_id="openid-es256", metadata={"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "ES256"}),
    RelyingParty(
        client_id="openid-eddsa",
        auth_method="client_secret_post",
        metadata={"id_token_signed_response_alg": "EdDSA", "userinfo_signed_response_alg": "RS256"},
    ),
    RelyingParty(client_id="openid-signer", auth_method="private_key_jwt"),
    RelyingParty(client_id="openid-hmac", auth_method="client_secret_jwt"),
)

pytestmark = [
    ONE_ENGINE,
    pytest.mark.parametrize("program", ["openid-connect.mjs", "oauth4webapi.mjs"], ids=["openid-client", "oauth4webapi"]),
]


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[PlainBrowser]:
    async with PlainBrowser(site.origin) as opened:
        yield opened


async def answered(
    node: str, program: str, site: Site, party: RelyingParty, browser: PlainBrowser, person: Person, decision: str = "approve"
) -> dict[str, Any]:
    """Return what a client says in the end, after a person has answered."""

    async def answer(address: str) -> str:
        return await browser.answer(address, person, decision=decision)

    told = {
        "origin": site.origin,
        "client_id": party.client_id,
        "client_secret": SECRETS.get(party.client_id),
        "auth_method": party.auth_method,
        "private_key": SIGNING_KEY if party.auth_method == "private_key_jwt" else None,
        "metadata": party.metadata,
        "redirect_uri": CALLBACK,
        "post_logout_redirect_uri": GOODBYE if party.client_id.startswith("openid-") else None,
        "scope": "openid profile email offline_access",
    }
    return await led(node, program, told, answer)


@pytest.mark.parametrize("party", PARTIES, ids=str)
@pytest.mark.rfc("OIDC Core", "3.1")
@pytest.mark.rfc("OIDC Core", "9")
@pytest.mark.rfc("OIDC Discovery", "4")
@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
async def test_a_client_goes_the_whole_way(node: str, program: str, site: Site, party: RelyingParty, browser: PlainBrowser) -> None:
    person = await site.add_person()
    async with operator_of(site.database_url) as operator:
        members = {"email": f"{person.username}@example.com", "name": "Ada L", "claims": {"given_name": "Ada", "email_verified": True}}
        await update_user(operator, person.username, members)
    said = await answered(node, program, site, party, browser, person)
    assert "error" not in said, said
    claims, told, renewed = said["claims"], said["told"], said["renewed"]
    assert (claims["iss"], claims["aud"]) == (site.origin, party.client_id)
    assert (told["sub"], told["name"], told["given_name"], told["email_verified"]) == (claims["sub"], "Ada L", "Ada", True)
    assert [renewed[name] for name in ("sub", "auth_time", "acr")] == [claims[name] for name in ("sub", "auth_time", "acr")]
    assert said["active"] is True
    assert said["after"] == "invalid_token", "a revoked refresh token takes its access tokens along"
    if "logout" in said:
        assert await browser.go(said["logout"]) == f"{GOODBYE}?state={said['state']}"
        assert await browser.go(site.at("/account")) is None
        assert 'name="password"' in browser.page.text


async def test_a_client_hears_of_a_refusal(node: str, program: str, site: Site, browser: PlainBrowser) -> None:
    said = await answered(node, program, site, PARTIES[0], browser, await site.add_person(), "refuse")
    assert said["error"] == "access_denied"
