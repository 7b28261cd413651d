"""The conformance plans of logout: RP-initiated, back-channel and front-channel, a test for each of their modules and of its name.

Where a module asks a person for a picture of what they see, the page is read instead.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt

from tests.conformance.party import DATABASES, LEEWAY, OpenParty, Party
from tests.fixtures.listening import Listening, listen
from tests.fixtures.world import ISSUER, World

pytestmark = DATABASES

BACK: Final = "https://suite.example/post_logout_redirect"
EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
CLIENT: Final = """
[[clients]]
client_id = "{name}"
client_secret = "the-secret-of-{name}"
token_endpoint_auth_method = "client_secret_basic"
profile = "oidc"
redirect_uris = ["http://127.0.0.1:9401/cb"{more}]
post_logout_redirect_uris = ["https://suite.example/post_logout_redirect"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile offline_access"
{said}
"""


@pytest.fixture
async def hearing() -> AsyncIterator[Listening]:
    """The suite's own server."""
    async with listen() as listening:
        yield listening


@pytest.fixture
async def party(world: World, parties: OpenParty) -> Party:
    await world.declare_once(CLIENT.format(name="suite-logout", more="", said=""))
    return await parties("suite-logout")


async def leave(party: Party, method: str = "GET", **parameters: str) -> str:
    """Send the browser to log out, and return where it goes to then: an address of the client, or the title of our page."""
    await party.browser.go("/logout", **parameters)
    answer = party.browser.answer
    return answer.headers["location"] if answer.is_redirect else party.browser.title


async def is_logged_in(party: Party) -> bool:
    """Ask without a page, as every module does at its end."""
    members = await party.told(prompt="none")
    assert members.keys() & {"code", "error"}
    if "error" in members:
        assert members["error"] == "login_required"
    return "code" in members


async def id_token(party: Party) -> str:
    tokens, _, _ = await party.flow()
    token: str = tokens["id_token"]
    return token


# -- RP-initiated ------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC RP-Initiated Logout", "2.1")
async def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(world: World) -> None:
    members = (await world.send("GET", "/.well-known/openid-configuration")).json()
    assert urlsplit(members["end_session_endpoint"])[:2] == ("https", urlsplit(ISSUER).netloc)


@pytest.mark.rfc("OIDC RP-Initiated Logout", "2")
@pytest.mark.rfc("OIDC RP-Initiated Logout", "3")
async def test_oidcc_rp_initiated_logout(party: Party) -> None:
    hint = await id_token(party)
    assert await leave(party, id_token_hint=hint, post_logout_redirect_uri=BACK, state="s &?") == f"{BACK}?state=s%20%26%3F"
    assert not await is_logged_in(party)


async def test_oidcc_rp_initiated_logout_no_state(party: Party) -> None:
    hint = await id_token(party)
    assert await leave(party, id_token_hint=hint, post_logout_redirect_uri=BACK) == BACK
    assert not await is_logged_in(party)


@pytest.mark.security("RU-06")
@pytest.mark.parametrize(
    "uri", [f"{BACK}/more", "https://evil.example/", "https://suite.example/Post_logout_redirect", "http://suite.example"]
)
async def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(party: Party, uri: str) -> None:
    hint = await id_token(party)
    title = await leave(party, id_token_hint=hint, post_logout_redirect_uri=uri, state="s")
    assert (party.browser.answer.status_code, title) == (400, "We do not know the address that this app gave")
    assert await is_logged_in(party)


@pytest.mark.security("RU-06")
async def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(party: Party) -> None:
    hint = await id_token(party)
    title = await leave(party, id_token_hint=hint, post_logout_redirect_uri=f"{BACK}?foo=bar", state="s")
    assert (party.browser.answer.status_code, title) == (400, "We do not know the address that this app gave")


@pytest.mark.security("RU-06")
async def test_oidcc_rp_initiated_logout_modified_id_token_hint(party: Party) -> None:
    """The hint is what we signed, said to be signed by nobody."""
    _, payload, _ = (await id_token(party)).split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    for hint in (f"{header}.{payload}.", f"{header}.{payload}"):
        title = await leave(party, id_token_hint=hint, post_logout_redirect_uri=BACK, state="s")
        assert (party.browser.answer.status_code, title) == (400, "The app's request cannot be answered")
    assert await is_logged_in(party)


@pytest.mark.security("RU-06")
async def test_oidcc_rp_initiated_logout_bad_id_token_hint(party: Party) -> None:
    """The hint's signature is wrong."""
    head, payload, signature = (await id_token(party)).split(".")
    other = signature[:-6] + ("AAAAAA" if not signature.endswith("AAAAAA") else "BBBBBB")
    title = await leave(party, id_token_hint=f"{head}.{payload}.{other}", post_logout_redirect_uri=BACK, state="s")
    assert (party.browser.answer.status_code, title) == (400, "The app's request cannot be answered")
    assert await is_logged_in(party)


@pytest.mark.security("RU-06")
async def test_oidcc_rp_initiated_logout_no_id_token_hint(party: Party) -> None:
    """Nobody has shown who they are: nobody is gone back to, unless the person has been asked."""
    await id_token(party)
    title = await leave(party, post_logout_redirect_uri=BACK, state="s")
    assert (party.browser.answer.status_code, title) == (400, "The app's request cannot be answered")
    assert await leave(party, post_logout_redirect_uri=BACK, state="s", client_id="suite-logout") == "Sign out?"
    await party.browser.send({"where": "here"})
    assert party.browser.answer.headers["location"] == f"{BACK}?state=s"
    assert not await is_logged_in(party)


async def test_oidcc_rp_initiated_logout_no_params(party: Party) -> None:
    await id_token(party)
    assert await leave(party) == "Sign out?"
    await party.browser.send({"where": "here"})
    assert party.browser.title == "Signed out"
    assert not await is_logged_in(party)


async def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(party: Party) -> None:
    hint = await id_token(party)
    assert await leave(party, id_token_hint=hint, state="s") == "Signed out"
    assert not await is_logged_in(party)


async def test_oidcc_rp_initiated_logout_only_state(party: Party) -> None:
    await id_token(party)
    assert await leave(party, state="s") == "Sign out?"
    await party.browser.send({"where": "here"})
    assert party.browser.title == "Signed out"
    assert not await is_logged_in(party)


# -- back-channel ------------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Back-Channel Logout", "2.1")
async def test_oidcc_backchannel_logout_discovery_endpoint_verification(world: World) -> None:
    members = (await world.send("GET", "/.well-known/openid-configuration")).json()
    assert members["backchannel_logout_supported"] is True
    assert members["backchannel_logout_session_supported"] is True


@pytest.mark.security("LG-18")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.4")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.5")
@pytest.mark.rfc("OIDC Back-Channel Logout", "2.6")
async def test_oidcc_backchannel_rp_initiated_logout(world: World, parties: OpenParty, hearing: Listening) -> None:
    uri = f"{hearing.origin}/backchannel_logout?x=1"
    said = f'backchannel_logout_uri = "{uri}"\nbackchannel_logout_session_required = true'
    await world.declare_once(CLIENT.format(name="suite-back", more="", said=said))
    party = await parties("suite-back")
    tokens, claims, _ = await party.flow()
    assert await leave(party, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BACK, state="s") == f"{BACK}?state=s"
    (told,) = await hearing.hears()
    assert told.target == "/backchannel_logout?x=1"
    checked = await logout_claims(party, told.logout_token)
    assert (checked["sub"], checked["sid"]) == (claims["sub"], claims["sid"])
    assert not await is_logged_in(party)


