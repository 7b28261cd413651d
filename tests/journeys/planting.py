"""What a journey finds already there: declared clients, and codes as if somebody had allowed them in a browser."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from app.admin import CodeRequest, Operator
from app.admin.codes import _issue
from app.core.clock import SystemClock
from app.oauth2 import AuthorizationServer
from app.sandbox import SANDBOX_RULES
from app.storage import open_storage
from tests.fixtures.dialects import built_in
from tests.fixtures.vectors import EC

CALLBACK: Final = "http://127.0.0.1:9401/cb"
GOODBYE: Final = "http://127.0.0.1:9401/bye"
ORDERS: Final = "https://orders.example.com/"
VERIFIER: Final = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The pair of RFC 7636 appendix B."""
ENGINE: Final = AuthorizationServer("https://tokenry.invalid")
WEB_SECRET: Final = "a-secret-of-a-confidential-web-application"

CLIENTS: Final = f"""
[[shops]]
dialect = "youzan"
code = "99999"
name = "Second shop"

[[clients]]
client_id = "testclient"
shops = ["88888", "99999"]

[[clients]]
client_id = "confidential-web"
client_secret = "{WEB_SECRET}"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
scope = "orders profile"

[[clients]]
client_id = "public-web"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
scope = "orders profile"

[[clients]]
client_id = "openid-web"
client_secret = "{WEB_SECRET}"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
scope = "openid profile email offline_access"

[[clients]]
client_id = "openid-es256"
client_secret = "{WEB_SECRET}"
profile = "oidc"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
scope = "openid profile email offline_access"
id_token_signed_response_alg = "ES256"
userinfo_signed_response_alg = "ES256"

[[clients]]
client_id = "openid-eddsa"
client_secret = "{WEB_SECRET}"
token_endpoint_auth_method = "client_secret_post"
profile = "oidc"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
scope = "openid profile email offline_access"
id_token_signed_response_alg = "EdDSA"
userinfo_signed_response_alg = "RS256"
subject_type = "pairwise"

[[clients]]
client_id = "openid-spa"
token_endpoint_auth_method = "none"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
allowed_origins = ["http://127.0.0.1:9401"]
scope = "openid profile email offline_access"

[[clients]]
client_id = "openid-front"
client_secret = "{WEB_SECRET}"
profile = "oidc"
grant_types = ["authorization_code", "implicit", "refresh_token"]
response_types = ["code", "id_token", "code id_token"]
redirect_uris = ["{CALLBACK}"]
scope = "openid profile email offline_access"

[[clients]]
client_id = "orders-api"
client_secret = "{WEB_SECRET}"
grant_types = []
introspection_signed_response_alg = "ES256"

[[resources]]
uri = "{ORDERS}"
scopes = ["orders"]
introspection_client = "orders-api"

[[clients]]
client_id = "back-office"
client_secret = "{WEB_SECRET}"
grant_types = ["client_credentials"]
scope = "orders"
access_token_format = "jwt"
default_resources = ["{ORDERS}"]

[[clients]]
client_id = "openid-signer"
token_endpoint_auth_method = "private_key_jwt"
token_endpoint_auth_signing_alg = "ES256"
profile = "oidc"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
scope = "openid profile email offline_access"
[[clients.jwks.keys]]
kty = "EC"
crv = "P-256"
kid = "signer"
x = "{EC["x"]}"
y = "{EC["y"]}"

[[clients]]
client_id = "openid-hmac"
client_secret = "{WEB_SECRET}"
token_endpoint_auth_method = "client_secret_jwt"
profile = "oidc"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["{CALLBACK}"]
post_logout_redirect_uris = ["{GOODBYE}"]
scope = "openid profile email offline_access"
"""
SIGNING_KEY: Final = {"kty": "EC", "crv": "P-256", "kid": "signer", **EC}
"""Of the client ``openid-signer``; the key of RFC 7515 appendix A.3."""


def clients_file(folder: Path) -> Path:
    """Write the clients of the journeys, beside those of the sandbox, and return the file for ``--config``."""
    path = folder / "clients.toml"
    path.write_text(CLIENTS, encoding="utf-8")
    return path


@asynccontextmanager
async def operator_of(url: str) -> AsyncIterator[Operator]:
    """Open a sandbox's database for an operator."""
    clock = SystemClock()
    storage = await open_storage(url, clock=clock)
    try:
        yield Operator(storage=storage, dialects=built_in(), clock=clock, rules=SANDBOX_RULES)
    finally:
        await storage.close()


async def codes(url: str, client_id: str, count: int = 1) -> list[str]:
    """Return fresh codes of the user ``demo``; standard clients' are bound to :data:`VERIFIER`."""
    challenge = CHALLENGE if client_id.endswith("-web") else None
    request = CodeRequest(client_id=client_id, user="demo", redirect_uri=CALLBACK, code_challenge=challenge)
    async with operator_of(url) as operator:
        return await operator.transact(lambda desk: [_issue(desk, ENGINE, request).code for _ in range(count)])


def code(url: str, client_id: str) -> str:
    """Return one fresh code."""
    return asyncio.run(codes(url, client_id))[0]
