"""Libraries for servers of resources, as they are published, check JWT access tokens by the published keys and ask about them."""

import warnings
from typing import Any

import pytest
from joserfc.jwk import KeySet

from tests.journeys.conftest import ONE_ENGINE
from tests.journeys.nodes import said_by
from tests.journeys.planting import ORDERS
from tests.journeys.site import SECRETS, Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own deprecations, at its import
    from authlib.oauth2.rfc6750.errors import InsufficientScopeError, InvalidTokenError
    from authlib.oauth2.rfc9068 import JWTBearerTokenValidator

pytestmark = ONE_ENGINE


async def token_of(site: Site, client_id: str = "back-office", **sent: str) -> str:
    """Return a client's own token."""
    answer = await site.post("/token", {"grant_type": "client_credentials", **sent}, basic=(client_id, SECRETS[client_id]))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.mark.rfc("9068", "4")
@pytest.mark.rfc("9701", "5")
async def test_oauth4webapi(node: str, site: Site) -> None:
    told = {"origin": site.origin, "uri": ORDERS, "client_id": "orders-api", "client_secret": SECRETS["orders-api"]}
    said = await said_by(node, "resource.mjs", told | {"token": await token_of(site)})
    assert "error" not in said, said
    assert (said["claims"]["client_id"], said["claims"]["scope"], said["claims"]["aud"]) == ("back-office", "orders", ORDERS)
    assert said["elsewhere"] == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"
    for how, media_type in (("plain", "application/json"), ("signed", "application/token-introspection+jwt")):
        assert said[how]["type"] == media_type
        assert (said[how]["told"]["active"], said[how]["told"]["client_id"], said[how]["told"]["scope"]) == (True, "back-office", "orders")
    other = await token_of(site, "demo-service")
    assert "error" in await said_by(node, "resource.mjs", told | {"token": other}), "an opaque token is no JWT"


class Validator(JWTBearerTokenValidator):  # type: ignore[misc]  # untyped
    keys: Any

    def get_jwks(self) -> Any:
        return self.keys


@pytest.mark.rfc("9068", "4")
async def test_authlib(site: Site) -> None:
    Validator.keys = KeySet.import_key_set((await site.get("/.well-known/jwks.json")).json())
    validator, token = Validator(site.origin, ORDERS), await token_of(site)
    claims = validator.authenticate_token(token)
    validator.validate_token(claims, ["orders"], None)
    assert (claims["sub"], claims["client_id"]) == ("back-office", "back-office")
    with pytest.raises(InsufficientScopeError):
        validator.validate_token(validator.authenticate_token(token), ["refunds"], None)
    for wrong in (Validator(site.origin, "https://another.example/"), Validator("https://another.example", ORDERS)):
        with pytest.raises(InvalidTokenError):
            wrong.validate_token(wrong.authenticate_token(token), ["orders"], None)
    with pytest.raises(InvalidTokenError):
        validator.authenticate_token(f"{token[:-4]}AAAA")
