"""Authlib's authorization server over facts and writes: one exchange, from a message to an outcome.

Machines are answered by :meth:`AuthorizationServer.respond`, browsers by :meth:`AuthorizationServer.authorize`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationServer as AuthlibServer

from app.core.causes import Cause
from app.ledger import Facts, Visit, Writes
from app.messages import (
    Ask,
    AuthorizationRequest,
    Decided,
    Decision,
    Endpoint,
    ErrorPage,
    Outcome,
    Proofs,
    Redirect,
    Refusal,
    Request,
    Step,
)
from app.models import Client, User
from app.oauth2.access_token import AccessTokens
from app.oauth2.authorization_answer import failure, question, success
from app.oauth2.authorization_exchange import AuthorizationExchange
from app.oauth2.authorization_grant import AuthorizationGrant
from app.oauth2.client_assertion import Assertions
from app.oauth2.endpoints import ENDPOINTS
from app.oauth2.grants import GRANTS
from app.oauth2.grants.password import PasswordWanted
from app.oauth2.id_token import IdTokens
from app.oauth2.next_step import next_step
from app.oauth2.request import ExchangeRequest
from app.oauth2.response_types import RESPONSE_TYPES
from app.oauth2.subjects import Subjects
from app.oauth2.token_grant import TokenGrant, check_parameters
from app.oauth2.verification import authenticate_client

_CAUSES: Final = {
    "invalid_request": Cause.MISSING_PARAMETER,
    "invalid_client": Cause.INVALID_CLIENT,
    "unauthorized_client": Cause.UNAUTHORIZED_GRANT,
    "unsupported_grant_type": Cause.UNSUPPORTED_GRANT_TYPE,
    "invalid_scope": Cause.BAD_SCOPE,
}
"""Authlib's own errors that reach us: its grants raise them for what every grant checks alike."""


_REQUEST_OBJECTS: Final = {
    "request": Cause.REQUEST_NOT_SUPPORTED,
    "request_uri": Cause.REQUEST_URI_NOT_SUPPORTED,
    "registration": Cause.REGISTRATION_NOT_SUPPORTED,
}
"""Never read, and above all never fetched (OpenID Connect Core §6, §7.2.1)."""


