"""What a client can discover (RFC 8414, RFC 7517): true statements only, built from the settings and never from a request."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from app.browser.languages import TAGS
from app.core.clock import Clock
from app.core.keyring import ACTIVE_IN
from app.dialects.template import to_json
from app.ledger import StorageUnavailable
from app.proofs import KeyKeeper

_HEADERS: Final = {"Cache-Control": f"public, max-age={int(ACTIVE_IN.total_seconds())}", "X-Content-Type-Options": "nosniff"}
_BUSY: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Retry-After": "1"}
_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post"]


class WellKnown:
    """Serves the metadata of the standard server, and its public keys."""

    def __init__(self, issuer: str, clock: Clock) -> None:
        self.keeper: KeyKeeper
        self._issuer = issuer
        self._clock = clock

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["Discovery"])
        metadata = to_json(_metadata(self._issuer))

        @router.get(
            "/.well-known/oauth-authorization-server", response_class=JSONResponse, summary="Authorization server metadata (RFC 8414)"
        )
        async def authorization_server_metadata() -> Response:
            return Response(metadata, media_type="application/json", headers=_HEADERS)

        @router.get("/.well-known/jwks.json", response_class=JSONResponse, summary="The public keys (RFC 7517)")
        async def jwks(_request: Request) -> Response:
            try:
                ring = await self.keeper.ring()
            except StorageUnavailable:
                body = {"error": "temporarily_unavailable", "error_description": "The service is busy. Try again shortly."}
                return JSONResponse(body, 503, headers=_BUSY)
            keys = {"keys": ring.published(self._clock.now())}
            return Response(to_json(keys), media_type="application/jwk-set+json", headers=_HEADERS)

        return router


def _metadata(issuer: str) -> dict[str, object]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [*_AUTH_METHODS, "none"],
        "revocation_endpoint_auth_methods_supported": [*_AUTH_METHODS, "none"],
        "introspection_endpoint_auth_methods_supported": _AUTH_METHODS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": list(TAGS.values()),
    }
