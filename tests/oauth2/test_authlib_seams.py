"""The seams of Authlib that the engine hangs on. Where a new version changes one of them, this says which."""

import inspect
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    AuthorizationEndpointMixin,
    BaseGrant,
    ClientCredentialsGrant,
    ImplicitGrant,
    RefreshTokenGrant,
    ResourceOwnerPasswordCredentialsGrant,
    TokenEndpointMixin,
)
from authlib.oauth2.rfc6749.token_endpoint import TokenEndpoint
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from app.oauth2 import AuthorizationServer as Server
from app.oauth2.authorization_exchange import AuthorizationExchange
from app.oauth2.authorization_grant import AuthorizationGrant
from app.oauth2.endpoints.introspection import IntrospectionEndpoint as Introspection
from app.oauth2.endpoints.revocation import RevocationEndpoint as Revocation
from app.oauth2.grants.authorization_code import AuthorizationCodeGrant as Code
from app.oauth2.grants.client_credentials import ClientCredentialsGrant as Credentials
from app.oauth2.grants.password import PasswordGrant as Password
from app.oauth2.grants.refresh_token import RefreshTokenGrant as Refresh
from app.oauth2.request import ExchangeRequest, Payload
from app.oauth2.response_types.code import CodeGrant
from app.oauth2.response_types.token import ImplicitGrant as Implicit
from app.oauth2.token_grant import TokenGrant

# What each class of ours overrides of each class of Authlib's, with the signature that Authlib gives it.
OVERRIDDEN: dict[tuple[type, type], dict[str, str]] = {
    (Server, AuthorizationServer): {
        "authenticate_client": "(self, request, methods, endpoint='token')",
        "create_oauth2_request": "(self, request) -> authlib.oauth2.rfc6749.requests.OAuth2Request",
        "get_authorization_grant": "(self, request)",
        "get_token_grant": "(self, request)",
        "handle_error_response": "(self, request, error)",
        "handle_response": "(self, status, body, headers)",
        "save_token": "(self, token, request)",
        "send_signal": "(self, name, *args, **kwargs)",
    },
    (TokenGrant, BaseGrant): {
        "generate_token": "(self, user=None, scope=None, grant_type=None, expires_in=None, include_refresh_token=True)",
    },
    (Code, AuthorizationCodeGrant): {
        "authenticate_user": "(self, authorization_code)",
        "delete_authorization_code": "(self, authorization_code)",
        "query_authorization_code": "(self, code, client)",
    },
    (Credentials, ClientCredentialsGrant): {"create_token_response": "(self)", "validate_requested_scope": "(self)"},
    (Password, ResourceOwnerPasswordCredentialsGrant): {
        "authenticate_user": "(self, username, password)",
        "create_token_response": "(self)",
    },
    (Refresh, RefreshTokenGrant): {
        "_validate_token_scope": "(self, token)",
        "authenticate_refresh_token": "(self, refresh_token)",
        "authenticate_user": "(self, refresh_token)",
        "issue_token": "(self, user, refresh_token)",
        "revoke_old_credential": "(self, refresh_token)",
        "save_token": "(self, token)",
    },
    (AuthorizationGrant, AuthorizationEndpointMixin): {"validate_authorization_request": "(self)"},
    (CodeGrant, AuthorizationCodeGrant): {
        "create_authorization_response": "(self, redirect_uri: str, grant_user)",
        "generate_authorization_code": "(self)",
        "save_authorization_code": "(self, code, request)",
    },
    (Implicit, ImplicitGrant): {"create_authorization_response": "(self, redirect_uri, grant_user)"},
    (Introspection, IntrospectionEndpoint): {
        "authenticate_token": "(self, request, client)",
        "create_endpoint_request": "(self, request)",
        "create_endpoint_response": "(self, request)",
    },
    (Revocation, RevocationEndpoint): {
        "authenticate_token": "(self, request, client)",
        "create_endpoint_request": "(self, request)",
        "revoke_token": "(self, token, request)",
    },
    (AuthorizationExchange, OAuth2Request): {},
    (ExchangeRequest, OAuth2Request): {"args": "property", "form": "property"},
    (Payload, OAuth2Payload): {"data": "property", "datalist": "property"},
}

REQUEST = "authlib.oauth2.rfc6749.requests.OAuth2Request"
ENDPOINT = "authlib.oauth2.rfc6749.endpoint.Endpoint"

