"""A userinfo door: a path at which clients ask who a person is, by an access token (OpenID Connect Core §5.3, RFC 6750)."""

from datetime import datetime
from typing import Final

from app.core.causes import STANDARD_ANSWERS, Cause
from app.dialects.codecs import MAXIMUM_BODY, URLENCODED, decode_urlencoded, media_type_of
from app.dialects.credentials import bearer_token
from app.dialects.dialect import Dialect
from app.dialects.door import HEADERS, Answer, Reading, WireRequest
from app.dialects.file import UserInfoDoorTable
from app.dialects.template import to_json
from app.messages import Endpoint, Outcome, Refusal, Request
from app.models import Client

_TOKEN: Final = "access_token"
_REALM: Final = 'Bearer realm="tokenry"'
_SCOPE: Final = {Cause.INSUFFICIENT_SCOPE: ', scope="openid"'}
_TOLD: Final = frozenset({"invalid_request", "invalid_token", "insufficient_scope"})
"""The error codes of RFC 6750 §3.1."""


class UserInfoDoor:
    """One path of one dialect."""

    endpoint: Final = Endpoint.USERINFO
    methods: Final = ("GET", "POST")
    media_types: Final = frozenset({URLENCODED})
    maximum_body: Final = MAXIMUM_BODY[URLENCODED]

    def __init__(self, table: UserInfoDoorTable, dialect: Dialect) -> None:
        self.path = table.path
        self.dialect = dialect
        self.title = table.title.get("en", table.path)
        self.is_cross_origin = table.cross_origin

    def read(self, wire: WireRequest) -> Reading:
        """Read a request: the token comes in the header, or in the form of a POST, and never in the URL (RFC 9700 §4.3.2).

        Raises:
            Refusal: the method is another one, or the token comes in more than one way.
        """
        if wire.method not in self.methods:
            raise Refusal(Cause.METHOD_NOT_ALLOWED, allow=", ".join(self.methods))
        in_header, in_body = bearer_token(wire.authorization), self._in_body(wire)
        if in_header is not None and (in_body is not None or b"access_token=" in wire.query):
            raise Refusal(Cause.CONFLICTING_CREDENTIALS, "The access token is sent in more than one way.")
        bearer = in_header or in_body
        return Reading([Request(endpoint=self.endpoint, dialect=self.dialect.name, parameters={}, bearer=bearer, address=wire.address)], "")

    def _in_body(self, wire: WireRequest) -> str | None:
        if not wire.body or media_type_of(wire.content_type) != URLENCODED:
            return None
        return decode_urlencoded(wire.body, wire.content_type).get(_TOKEN) or None

    def set_policy(self, request: Request, client: Client | None) -> None:
        """Do nothing: there is no grant here."""

    def render(self, outcome: Outcome, _word: str, _now: datetime, *, tried_basic: bool = False) -> Answer:
        """Return the answer to an outcome, with the challenge of RFC 6750 §3 where it is a refusal."""
        refusal = outcome.refusal
        if refusal is None:
            return _answer(200, outcome.render_token() or to_json(outcome.members), outcome.media_type)
        status, error, _ = STANDARD_ANSWERS[refusal.cause]
        if refusal.cause is Cause.NO_BEARER:
            # Whoever brought no token has done nothing wrong yet, and is told only how to ask (§3.1).
            return Answer(status, [*_bare(b""), (b"www-authenticate", _REALM.encode())], b"")
        answer = _answer(status, to_json({"error": error, "error_description": refusal.description}))
        if error in _TOLD and refusal.allow is None and status in {400, 401, 403}:
            challenge = f'{_REALM}, error="{error}", error_description="{refusal.description}"{_SCOPE.get(refusal.cause, "")}'
            answer.headers.append((b"www-authenticate", challenge.encode("ascii")))
        if refusal.retry_in is not None:
            answer.headers.append((b"retry-after", b"%d" % refusal.retry_in))
        if refusal.allow is not None:
            answer.headers.append((b"allow", refusal.allow.encode("ascii")))
        return answer


def _answer(status: int, body: bytes, media_type: str | None = None) -> Answer:
    if media_type is None:
        return Answer(status, [*HEADERS, (b"content-length", b"%d" % len(body))], body)
    return Answer(status, [(b"content-type", media_type.encode("ascii")), *_bare(body)], body)


def _bare(body: bytes) -> list[tuple[bytes, bytes]]:
    """Return the usual headers of an answer that is no JSON."""
    return [*HEADERS[1:], (b"content-length", b"%d" % len(body))]
