"""A machine's door over HTTP: bounds what comes in, hands it to the pipeline, and answers whatever happens.

There are two ways in: a whole request comes directly from the server, every other one by a route of the framework.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final

from starlette.responses import Response

from app.core.causes import Cause
from app.core.clock import Clock
from app.dialects import Answer, MachineDoor, WireRequest
from app.messages import Endpoint, Outcome, Refusal
from app.pipeline import Exchange, Pipeline
from app.routers.cross_origin import Origins, preflight, readable
from app.telemetry import Event, Journal, next_request_id
from app.telemetry.logs import describe

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

_log: Final = logging.getLogger("tokenry.routers")


class ClientGone(Exception):  # noqa: N818 (an event)
    """The client closed the connection before its request was complete."""


class _Silence(Response):
    """Sends nothing: nobody is there."""

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Send nothing."""


class Machine:
    """One door of the service."""

    def __init__(self, door: MachineDoor, clock: Clock, journal: Journal) -> None:
        self.door = door
        self.pipeline: Pipeline | None = None
        self.origins: Origins | None = None
        self._clock = clock
        self._journal = journal
        self._may_sign = door.endpoint is Endpoint.INTROSPECTION
        """Whether the answer depends on what the client accepts."""

    @property
    def maximum_body(self) -> int:
        """How many bytes a body may have."""
        return self.door.maximum_body

    def take(self, method: str, headers: Headers, body: bytes, address: str) -> Coroutine[Any, None, Answer]:
        """Answer a request that came directly."""
        return self._respond(method, headers, b"", body if method == "POST" else b"", address)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as an ASGI application."""
        await (await self.route(scope, receive))(scope, receive, send)

    async def route(self, scope: Scope, receive: Receive) -> Response:
        """Answer one request as a route of the framework."""
        body: bytes | Refusal
        try:
            body = await self._body(scope, receive)
        except ClientGone:
            return _Silence()
        except Refusal as refusal:
            body = refusal
        client = scope.get("client")
        answer = await self._respond(scope["method"], scope["headers"], scope["query_string"], body, client[0] if client else "")
        response = Response(b"" if scope["method"] == "HEAD" else answer.body, answer.status)
        response.raw_headers = answer.headers
        return response

    async def _respond(self, method: str, headers: Headers, query: bytes, body: bytes | Refusal, address: str) -> Answer:
        """Answer one request, or what is wrong with its body."""
        started = time.perf_counter()
        request_id = next_request_id()
        exchange: Exchange
        try:
            wire, origin = self._read(method, headers, query, body, address)
        except Refusal as refusal:
            exchange = self._refused(refusal)
        else:
            if self.pipeline is None:
                exchange = self._refused(Refusal(Cause.UNAVAILABLE, detail="not started yet", retry_in=1))
            elif origin is None:
                exchange = await self.pipeline.exchange(self.door, wire)
            else:
                exchange = await self._of_page(origin, wire, self.pipeline)
        if exchange.defect is not None:
            _log.error("request %s failed: %s", request_id, describe(exchange.defect))
            exchange.defect = None
        answer = exchange.answer
        answer.headers.append((b"x-request-id", request_id.encode()))
        self._journal.record(self._event(exchange, method, address, request_id, time.perf_counter() - started))
        return answer

    def _event(self, exchange: Exchange, method: str, address: str, request_id: str, seconds: float) -> Event:
        request, outcome = exchange.request, exchange.outcome
        event = Event(
            at=exchange.at,
            request_id=request_id,
            method=method,
            path=self.door.path,
            status=exchange.answer.status,
            seconds=seconds,
            address=address,
            user_id=outcome.user_id,
            shop=outcome.shop,
            replayed=outcome.replayed,
        )
        if request is not None:
            event.dialect = request.dialect
            event.grant = request.registered_grant or request.endpoint
            event.client_id = request.credentials.client_id
            event.client_name = request.parameters.get("client_name")
        if outcome.client is not None:
            event.client_id = outcome.client.client_id
        if outcome.refusal is not None:
            event.cause = outcome.refusal.cause
            event.detail = outcome.refusal.detail or outcome.refusal.description
        return event

    def _read(self, method: str, headers: Headers, query: bytes, body: bytes | Refusal, address: str) -> tuple[WireRequest, str | None]:
        """Return a request as the dialects look at it, and the origin of the page that sends it, if a page does.

        Raises:
            Refusal: its body is what cannot be taken, or a header field that must be one is more.
        """
        content_type, authorization, origin = "", None, None
        for name, value in headers:
            if name == b"content-type":
                if content_type:
                    raise Refusal(Cause.UNSUPPORTED_MEDIA_TYPE, "There is more than one Content-Type.")
                content_type = value.decode("latin-1")
            elif name == b"authorization":
                if authorization is not None:
                    raise Refusal(Cause.CONFLICTING_CREDENTIALS)
                authorization = value.decode("latin-1")
            elif name == b"origin" and self.door.is_cross_origin:
                origin = value.decode("latin-1")
        if isinstance(body, Refusal):
            raise body
        accepted = _accepted(headers) if self._may_sign else ""
        return WireRequest(method, content_type, authorization, query, body, address, accepted), origin

    async def _of_page(self, origin: str, wire: WireRequest, pipeline: Pipeline) -> Exchange:
        """Return the exchange of a page of another origin, which may first ask whether it may ask."""
        if wire.method == "OPTIONS" and self.origins is not None and await self.origins.knows(origin):
            exchange = Exchange(self._clock.now())
            exchange.answer = Answer(200, preflight(origin, self.door.methods), b"")
        else:
            exchange = await pipeline.exchange(self.door, wire)
            exchange.answer.headers.extend(readable(origin, is_its_own=await self._is_of(origin, exchange.outcome)))
        return exchange

    async def _is_of(self, origin: str, outcome: Outcome) -> bool:
        """Whether an answer is for pages of an origin: for those of its client, or a refusal for those of any, where no client is known."""
        if outcome.client is not None:
            return origin in outcome.client.allowed_origins
        return outcome.refusal is not None and self.origins is not None and await self.origins.knows(origin)

    def _refused(self, refusal: Refusal) -> Exchange:
        """Return the exchange of a request that the pipeline never saw."""
        exchange = Exchange(self._clock.now())
        exchange.outcome = Outcome(refusal=refusal.settled())
        exchange.answer = self.door.render(exchange.outcome, "", exchange.at)
        return exchange

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body of a request that may have one; how long it may take to arrive is the listener's to bound.

        Raises:
            Refusal: it is too large.
            ClientGone: nobody waits for an answer any more.
        """
        if scope["method"] != "POST":
            return b""
        limit = self.door.maximum_body
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if len(length) < 20 and length.isdigit() and int(length) > limit:  # noqa: PLR2004 (beyond any integer)
            raise Refusal(Cause.BODY_TOO_LARGE)
        body: bytes = b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientGone
            body += message.get("body", b"")
            if len(body) > limit:
                raise Refusal(Cause.BODY_TOO_LARGE)
            if not message.get("more_body", False):
                return body


def _accepted(headers: Headers) -> str:
    """Return what a client accepts, of several header fields as of one (RFC 9110 §5.3)."""
    return b",".join([value for name, value in headers if name == b"accept"]).decode("latin-1")