class AuthorizationServer(AuthlibServer):
    """Decides exchanges. Holds no state of a request: everything travels in the :class:`ExchangeRequest`."""

    def __init__(self, issuer: str, subjects: Subjects | None = None, assertions: Assertions | None = None) -> None:
        """Register the grants and endpoints.

        ``issuer`` is this server's identifier (RFC 8414 §2), ``subjects`` names people, and ``assertions`` checks what clients sign.
        """
        super().__init__()
        self.issuer = issuer
        self.subjects = subjects or Subjects(None)
        self.assertions = assertions or Assertions(issuer)
        self.id_tokens = IdTokens(issuer, self.subjects)
        self.access_tokens = AccessTokens(issuer, self.subjects)
        self._grants: Mapping[str, type[TokenGrant]] = {grant.GRANT_TYPE: grant for grant in GRANTS}
        for endpoint in ENDPOINTS:
            self.register_endpoint(endpoint)

    def respond(self, message: Request, facts: Facts, proofs: Proofs, now: datetime) -> tuple[Outcome, Writes]:
        """Decide one exchange: the outcome, and the writes to commit before it is answered (also where it is a refusal)."""
        request = ExchangeRequest(message, facts, proofs, now)
        outcome = Outcome()
        try:
            if message.endpoint is Endpoint.TOKEN:
                outcome.members = self.create_token_response(request)
            else:
                outcome.members = self.create_endpoint_response(message.endpoint, request)
        except Refusal as refusal:
            outcome.refusal = refusal.settled()
        # Authlib keeps here what a grant's query returned, which is the grant itself: a ring that only the collector would find.
        request.authorization_code = request.refresh_token = None
        outcome.client = request.client
        outcome.replayed = request.replayed
        outcome.is_unsigned = request.is_unsigned
        outcome.media_type = request.media_type
        outcome.user_id = request.user.id if isinstance(request.user, User) else None
        outcome.shop = _shop_of(request)
        return outcome, request.writes

    def wants_password(self, message: Request, facts: Facts, proofs: Proofs, now: datetime) -> Client | None:
        """Return the client if the decision would hang on the password: it may ask, and everything else is in order."""
        request = ExchangeRequest(message, facts, proofs, now)
        try:
            self.get_token_grant(request).validate_token_request()
        except PasswordWanted:
            client: Client = request.client
            return client
        except (Refusal, OAuth2Error):
            return None
        return None

    # -- the browser's way ---------------------------------------------------------------------------------------------------------

    def authorize(self, message: AuthorizationRequest, visit: Visit, decision: Decision | None, now: datetime) -> tuple[Decided, Writes]:
        """Decide one request to the authorization endpoint, and what to commit before it is answered.

        ``decision`` is what the person has just answered on the consent page. Nothing is written unless something is issued.
        """
        exchange = AuthorizationExchange(message, visit, decision, now, self.subjects)
        try:
            exchange.address()
        except Refusal as refusal:
            return ErrorPage(refusal=refusal.settled(), client=exchange.client), exchange.writes
        try:
            return self._decide(exchange), exchange.writes
        except Refusal as refusal:
            return failure(exchange, refusal.settled(), self.issuer), exchange.writes

    def withdraw(self, message: AuthorizationRequest, visit: Visit, now: datetime) -> ErrorPage | Redirect:
        """Tell the client that the person will not go on, whoever they are (RFC 6749 §4.1.2.1 ``access_denied``); nothing is written."""
        exchange = AuthorizationExchange(message, visit, None, now, self.subjects)
        try:
            exchange.address()
        except Refusal as refusal:
            return ErrorPage(refusal=refusal.settled(), client=exchange.client)
        return failure(exchange, Refusal(Cause.ACCESS_DENIED), self.issuer)

    def _decide(self, exchange: AuthorizationExchange) -> Ask | Redirect:
        grant: AuthorizationGrant = self.get_consent_grant(exchange, exchange.visit.user)
        exchange.read_wishes()
        step = next_step(exchange)
        if step is not Step.ISSUE:
            return question(exchange, step, refreshable=grant.is_refreshable)
        exchange.pick_shop()
        answer = exchange.answer
        person = exchange.visit.user if answer is None or answer.approved else None
        return success(exchange, self.create_authorization_response(exchange, person, grant), self.issuer)

    # -- Authlib's seams ---------------------------------------------------------------------------------------------------------

    def create_oauth2_request(self, request: ExchangeRequest) -> ExchangeRequest:
        """Return the request itself: it was made for Authlib."""
        return request

    def get_authorization_grant(self, exchange: AuthorizationExchange) -> AuthorizationGrant:
        """Return the grant behind the response type.

        Raises:
            Refusal: the parameters as such are not in order, or the door does not serve this response type.
        """
        message = exchange.message
        if message.refusal is not None:
            raise message.refusal
        for name, cause in _REQUEST_OBJECTS.items():
            if name in message.parameters:
                raise Refusal(cause)
        sent = message.parameters.get("response_type")
        if sent is None:
            raise Refusal(Cause.MISSING_PARAMETER, f"The parameter {message.required['response_type']} is missing.")
        if sent not in message.response_types:
            raise Refusal(Cause.UNSUPPORTED_RESPONSE_TYPE)
        return RESPONSE_TYPES[sent](exchange, self)

    def get_token_grant(self, request: ExchangeRequest) -> TokenGrant:
        """Return the grant that the message names.

        Raises:
            Refusal: the grant exists at this door, but not in the client's dialect; said only to a client that has proved itself.
        """
        if not request.message.is_spoken:
            authenticate_client(request, self.assertions)
            raise Refusal(Cause.UNAUTHORIZED_GRANT)
        return self._grants[request.message.grant_type](request, self)

    def authenticate_client(self, request: ExchangeRequest, _methods: list[str], _endpoint: str = "token") -> Client:
        """Return the authenticated client; the registered method counts at every endpoint, so Authlib's lists are not asked."""
        return authenticate_client(request, self.assertions)

    def save_token(self, token: Mapping[str, Any], request: ExchangeRequest) -> None:
        """Do nothing: the grant put the records into the writes when it made the token."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Send nothing: the pipeline reports every outcome."""

    def handle_response(self, _status: int, body: Mapping[str, Any], _headers: object) -> Mapping[str, Any]:
        """Return the members of the answer; the dialect renders them."""
        return body

    def handle_error_response(self, request: ExchangeRequest, error: OAuth2Error) -> None:
        """Turn an error of Authlib's own into a refusal; a parameter that it misses is named as on the wire.

        Raises:
            Refusal: always.
        """
        if error.error == "invalid_request":
            check_parameters(request.message)
        raise Refusal(_CAUSES[error.error], error.description or None) from None


def _shop_of(request: ExchangeRequest) -> str | None:
    """Return the code of the shop that was acted for, or that a grant of the client's own was asked for."""
    facts, client = request.facts, request.client
    for held in (facts.code, facts.token):
        if held is not None and held.shop is not None and client is not None and held.grant.client_id == client.client_id:
            return held.shop.code
    return request.message.parameters.get("shop") if request.message.grant_type == "client_credentials" else None