# What of Authlib's runs between our methods, unchanged.
RELIED_ON: tuple[tuple[type, str, str], ...] = (
    (AuthorizationServer, "create_token_response", "(self, request=None)"),
    (AuthorizationServer, "get_consent_grant", "(self, request=None, end_user=None)"),
    (AuthorizationServer, "create_authorization_response", "(self, request=None, grant_user=None, grant=None)"),
    (AuthorizationEndpointMixin, "validate_no_multiple_request_parameter", f"(request: {REQUEST})"),
    (AuthorizationEndpointMixin, "validate_consent_request", "(self)"),
    (AuthorizationServer, "create_endpoint_response", "(self, name, request=None)"),
    (AuthorizationServer, "register_endpoint", f"(self, endpoint: type[{ENDPOINT}] | {ENDPOINT})"),
    (BaseGrant, "__init__", f"(self, request: {REQUEST}, server)"),
    (BaseGrant, "authenticate_token_endpoint_client", "(self)"),
    (AuthorizationCodeGrant, "validate_token_request", "(self)"),
    (AuthorizationCodeGrant, "create_token_response", "(self)"),
    (ClientCredentialsGrant, "validate_token_request", "(self)"),
    (ResourceOwnerPasswordCredentialsGrant, "validate_token_request", "(self)"),
    (RefreshTokenGrant, "validate_token_request", "(self)"),
    (RefreshTokenGrant, "create_token_response", "(self)"),
    (TokenEndpoint, "authenticate_endpoint_client", "(self, request)"),
    (TokenEndpoint, "create_endpoint_response", "(self, request)"),
)


def bare(member: Any) -> Any:
    """Return a function without Authlib's hooks around it, which leave no trace of what they wrap."""
    if getattr(member, "__qualname__", "").startswith("hooked."):
        return next(cell.cell_contents for cell in member.__closure__ if inspect.isfunction(cell.cell_contents))
    return member


def signature_of(member: object) -> str:
    return "property" if isinstance(member, property) else str(inspect.signature(bare(member)))


def overrides(ours: type, theirs: type) -> set[str]:
    """Return the public names, and those private ones that we mean, that our class defines over Authlib's."""
    inherited = {name for base in theirs.__mro__[:-1] for name in vars(base)}
    return {name for name in vars(ours) if name in inherited and not name.startswith("__") and not name.isupper()}


@pytest.mark.parametrize(("pair", "expected"), OVERRIDDEN.items(), ids=lambda value: value[0].__name__ if isinstance(value, tuple) else "")
def test_what_we_override_is_there_and_takes_what_it_took(pair: tuple[type, type], expected: dict[str, str]) -> None:
    ours, theirs = pair
    assert overrides(ours, theirs) == set(expected)
    assert {name: signature_of(inspect.getattr_static(theirs, name)) for name in expected} == expected


@pytest.mark.parametrize(("owner", "name", "expected"), RELIED_ON)
def test_what_we_rely_on_is_there_and_takes_what_it_took(owner: type, name: str, expected: str) -> None:
    assert signature_of(inspect.getattr_static(owner, name)) == expected


def test_the_challenge_of_a_verifier_is_made_by_one_argument() -> None:
    assert signature_of(create_s256_code_challenge) == "(code_verifier)"


def test_the_answers_of_records_are_asked_for_by_these_names() -> None:
    source = "".join(
        inspect.getsource(bare(vars(AuthorizationCodeGrant)[name])) for name in ("validate_token_request", "create_token_response")
    )
    for name in ("get_redirect_uri", "get_scope"):
        assert f".{name}()" in source
        assert callable(getattr(Code, name))
    assert ".check_client(client)" in inspect.getsource(RefreshTokenGrant._validate_request_token)
    assert callable(Refresh.check_client)


def test_the_grants_are_authlibs_grants_at_the_token_endpoint() -> None:
    for grant in (Code, Credentials, Password, Refresh):
        assert issubclass(grant, TokenEndpointMixin)
        assert issubclass(grant, TokenGrant)


def test_the_response_types_are_authlibs_grants_at_the_authorization_endpoint() -> None:
    for grant, theirs in ((CodeGrant, AuthorizationCodeGrant), (Implicit, ImplicitGrant)):
        assert issubclass(grant, theirs)
        assert issubclass(grant, AuthorizationGrant)
        assert issubclass(grant, AuthorizationEndpointMixin)
