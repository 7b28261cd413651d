"""What a client can discover (RFC 8414): true statements only, built once from the settings and never from a request."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from app.browser.languages import TAGS
from app.dialects.template import to_json

_HEADERS = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


def well_known_router(issuer: str) -> APIRouter:
    """Return the routes of the metadata of the standard server."""
    router = APIRouter(tags=["Discovery"])
    metadata = to_json(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
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
    )

    @router.get("/.well-known/oauth-authorization-server", response_class=JSONResponse, summary="Authorization server metadata (RFC 8414)")
    async def authorization_server_metadata() -> Response:
        return Response(metadata, media_type="application/json", headers=_HEADERS)

    return router
