"""Why a request is refused: a closed list, finer than the error codes of RFC 6749.

A dialect's error table answers by cause; the answer of the RFC itself stands here.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Cause(StrEnum):
    """The reason of a refusal."""

    METHOD_NOT_ALLOWED = "method_not_allowed"
    URI_TOO_LONG = "uri_too_long"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    MALFORMED_BODY = "malformed_body"
    REPEATED_PARAMETER = "repeated_parameter"
    PARAMETER_IN_QUERY = "parameter_in_query"
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    CONFLICTING_CREDENTIALS = "conflicting_credentials"
    INVALID_CLIENT = "invalid_client"
    FOREIGN_DIALECT = "foreign_dialect"
    UNAUTHORIZED_GRANT = "unauthorized_grant"
    UNKNOWN_SHOP = "unknown_shop"
    BAD_BEARER = "bad_bearer"
    BAD_CODE = "bad_code"
    BAD_REDIRECT_URI = "bad_redirect_uri"
    BAD_CODE_VERIFIER = "bad_code_verifier"
    BAD_REFRESH_TOKEN = "bad_refresh_token"
    BAD_USER_CREDENTIALS = "bad_user_credentials"
    BAD_SCOPE = "bad_scope"
    BAD_TARGET = "bad_target"
    FOREIGN_TOKEN = "foreign_token"
    UNKNOWN_CLIENT = "unknown_client"
    UNREGISTERED_REDIRECT_URI = "unregistered_redirect_uri"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    UNAUTHORIZED_RESPONSE_TYPE = "unauthorized_response_type"
    UNSUPPORTED_RESPONSE_MODE = "unsupported_response_mode"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"
    BAD_CODE_CHALLENGE = "bad_code_challenge"
    ACCESS_DENIED = "access_denied"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"
    INTERACTION_REQUIRED = "interaction_required"
    UNMET_AUTHENTICATION = "unmet_authentication"
    NO_BEARER = "no_bearer"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"


class StandardAnswer(NamedTuple):
    """The HTTP status and the ``error`` code that a cause has, and the words for a developer.

    The codes are those of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8707 §2, OpenID Connect Core §3.1.2.6 and OpenID Connect Core
    Error Code ``unmet_authentication_requirements`` 1.0.
    ``description`` is what is said where the refusal itself brings no words: printable ASCII without quotes and backslashes.
    """

    status: int
    error: str
    description: str


STANDARD_ANSWERS: Final[dict[Cause, StandardAnswer]] = {
    Cause.METHOD_NOT_ALLOWED: StandardAnswer(405, "invalid_request", "This endpoint does not answer this HTTP method."),
    Cause.URI_TOO_LONG: StandardAnswer(414, "invalid_request", "The request is too long."),
    Cause.BODY_TOO_LARGE: StandardAnswer(413, "invalid_request", "The request body is too large."),
    Cause.UNSUPPORTED_MEDIA_TYPE: StandardAnswer(415, "invalid_request", "This endpoint does not read this Content-Type."),
    Cause.MALFORMED_BODY: StandardAnswer(400, "invalid_request", "The request body is malformed."),
    Cause.REPEATED_PARAMETER: StandardAnswer(400, "invalid_request", "A parameter is sent more than once."),
    Cause.PARAMETER_IN_QUERY: StandardAnswer(400, "invalid_request", "Parameters belong in the body, not in the URL."),
    Cause.MISSING_PARAMETER: StandardAnswer(400, "invalid_request", "A required parameter is missing."),
    Cause.INVALID_PARAMETER: StandardAnswer(400, "invalid_request", "A parameter has an invalid value."),
    Cause.UNSUPPORTED_GRANT_TYPE: StandardAnswer(400, "unsupported_grant_type", "This endpoint does not support this grant_type."),
    Cause.CONFLICTING_CREDENTIALS: StandardAnswer(400, "invalid_request", "The client authenticates in more than one way."),
    Cause.INVALID_CLIENT: StandardAnswer(401, "invalid_client", "Client authentication failed."),
    Cause.FOREIGN_DIALECT: StandardAnswer(400, "unauthorized_client", "This endpoint does not serve this client."),
    Cause.UNAUTHORIZED_GRANT: StandardAnswer(400, "unauthorized_client", "The client may not use this grant_type."),
    Cause.UNKNOWN_SHOP: StandardAnswer(400, "invalid_grant", "The shop is unknown or not granted to this client."),
    Cause.BAD_BEARER: StandardAnswer(401, "invalid_token", "The bearer token is missing or not valid."),
    Cause.BAD_CODE: StandardAnswer(400, "invalid_grant", "The authorization code is not valid."),
    Cause.BAD_REDIRECT_URI: StandardAnswer(400, "invalid_grant", "The redirect_uri differs from the one of the authorization request."),
    Cause.BAD_CODE_VERIFIER: StandardAnswer(400, "invalid_grant", "The code_verifier does not match the code_challenge."),
    Cause.BAD_REFRESH_TOKEN: StandardAnswer(400, "invalid_grant", "The refresh token is not valid."),
    Cause.BAD_USER_CREDENTIALS: StandardAnswer(400, "invalid_grant", "The user name or password is not valid."),
    Cause.BAD_SCOPE: StandardAnswer(400, "invalid_scope", "The requested scope is malformed or not granted to this client."),
    Cause.BAD_TARGET: StandardAnswer(400, "invalid_target", "The resource is malformed, unknown, or not one that this client may ask for."),
    Cause.FOREIGN_TOKEN: StandardAnswer(400, "invalid_grant", "The token was issued to another client."),
    Cause.UNKNOWN_CLIENT: StandardAnswer(400, "invalid_client", "The client_id is missing or not registered here."),
    Cause.UNREGISTERED_REDIRECT_URI: StandardAnswer(400, "invalid_request", "The redirect_uri is not registered for this client."),
    Cause.UNSUPPORTED_RESPONSE_TYPE: StandardAnswer(400, "unsupported_response_type", "This endpoint does not support this response_type."),
    Cause.UNAUTHORIZED_RESPONSE_TYPE: StandardAnswer(400, "unauthorized_client", "The client may not use this response_type."),
    Cause.UNSUPPORTED_RESPONSE_MODE: StandardAnswer(400, "invalid_request", "The response_mode is not supported for this response_type."),
    Cause.REQUEST_NOT_SUPPORTED: StandardAnswer(400, "request_not_supported", "Request objects are not supported."),
    Cause.REQUEST_URI_NOT_SUPPORTED: StandardAnswer(400, "request_uri_not_supported", "Request objects by reference are not supported."),
    Cause.REGISTRATION_NOT_SUPPORTED: StandardAnswer(
        400, "registration_not_supported", "Clients are registered beforehand, not in a request."
    ),
    Cause.BAD_CODE_CHALLENGE: StandardAnswer(400, "invalid_request", "PKCE takes a code_challenge with code_challenge_method S256."),
    Cause.ACCESS_DENIED: StandardAnswer(400, "access_denied", "The person refused the request."),
    Cause.LOGIN_REQUIRED: StandardAnswer(400, "login_required", "The person must log in, and prompt=none forbids to ask."),
    Cause.CONSENT_REQUIRED: StandardAnswer(400, "consent_required", "The person must consent, and prompt=none forbids to ask."),
    Cause.INTERACTION_REQUIRED: StandardAnswer(400, "interaction_required", "The person must choose, and prompt=none forbids to ask."),
    Cause.UNMET_AUTHENTICATION: StandardAnswer(
        400, "unmet_authentication_requirements", "The person cannot prove who they are in the way that is asked for."
    ),
    Cause.NO_BEARER: StandardAnswer(401, "invalid_token", "An access token is needed."),
    Cause.INSUFFICIENT_SCOPE: StandardAnswer(403, "insufficient_scope", "The access token was not granted for this."),
    Cause.TOO_MANY_ATTEMPTS: StandardAnswer(429, "temporarily_unavailable", "Too many failed attempts. Try again later."),
    Cause.UNAVAILABLE: StandardAnswer(503, "temporarily_unavailable", "The service is busy. Try again shortly."),
    Cause.SERVER_ERROR: StandardAnswer(500, "server_error", "The server failed to answer this request."),
}
KEEPS_ITS_STATUS: Final = frozenset({Cause.TOO_MANY_ATTEMPTS, Cause.UNAVAILABLE, Cause.SERVER_ERROR})
"""Causes whose HTTP status no option of a client changes, because proxies and retries act on it."""
