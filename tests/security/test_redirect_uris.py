"""Where an answer may go: to what is registered, byte for byte, at every door, before and after a login, and nowhere else."""

from typing import Final
from urllib.parse import quote

import pytest

from app.admin import update_client
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, World
from tests.security.people import (
    DATABASES,
    EVERY_GATE,
    EVIL,
    GATES,
    PASSWORD,
    STANDARD,
    Gate,
    Rogue,
    allowed,
    complaints,
    cookies_of,
    location_of,
)

pytestmark = DATABASES

WEB: Final = "https://web.example.com/cb"
OPEN_TO: Final = (CALLBACK, WEB)


def variants(uri: str) -> dict[str, str]:
    """Return what is like a redirect URI and is not it, by what makes the difference."""
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    name = host.partition(":")[0]
    return {
        "nothing like it": f"{EVIL}/cb",
        "suffix": f"{uri}x",
        "slash": f"{uri}/",
        "shorter": uri[:-1],
        "dot segments": f"{scheme}://{host}/x/../{path}",
        "dots behind": f"{uri}/../evil",
        "encoded dots": f"{uri}/%2e%2e/evil",
        "encoded letter": f"{scheme}://{host}/%63b",
        "double slash": f"{scheme}://{host}//{path}",
        "added query": f"{uri}?next={EVIL}",
        "bare query": f"{uri}?",
        "bare fragment": f"{uri}#",
        "fragment": f"{uri}#x",
        "matrix parameter": f"{uri};x",
        "userinfo": f"{scheme}://{host}@evil.example/{path}",
        "userinfo in front": f"{scheme}://evil@{host}/{path}",
        "subdomain": f"{scheme}://evil.{host}/{path}",
        "longer host": f"{scheme}://{name}.evil.example/{path}",
        "trailing dot": f"{scheme}://{name}./{path}",
        "backslash": f"{scheme}://{host}\\@evil.example/{path}",
        "backslashes": f"{scheme}:\\\\{host}\\{path}",
        "path in capitals": f"{scheme}://{host}/{path.upper()}",
        "scheme in capitals": f"{scheme.upper()}://{rest}",
        "other scheme": f"{'http' if scheme == 'https' else 'https'}://{rest}",
        "no scheme": f"//{rest}",
        "other port": f"{scheme}://{name}:8443/{path}",
        "no port": f"{scheme}://{name}/{path}" if ":" in host else f"{scheme}://{name}:443/{path}",
        "line break": f"{uri}\r\nSet-Cookie: a=b",
        "line break alone": f"{uri}\n",
        "tab": f"{uri}\t",
        "tab within": uri.replace("/cb", "/\tcb"),
        "NUL": f"{uri}\0",
        "space behind": f"{uri} ",
        "space in front": f" {uri}",
        "no-break space": f"{uri}\u00a0",
        "full width": uri.replace("e", "\uff45").replace("1", "\uff11"),
        "ideographic stop": uri.replace(".", "\u3002"),
        "javascript": "javascript:alert(1)",
        "javascript of it": f"javascript://{rest}%0aalert(1)",
        "data": "data:text/html,x",
        "star": "*",
        "wildcard host": f"{scheme}://*.example.com/{path}",
        "another scheme": "com.evil.app:/cb",
        "a list": f"{uri} {EVIL}/cb",
        "a list with a comma": f"{uri},{EVIL}/cb",
        "encoded": quote(uri, safe=""),
        "empty array": f"[{uri}]",
    }


@pytest.mark.security("RU-01")
@pytest.mark.security("LG-14")
@pytest.mark.rfc("9700", "4.1.3")
@EVERY_GATE
async def test_nothing_that_is_only_like_it_is_led_to(visit: Visit, person: str, gate: Gate) -> None:
    registered = OPEN_TO if gate is STANDARD else (CALLBACK,)
    stranger = Rogue(visit.world)
    await visit.log_in(person, PASSWORD)
    known = Rogue(visit.world, cookies_of(visit))
    asked: list[tuple[Rogue, dict[str, str | None]]] = [(stranger, {}), (known, {"prompt": "none"}), (known, {"response_type": "bogus"})]
    for uri in registered:
        for what, bent in variants(uri).items():
            for rogue, more in asked:
                answer = await rogue.get(gate.path, gate.query(**{**more, "redirect_uri": bent}))
                assert (answer.status, location_of(answer)) == (400, ""), what
            assert complaints(answer) == [], what
            assert b'href="https://evil' not in answer.body
            assert b"javascript:" not in answer.body
        assert "/login?request=" in location_of(await stranger.get(gate.path, gate.query(redirect_uri=uri)))


@pytest.mark.security("RU-01")
@pytest.mark.security("AZ-13")
async def test_nor_by_a_form(visit: Visit) -> None:
    rogue = Rogue(visit.world)
    for what, bent in variants(WEB).items():
        answer = await rogue.post("/authorize", STANDARD.query(redirect_uri=bent))
        assert (answer.status, location_of(answer), complaints(answer)) == (400, "", []), what


@pytest.mark.security("RU-02")
@pytest.mark.rfc("6749", "3.1.2.3")
@EVERY_GATE
async def test_it_may_be_left_out_where_there_is_one(visit: Visit, person: str, gate: Gate) -> None:
    await visit.log_in(person, PASSWORD)
    several = gate.name in {"standard", "fantem"}
    for absent in (None, ""):
        await visit.go(gate.address(redirect_uri=absent))
        assert visit.answer.status_code == (400 if several else 200)
        assert location_of(visit.answer) == ""
    if not several:
        await visit.send({"decision": "refuse"})
        assert location_of(visit.answer).startswith(CALLBACK)


