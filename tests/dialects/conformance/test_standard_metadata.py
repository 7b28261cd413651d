"""What the standard server says of itself (RFC 8414), and what it does not do and therefore refuses."""

import pytest

from tests.fixtures.world import World

pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct", "sqlite-routed"], indirect=True)
PATH = "/.well-known/oauth-authorization-server"


@pytest.mark.rfc("8414", "3.2")
@pytest.mark.security("MD-01")
@pytest.mark.security("MD-02")
@pytest.mark.security("PK-01")
@pytest.mark.security("VN-01")
async def test_the_metadata_lists_what_is_on_for_standard_clients_and_nothing_else(world: World) -> None:
    answer = await world.send("GET", PATH)
    assert answer.headers["content-type"] == "application/json"
    members = answer.json()
    assert members["issuer"] == "https://id.example.com"
    assert members["token_endpoint"] == "https://id.example.com/token"
    assert members["code_challenge_methods_supported"] == ["S256"]
    words = set(world.dialects["standard"].grants) - {"password"}
    assert set(members["grant_types_supported"]) <= words
    assert "none" not in members["introspection_endpoint_auth_methods_supported"]
    assert not [path for path in world.dialects.doors if path in answer.text and path not in {"/token", "/introspect", "/revoke"}]


@pytest.mark.security("MD-03")
async def test_the_metadata_does_not_listen_to_strangers(world: World) -> None:
    plain = (await world.send("GET", PATH)).content
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    assert (await world.send("GET", PATH, headers=forged)).content == plain


@pytest.mark.security("CA-11")
@pytest.mark.parametrize("header", ["X-SSL-Client-Cert", "X-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-Client-Id"])
async def test_no_header_of_a_proxy_stands_for_a_client(world: World, header: str) -> None:
    fields = {"grant_type": "client_credentials", "client_id": "demo-service"}
    answer = await world.send("POST", "/token", data=fields, headers={header: "demo-service"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_does_not_authenticate_a_client(world: World) -> None:
    fields = {
        "grant_type": "client_credentials",
        "client_id": "demo-service",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkZW1vLXNlcnZpY2UifQ.",
    }
    answer = await world.send("POST", "/token", data=fields)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "grant_type",
    [
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "implicit",
        "silent",
        "store_credentials",
    ],
)
@pytest.mark.security("TK-06")
async def test_a_grant_that_is_not_there_is_refused(world: World, grant_type: str) -> None:
    answer = await world.post("/token", {"grant_type": grant_type}, basic="demo-service")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
