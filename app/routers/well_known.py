"""What a client can discover (RFC 8414, OpenID Connect Discovery, RFC 7517): true statements only, and never made of a request."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from app.browser.languages import TAGS
from app.core.claims import ACRS, CLAIMS, SCOPES
from app.core.client_algorithms import ALGORITHMS, ASSERTION_METHODS
from app.core.clock import Clock
from app.core.keyring import ACTIVE_IN
from app.core.keys import Algorithm
from app.dialects.dialect import Dialect
from app.dialects.template import to_json
from app.ledger import StorageUnavailable
from app.messages import Endpoint
from app.proofs import KeyKeeper
from app.routers.logout import PATH as LOGOUT

_ANY_ORIGIN: Final = {"Access-Control-Allow-Origin": "*"}
"""What everybody may know may be read by every page."""
_PREFLIGHT: Final = {
    **_ANY_ORIGIN,
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "600",
}
_HEADERS: Final = {**_ANY_ORIGIN, "Cache-Control": f"public, max-age={int(ACTIVE_IN.total_seconds())}", "X-Content-Type-Options": "nosniff"}
_BUSY: Final = {**_ANY_ORIGIN, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Retry-After": "1"}
_AUTH_METHODS: Final = ["client_secret_basic", "client_secret_post", *ASSERTION_METHODS]
_SIGNING_ALGORITHMS: Final = [algorithm for method in ASSERTION_METHODS for algorithm in ALGORITHMS[method]]
_NAMES: Final = {
    Endpoint.AUTHORIZATION: "authorization_endpoint",
    Endpoint.TOKEN: "token_endpoint",
    Endpoint.USERINFO: "userinfo_endpoint",
    Endpoint.REVOCATION: "revocation_endpoint",
    Endpoint.INTROSPECTION: "introspection_endpoint",
}
_AUTHENTICATING: Final = ("token", "revocation", "introspection")
_JWKS: Final = "/.well-known/jwks.json"
_DOCUMENTS: Final = {
    "/.well-known/oauth-authorization-server": "Authorization server metadata (RFC 8414)",
    "/.well-known/openid-configuration": "OpenID provider metadata (OpenID Connect Discovery)",
}


class WellKnown:
    """Serves the metadata of the standard server, and its public keys."""

    def __init__(self, issuer: str, standard: Dialect, clock: Clock, back_channel: str | None = None) -> None:
        self.keeper: KeyKeeper
        self._issuer = issuer
        self._metadata = to_json(metadata(issuer, standard, back_channel))
        self._clock = clock

    def router(self) -> APIRouter:
        """Return the routes; an issuer with a path has its metadata also where RFC 8414 §3.1 puts it, with the path at the end."""
        router = APIRouter(tags=["Discovery"])
        path = urlsplit(self._issuer).path
        for document, summary in _DOCUMENTS.items():
            for place in dict.fromkeys((document, f"{document}{path}")):
                router.add_api_route(place, self._tell, methods=["GET"], response_class=JSONResponse, summary=summary, name=f"GET {place}")
                router.add_api_route(place, self._preflight, methods=["OPTIONS"], include_in_schema=False)
        router.add_api_route(_JWKS, self._jwks, methods=["GET"], response_class=JSONResponse, summary="The public keys (RFC 7517)")
        router.add_api_route(_JWKS, self._preflight, methods=["OPTIONS"], include_in_schema=False)
        return router

    async def _tell(self) -> Response:
        return Response(self._metadata, media_type="application/json", headers=_HEADERS)

    async def _preflight(self) -> Response:
        return Response(headers=_PREFLIGHT)

    async def _jwks(self) -> Response:
        try:
            ring = await self.keeper.ring()
        except StorageUnavailable:
            body = {"error": "temporarily_unavailable", "error_description": "The service is busy. Try again shortly."}
            return JSONResponse(body, 503, headers=_BUSY)
        keys = {"keys": ring.published(self._clock.now())}
        return Response(to_json(keys), media_type="application/jwk-set+json", headers=_HEADERS)


def metadata(issuer: str, standard: Dialect, back_channel: str | None = None) -> dict[str, object]:
    """Return what is true of the standard server: one table for OAuth 2.0 and OpenID Connect alike.

    ``back_channel`` is where other servers reach it, if that is elsewhere than where browsers do: what browsers open stays at the issuer.
    """
    servers = back_channel or issuer
    return {
        "issuer": issuer,
        **{
            _NAMES[door.endpoint]: f"{issuer if door.endpoint is Endpoint.AUTHORIZATION else servers}{door.path}"
            for door in standard.tables.doors
        },
        "end_session_endpoint": f"{issuer}{LOGOUT}",
        "jwks_uri": f"{servers}{_JWKS}",
        "scopes_supported": list(SCOPES),
        "response_types_supported": list(standard.response_types),
        "response_modes_supported": list(standard.response_modes),
        "grant_types_supported": [word for word, grant in standard.grants.items() if not grant.requires_option],
        "token_endpoint_auth_methods_supported": [*_AUTH_METHODS, "none"],
        "revocation_endpoint_auth_methods_supported": [*_AUTH_METHODS, "none"],
        "introspection_endpoint_auth_methods_supported": _AUTH_METHODS,
        **{f"{endpoint}_endpoint_auth_signing_alg_values_supported": _SIGNING_ALGORITHMS for endpoint in _AUTHENTICATING},
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": list(Algorithm),
        "userinfo_signing_alg_values_supported": list(Algorithm),
        "introspection_signing_alg_values_supported": list(Algorithm),
        "acr_values_supported": list(ACRS),
        "claim_types_supported": ["normal"],
        "claims_supported": [*CLAIMS, "iss", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "c_hash"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": list(TAGS.values()),
    }