@pytest.mark.security("RU-04")
@pytest.mark.rfc("8252", "7.3")
async def test_only_the_port_of_a_loopback_address_may_vary_and_only_for_a_public_client(visit: Visit, person: str) -> None:
    await visit.world.declare(
        '[[clients]]\nclient_id = "desktop"\ntoken_endpoint_auth_method = "none"\nredirect_uris = ["http://127.0.0.1/cb", "http://[::1]/cb"]'
    )
    asked: dict[str, str | None] = {"client_id": "desktop", "scope": None}
    await visit.log_in(person, PASSWORD)
    for uri in ("http://127.0.0.1/cb", "http://127.0.0.1:5555/cb", "http://[::1]:61000/cb", "http://127.0.0.1:65535/cb"):
        await visit.go(STANDARD.address(**asked, redirect_uri=uri))
        await visit.send({"decision": "refuse"})
        assert location_of(visit.answer).startswith(f"{uri}?error=access_denied")
    never = [
        f"http://{host}/cb"
        for host in ("localhost:5555", "127.0.0.2:5555", "[::2]:5", "0.0.0.0:5", "127.1:5", "2130706433:5", "[::ffff:127.0.0.1]:5")
    ]
    never += [
        f"http://127.0.0.1:{port}/cb" for port in ("65536", "0", "05555", "-1", "", "x", "5555:5", "5555@evil.example", "99999999999")
    ]
    never += [
        "http://127.0.0.1:5555/",
        "http://127.0.0.1:5555/cb/",
        "https://127.0.0.1:5555/cb",
        "http://127.0.0.1:5555/cb?x",
        "http://x@127.0.0.1:5555/cb",
    ]
    for uri in never:
        await visit.go(STANDARD.address(**asked, redirect_uri=uri))
        assert (visit.answer.status_code, location_of(visit.answer)) == (400, ""), uri
    await visit.go(STANDARD.address(redirect_uri="http://127.0.0.1:5555/cb"))
    assert visit.answer.status_code == 400, "a confidential client has one port"


@pytest.mark.security("RU-01")
async def test_what_is_taken_back_while_somebody_logs_in_is_led_to_no_more(world: World, visit: Visit, person: str) -> None:
    await world.declare(
        '[[clients]]\nclient_id = "moving"\nclient_secret = "s"\ngrant_types = ["authorization_code", "refresh_token"]\n'
        'redirect_uris = ["http://127.0.0.1:9401/cb", "https://old.example.com/cb"]'
    )
    asked: dict[str, str | None] = {"client_id": "moving", "scope": None, "redirect_uri": "https://old.example.com/cb"}
    await visit.go(STANDARD.address(**asked))
    await visit.log_in(person, PASSWORD)
    assert visit.path.startswith("/consent")
    await update_client(world.operator, "moving", {"redirect_uris": [CALLBACK]})
    await visit.send({"decision": "approve"})
    assert (visit.answer.status_code, location_of(visit.answer)) == (400, "")


@pytest.mark.security("RU-01")
@pytest.mark.rfc("6749", "3.1.2")
async def test_a_query_that_is_registered_is_kept(world: World, visit: Visit, person: str) -> None:
    await world.declare(
        '[[clients]]\nclient_id = "with-query"\nclient_secret = "s"\ndialect = "fantem"\nredirect_uris = ["http://127.0.0.1:9401/cb?skill=7&x=%2F"]'
    )
    uri = f"{CALLBACK}?skill=7&x=%2F"
    gate = GATES["fantem"]
    members = await allowed(visit, gate.address(client_id="with-query", redirect_uri=uri), person)
    assert (members["skill"], members["x"], members["state"]) == ("7", "/", "s")
    assert location_of(visit.answer).startswith(f"{uri}&code=")
    for bent in (f"{CALLBACK}?skill=7", f"{CALLBACK}?x=%2F&skill=7", f"{CALLBACK}?skill=7&x=/", f"{uri}&code=forged", f"{uri}&"):
        await visit.go(gate.address(client_id="with-query", redirect_uri=bent))
        assert (visit.answer.status_code, location_of(visit.answer)) == (400, ""), bent


NAMES: Final = ("next", "url", "return", "return_to", "redirect", "redirect_uri", "goto", "back", "service", "target", "to", "continue")
PLACES: Final = (
    *(
        "//evil.example",
        "\\\\evil.example",
        "https:evil.example",
        f"{EVIL}/",
        "/\\evil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
    ),
    *("/account/../..//evil.example", "account/password", "/account/password"),
)


@pytest.mark.security("RU-01")
@pytest.mark.security("LG-14")
async def test_no_parameter_of_a_page_leads_elsewhere(visit: Visit, person: str) -> None:
    for place in PLACES:
        for pages in (dict.fromkeys(NAMES, place), {"to": place}, {"request": place}, {"continue": place}):
            for path in ("/login", "/logout", "/account", "/account/password", "/consent", "/login/cancel", "/authorize"):
                await visit.go(path, **pages)
                assert not visit.answer.is_redirect, (path, place)
                links = [element.attributes.get("href", "") for element in visit.page.all("a")]
                assert all(link.startswith(("/login", "/logout", "/account", "?")) for link in links), links
                assert not any(form.attributes.get("action") for form in visit.page.all("form"))
        await visit.go("/login", **dict.fromkeys(NAMES, place))
        await visit.log_in(person, PASSWORD)
        assert visit.path == "/account"
        visit.client.cookies.delete("__Host-tokenry_session")
