"""Client libraries as they are published get along with the standard server, without a line of help."""

import warnings
from collections.abc import Iterator

import httpx
import pytest

from tests.fixtures.server import NO_TLS
from tests.journeys.conftest import Sandbox
from tests.journeys.planting import CALLBACK, VERIFIER, WEB_SECRET, code, codes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations, at its import
    from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
    from authlib.oauth2.rfc7662 import IntrospectTokenValidator


@pytest.fixture
def web(sandbox: Sandbox) -> Iterator[OAuth2Client]:
    with OAuth2Client("confidential-web", WEB_SECRET, token_endpoint=f"{sandbox.url}/token", redirect_uri=CALLBACK) as client:
        yield client


@pytest.mark.rfc("8414", "3")
def test_a_client_finds_its_endpoints_by_the_metadata(sandbox: Sandbox) -> None:
    metadata = httpx.get(f"{sandbox.url}/.well-known/oauth-authorization-server", verify=NO_TLS).json()
    with OAuth2Client("demo-service", "demo-service-secret") as client:
        token = client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert token["token_type"] == "Bearer"
        told = client.introspect_token(metadata["introspection_endpoint"], token=token["access_token"]).json()
    assert told["active"] is True
    assert told["client_id"] == "demo-service"


@pytest.mark.rfc("6749", "4.1.3")
@pytest.mark.rfc("7636", "4.5")
def test_a_client_exchanges_a_code_with_pkce_and_refreshes(sandbox: Sandbox, web: OAuth2Client) -> None:
    callback = f"{CALLBACK}?code={code(sandbox.database_url, 'confidential-web')}&state=xyz"
    first = web.fetch_token(authorization_response=callback, state="xyz", code_verifier=VERIFIER)
    second = web.refresh_token()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]


@pytest.mark.rfc("7009", "2")
def test_a_client_revokes_its_token(sandbox: Sandbox, web: OAuth2Client) -> None:
    callback = f"{CALLBACK}?code={code(sandbox.database_url, 'confidential-web')}"
    token = web.fetch_token(authorization_response=callback, code_verifier=VERIFIER)
    told = web.introspect_token(f"{sandbox.url}/introspect", token=token["access_token"], token_type_hint="access_token")
    assert told.json()["active"] is True
    revoked = web.revoke_token(f"{sandbox.url}/revoke", token=token["refresh_token"], token_type_hint="refresh_token")
    assert revoked.status_code == 200
    told = web.introspect_token(f"{sandbox.url}/introspect", token=token["access_token"], token_type_hint="access_token")
    assert told.json() == {"active": False}


async def test_a_client_on_asyncio_refreshes_what_has_expired_by_itself(sandbox: Sandbox) -> None:
    renewed: list[str] = []

    async def keep(token: dict[str, object], refresh_token: str | None = None, access_token: str | None = None) -> None:
        renewed.append(str(token["access_token"]))

    async with AsyncOAuth2Client("demo-web", token_endpoint=f"{sandbox.url}/token", redirect_uri=CALLBACK, update_token=keep) as client:
        client.token_endpoint_auth_method = "none"
        (fresh,) = await codes(sandbox.database_url, "demo-web")
        token = await client.fetch_token(code=fresh, code_verifier=VERIFIER, grant_type="authorization_code")
        client.token = {**token, "expires_at": 1}
        await client.get(f"{sandbox.url}/livez")
    assert renewed
    assert renewed[0] != token["access_token"]


def test_a_refusal_reaches_the_client_as_the_error_it_is(sandbox: Sandbox) -> None:
    with (
        OAuth2Client("demo-service", "wrong", token_endpoint=f"{sandbox.url}/token") as client,
        pytest.raises(Exception, match="invalid_client"),
    ):
        client.fetch_token(grant_type="client_credentials")


def test_the_introspecting_validator_of_a_resource_server_can_read_the_answer(sandbox: Sandbox) -> None:
    with OAuth2Client("demo-service", "demo-service-secret", token_endpoint=f"{sandbox.url}/token") as client:
        token = client.fetch_token(grant_type="client_credentials", scope="orders")

    class Validator(IntrospectTokenValidator):  # type: ignore[misc]  # untyped
        def introspect_token(self, value: str) -> object:
            with OAuth2Client("demo-service", "demo-service-secret") as asking:
                return asking.introspect_token(f"{sandbox.url}/introspect", token=value).json()

    validator = Validator()
    told = validator.authenticate_token(token["access_token"])
    validator.validate_token(told, ["orders"], None)
    assert told["scope"] == "orders"
