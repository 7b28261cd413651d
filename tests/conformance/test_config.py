"""The conformance plan *config*: what the provider says of itself before anybody asks it anything else."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.conformance.party import DATABASES
from tests.fixtures.world import ISSUER, World

pytestmark = DATABASES

DOCUMENT: Final = "/.well-known/openid-configuration"
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
PRIVATE: Final = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
LISTS: Final = (
    "acr_values_supported",
    "claim_types_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "grant_types_supported",
    "id_token_signing_alg_values_supported",
    "prompt_values_supported",
    "response_modes_supported",
    "response_types_supported",
    "scopes_supported",
    "subject_types_supported",
    "token_endpoint_auth_methods_supported",
    "ui_locales_supported",
    "userinfo_signing_alg_values_supported",
)


async def metadata(world: World) -> dict[str, Any]:
    answer = await world.send("GET", DOCUMENT)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    members: dict[str, Any] = answer.json()
    return members


@pytest.mark.rfc("OIDC Discovery", "3")
@pytest.mark.rfc("OIDC Discovery", "4.3")
@pytest.mark.security("KY-06")
@pytest.mark.security("MD-02")
async def test_oidcc_discovery_endpoint_verification(world: World) -> None:
    members = await metadata(world)
    assert members["issuer"] == ISSUER
    assert (urlsplit(members["issuer"]).query, urlsplit(members["issuer"]).fragment) == ("", "")
    for name in {*ENDPOINTS, *(name for name in members if name.endswith(("_endpoint", "_uri")))}:
        assert urlsplit(members[name]).scheme == "https", name
        assert urlsplit(members[name]).netloc, name
    for name in {*LISTS, *(name for name in members if name.endswith("_supported") and isinstance(members[name], list))}:
        assert members[name], name
        assert len(set(members[name])) == len(members[name]), name
        assert all(isinstance(value, str) for value in members[name]), name
    assert "code" in members["response_types_supported"]
    assert "RS256" in members["id_token_signing_alg_values_supported"]
    assert not {"none", "HS256"} & {*members["id_token_signing_alg_values_supported"], *members["userinfo_signing_alg_values_supported"]}
    assert set(members["subject_types_supported"]) <= {"public", "pairwise"}
    assert "openid" in members["scopes_supported"]
    assert all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", scope) for scope in members["scopes_supported"])
    assert "authorization_code" in members["grant_types_supported"]
    assert {"client_secret_basic", "client_secret_post"} <= set(members["token_endpoint_auth_methods_supported"])
    assert {"sub", "name", "email"} <= set(members["claims_supported"])
    assert members["claims_parameter_supported"] is True
    assert members["request_parameter_supported"] is False
    assert members["request_uri_parameter_supported"] is False  # true is the default where nothing is said
    assert all(re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?", tag) for tag in members["ui_locales_supported"])


@pytest.mark.security("AD-11")
async def test_nobody_registers_clients_by_themselves(world: World) -> None:
    assert "registration_endpoint" not in await metadata(world)
    for path in ("/register", "/connect/register", "/reg", "/clients", "/oauth2/register", "/.well-known/register"):
        for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer a b"}):
            answer = await world.send("POST", path, json={"redirect_uris": ["https://client.example.com/cb"]}, headers=headers)
            assert answer.status_code == 404, path


@pytest.mark.rfc("7517", "4")
async def test_oidcc_discovery_endpoint_verification_of_the_keys(world: World) -> None:
    answer = await world.send("GET", urlsplit((await metadata(world))["jwks_uri"]).path)
    assert answer.status_code == 200
    keys = answer.json()["keys"]
    assert {"RSA", "EC", "OKP"} == {key["kty"] for key in keys}
    assert all(PRIVATE.isdisjoint(key) and key["kid"] and key["alg"] and key["use"] == "sig" for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)
    assert all("=" not in value and re.fullmatch(r"[\w-]+", value) for key in keys for value in key.values())
