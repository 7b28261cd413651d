"""A published client that proves itself by its signature (RFC 7523), as it is: Authlib."""

import warnings
from collections.abc import Iterator
from typing import Any, Final

import pytest
from joserfc.jwk import OctKey, import_key

from tests.fixtures.server import Server
from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.person import PlainBrowser
from tests.journeys.planting import CALLBACK, SIGNING_KEY, clients_file
from tests.journeys.site import SECRETS, Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations, at its import
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import OAuth2Client
    from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT

SCOPE: Final = "openid profile offline_access"


@pytest.fixture(autouse=True)
def loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library use http, as its manual says for tests."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


def signing(client_id: str) -> Any:
    """Return the library's client, which makes what it signs good for an hour."""
    method, key = {
        "openid-signer": (PrivateKeyJWT(alg="ES256"), import_key(dict(SIGNING_KEY))),
        "openid-hmac": (ClientSecretJWT(), OctKey.import_key(SECRETS["openid-hmac"])),
    }[client_id]
    return OAuth2Client(client_id, key, token_endpoint_auth_method=method, redirect_uri=CALLBACK, scope=SCOPE, code_challenge_method="S256")


@pytest.fixture(scope="module")
def patient_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A sandbox that believes for an hour what a client has signed."""
    folder = tmp_path_factory.mktemp("patient")
    url = f"sqlite:///{folder / 'tokenry.db'}"
    config = ["--config", str(clients_file(folder))]
    with Server(url, command="sandbox", arguments=config, environment={"TOKENRY_CLIENT_ASSERTION_LASTS": "3600"}) as server:
        yield Site(server, url)


@pytest.mark.rfc("7523", "2.2")
@pytest.mark.parametrize("client_id", ["openid-signer", "openid-hmac"])
async def test_authlib_proves_a_client_by_its_signature(patient_site: Site, client_id: str) -> None:
    site = patient_site
    with signing(client_id) as client:
        address, state = client.create_authorization_url(site.at("/authorize"), code_verifier="v" * 64)
        async with PlainBrowser(site.origin) as browser:
            came = await browser.answer(address, await site.add_person())
        first = dict(client.fetch_token(site.at("/token"), authorization_response=came, state=state, code_verifier="v" * 64))
        second = client.refresh_token(site.at("/token"), refresh_token=first["refresh_token"])
    assert {"access_token", "id_token", "refresh_token"} <= second.keys()


@ONE_ENGINE
@pytest.mark.security("CA-10")
async def test_authlib_is_told_that_what_it_signs_is_good_for_too_long(site: Site) -> None:
    with signing("openid-signer") as client, pytest.raises(OAuthError, match="lives too long: its exp may be 300 seconds ahead"):
        client.fetch_token(site.at("/token"), grant_type="refresh_token", refresh_token="x")
