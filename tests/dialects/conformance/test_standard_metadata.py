"""What the standard server says of itself (RFC 8414), and what it does not do and therefore refuses."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc.discovery import OpenIDProviderMetadata

from tests.browser.markup import Markup
from tests.fixtures.world import World

pytestmark = pytest.mark.parametrize("shared_world", ["sqlite-direct", "sqlite-routed"], indirect=True)
PATH = "/.well-known/oauth-authorization-server"
FRONT_CHANNEL = ["id_token", "id_token token", "code id_token", "code token", "code id_token token"]
"""What only clients get that have registered it by name."""


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
    assert members["authorization_endpoint"] == "https://id.example.com/authorize"
    assert members["response_types_supported"] == ["code", *FRONT_CHANNEL]
    assert members["response_modes_supported"] == ["query", "fragment", "form_post"]
    assert members["code_challenge_methods_supported"] == ["S256"]
    assert members["authorization_response_iss_parameter_supported"] is True
    words = set(world.dialects["standard"].grants) - {"password", "implicit"}
    assert set(members["grant_types_supported"]) <= words
    assert "none" not in members["introspection_endpoint_auth_methods_supported"]
    doors = {*world.dialects.doors, *world.dialects.authorization_doors} - {"/authorize", "/token", "/introspect", "/revoke"}
    assert not [path for path in doors if path in answer.text]


@pytest.mark.security("CA-08")
async def test_what_clients_sign_is_listed_at_every_endpoint_where_they_authenticate(world: World) -> None:
    members = (await world.send("GET", PATH)).json()
    for endpoint in ("token", "revocation", "introspection"):
        methods = members[f"{endpoint}_endpoint_auth_methods_supported"]
        assert {"private_key_jwt", "client_secret_jwt", "client_secret_basic", "client_secret_post"} <= set(methods)
        algorithms = members[f"{endpoint}_endpoint_auth_signing_alg_values_supported"]
        assert {"RS256", "PS256", "ES256", "EdDSA", "HS256"} <= set(algorithms)
        assert "none" not in algorithms


@pytest.mark.rfc("9207", "3")
async def test_what_the_metadata_says_of_the_authorization_endpoint_is_so(world: World) -> None:
    """Every value that is listed is served, and one that is not is refused, by the engine and over HTTP alike."""
    members = (await world.send("GET", PATH)).json()
    sound = {
        "client_id": "demo-web",
        "redirect_uri": "https://web.example.com/cb",
        "response_type": "code",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
        "prompt": "none",
    }
    for name, listed in (("response_mode", "response_modes_supported"), ("code_challenge_method", "code_challenge_methods_supported")):
        for value in members[listed]:
            assert await error_of(world, {**sound, name: value}) == "login_required"
        assert await error_of(world, {**sound, name: "another"}) == "invalid_request"
    for prompt in members["prompt_values_supported"]:
        answer = await world.send("GET", "/authorize", params={**sound, "prompt": prompt})
        assert answer.status_code in {302, 303}
        assert answer.headers["location"].startswith("https://web.example.com/cb?error=login_required" if prompt == "none" else "/login")


async def error_of(world: World, parameters: Mapping[str, str]) -> str:
    """Return the error that the client is told, which comes with the issuer."""
    answer = await world.send("GET", "/authorize", params=parameters)
    if answer.status_code == 200:
        members = {one.attributes["name"]: one.attributes["value"] for one in Markup.of(answer.text).all("input")}
    else:
        parts = urlsplit(answer.headers["location"])
        members = dict(parse_qsl(parts.query or parts.fragment))
    assert members["iss"] == "https://id.example.com"
    return members["error"]


@pytest.mark.security("MD-03")
async def test_the_metadata_does_not_listen_to_strangers(world: World) -> None:
    plain = (await world.send("GET", PATH)).content
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    assert (await world.send("GET", PATH, headers=forged)).content == plain


OPENID: Final = "/.well-known/openid-configuration"


@pytest.mark.rfc("OIDC Discovery", "4.2")
@pytest.mark.rfc("8414", "2")
@pytest.mark.security("MD-02")
@pytest.mark.security("MD-04")
async def test_both_documents_say_the_same_and_stand_the_validators_of_a_library(world: World) -> None:
    plain, openid = await world.send("GET", PATH), await world.send("GET", OPENID)
    assert plain.content == openid.content
    members = openid.json()
    OpenIDProviderMetadata(members).validate()
    AuthorizationServerMetadata(members).validate()
    assert "none" not in {*members["id_token_signing_alg_values_supported"], *members["userinfo_signing_alg_values_supported"]}
    assert members["jwks_uri"] == "https://id.example.com/.well-known/jwks.json"
    assert members["userinfo_endpoint"] == "https://id.example.com/userinfo"
    assert (members["request_parameter_supported"], members["request_uri_parameter_supported"]) == (False, False)


@pytest.mark.security("MD-03")
async def test_the_openid_document_does_not_listen_to_strangers_either(world: World) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.example"}
    for path in (OPENID, "/.well-known/jwks.json"):
        assert (await world.send("GET", path, headers=forged)).content == (await world.send("GET", path)).content


async def test_every_algorithm_that_is_listed_signs_and_is_published(world: World) -> None:
    members = (await world.send("GET", OPENID)).json()
    published = {key["alg"] for key in (await world.send("GET", "/.well-known/jwks.json")).json()["keys"]}
    assert set(members["id_token_signing_alg_values_supported"]) == published


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