async def logout_claims(party: Party, logout_token: str) -> Mapping[str, Any]:
    """Return the claims of a logout token, after all checks of §2.6."""
    token = jwt.decode(logout_token, await party.published(), algorithms=["RS256"])
    assert token.header["typ"] == "logout+jwt"
    claims = token.claims
    assert claims["iss"] == ISSUER
    assert claims["aud"] in (party.client_id, [party.client_id])
    assert party.now - LEEWAY <= claims["iat"] <= party.now + LEEWAY
    assert party.now < claims["exp"] <= party.now + 120 + LEEWAY
    assert claims["events"] == {EVENT: {}}
    assert claims["jti"]
    assert "nonce" not in claims
    return claims


# -- front-channel -----------------------------------------------------------------------------------------------------------------


@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
async def test_oidcc_frontchannel_logout_discovery_endpoint_verification(world: World) -> None:
    members = (await world.send("GET", "/.well-known/openid-configuration")).json()
    assert members["frontchannel_logout_supported"] is True
    assert members["frontchannel_logout_session_supported"] is True


@pytest.mark.rfc("OIDC Front-Channel Logout", "2")
@pytest.mark.rfc("OIDC Front-Channel Logout", "3")
async def test_oidcc_frontchannel_rp_initiated_logout(world: World, parties: OpenParty) -> None:
    """The page loads the client's, with issuer and session, and the browser goes back then."""
    said = 'frontchannel_logout_uri = "https://suite.example/frontchannel_logout?x=1"\nfrontchannel_logout_session_required = true'
    await world.declare_once(CLIENT.format(name="suite-front", more=', "https://suite.example/cb"', said=said))
    party = await parties("suite-front")
    tokens, claims, _ = await party.flow()
    title = await leave(party, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BACK, state="s")
    frame = urlsplit(party.browser.page.one("iframe").attributes["src"])
    assert (title, frame.path, f"{frame.scheme}://{frame.netloc}") == ("Signed out", "/frontchannel_logout", "https://suite.example")
    assert dict(parse_qsl(frame.query)) == {"x": "1", "iss": ISSUER, "sid": claims["sid"]}
    headers = party.browser.answer.headers
    assert "frame-src https://suite.example" in headers["content-security-policy"].split("; ")
    assert headers["refresh"] == f"5; url={BACK}?state=s"
    assert not await is_logged_in(party)
