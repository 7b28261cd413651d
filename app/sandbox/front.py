"""In front of a namespace's application: records what goes in and out, lets the faults happen that were asked for, tells of moved time.

The application behind it is the one that ``serve`` runs, and does not know that it is watched.
"""

import asyncio
import json
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple, cast
from urllib.parse import parse_qs

from app.core.mistakes import Mistake
from app.dialects import Dialects, Door, MachineDoor, WireRequest
from app.dialects.door import Reading
from app.listener import HANG_UP
from app.messages import Outcome, Refusal
from app.models import Client
from app.sandbox.faults import TOKEN_FAULTS, Fault, FaultKind
from app.sandbox.quirks import quirks_behind
from app.sandbox.recorder import MAXIMUM_BODY, Recorded
from app.sandbox.robot import Robot
from app.sandbox.spoiling import Spoiler
from app.sandbox.worlds import World
from app.telemetry import Event, next_request_id

_BUFFERED: Final = 300 * 1024
"""Bytes of a body that are read before the application is asked: more than any door takes."""
_PIECES: Final = 10
_OF_THE_FIRST: Final = frozenset({b"cookie", b"content-type", b"content-length", b"transfer-encoding", b"origin"})
"""Header fields of the request that sent a browser on its way, which do not go with it."""
TIME_FIELD: Final = b"x-tokenry-time"
"""The header field that tells the namespace's time where it is not the machine's."""

Message = MutableMapping[str, Any]


@dataclass(slots=True)
class _Reply:
    """An answer as it is collected from the application."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        """Take one of ASGI's messages."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    def put_body(self, body: bytes) -> None:
        """Put another body in the place of this one."""
        self.body = body
        self.headers = [pair for pair in self.headers if pair[0].lower() != b"content-length"] + [(b"content-length", b"%d" % len(body))]


class _Understood(NamedTuple):
    """Who asks for what, as far as a door can read it without its database."""

    client_id: str | None = None
    grant: str | None = None
    door: MachineDoor | None = None
    reading: Reading | None = None


class Front:
    """Stands before all namespaces."""

    def __init__(self, dialects: Dialects) -> None:
        self._authorization = frozenset(dialects.authorization_doors)
        self._doors: dict[str, MachineDoor] = {door.path: door for door in dialects.machine_doors}
        self._spoiler = Spoiler()

    async def serve(self, world: World, scope: Message, receive: Any, send: Any) -> Recorded:  # noqa: ANN401 (ASGI's)
        """Answer one request to a namespace, and return what is remembered of it."""
        body, is_whole = await _read(scope, receive)
        recorded = world.recorder.begin(
            world.clock.now(), scope["method"], scope["path"], scope["query_string"].decode("latin-1"), _texts(scope["headers"])
        )
        recorded.request_body = body[:MAXIMUM_BODY]
        understood = self._understand(scope, body)
        fault = world.faults.next(understood.client_id, understood.grant, scope["path"]) if world.faults else None
        if fault is not None:
            recorded.fault = fault.number
        started = time.perf_counter()
        try:
            reply = await self._reply(world, scope, body, receive if not is_whole else None, understood, fault)
            if world.clock.is_moved:
                reply.headers.append((TIME_FIELD, world.clock.now().isoformat().encode()))
            recorded.status, recorded.response_headers = reply.status, _texts(reply.headers)
            recorded.response_body = reply.body[:MAXIMUM_BODY]
            recorded.seconds = time.perf_counter() - started
        finally:
            world.recorder.complete(recorded)
        recorded.quirks = await quirks_behind(world, understood.door, recorded)
        await _send(scope, send, reply, fault)
        return recorded

    async def replay(self, world: World, scope: Message, earlier: Recorded) -> Recorded:
        """Send an exchange's request once more, as it was received; ``scope`` is of the request that asks for it."""
        again = {
            **{name: scope[name] for name in ("type", "asgi", "http_version", "scheme", "client", "server") if name in scope},
            "method": earlier.method,
            "path": earlier.path,
            "raw_path": earlier.path.encode(),
            "query_string": earlier.query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in earlier.request_headers],
        }
        messages: list[Message] = [{"type": "http.request", "body": earlier.request_body, "more_body": False}]

        async def receive() -> Message:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(_message: Message) -> None:
            """Let the answer go: it is remembered."""

        return await self.serve(world, again, receive, send)

    async def _reply(
        self,
        world: World,
        scope: Message,
        body: bytes,
        rest: Any,  # noqa: ANN401 (ASGI's)
        understood: _Understood,
        fault: Fault | None,
    ) -> _Reply:
        kind = fault.kind if fault is not None else None
        if fault is not None and kind is FaultKind.STATUS:
            return _as_a_proxy(fault)
        if fault is not None and kind is FaultKind.REFUSE:
            return await self._refuse(world, scope, understood, fault)
        if kind is FaultKind.KEYS_ROTATED:
            await self._spoiler.rotate(world)
        reply = _Reply()
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": rest is not None}] if body or rest is None else []

        async def again() -> Message:
            if first:
                return first.pop()
            return await rest() if rest is not None else {"type": "http.disconnect"}

        await world.serve(scope, again, reply.take)
        if world.responses and scope["path"] in self._authorization:
            reply = await self._led(world, scope, reply)
        if fault is not None and kind in TOKEN_FAULTS:
            reply.put_body(await self._spoiler.spoil(world, fault.kind, reply.body))
        if fault is not None and kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.seconds)
        return reply

    async def _led(self, world: World, scope: Message, reply: _Reply) -> _Reply:
        """Let the robot go on where a person would be asked."""

        async def ask(method: str, path: str, query: str, cookies: str, body: bytes) -> _Reply:
            headers = [pair for pair in scope["headers"] if pair[0] not in _OF_THE_FIRST] + [(b"cookie", cookies.encode("latin-1"))]
            if method == "POST":
                headers += [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"%d" % len(body))]
            inner = {**scope, "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}
            found = _Reply()
            messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

            async def receive() -> Message:
                return messages.pop() if messages else {"type": "http.disconnect"}

            await world.serve(inner, receive, found.take)
            return found

        robot = Robot(world.issuer, world.storage, world.clock, world.responses, ask)
        cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
        hint = parse_qs(scope["query_string"].decode("latin-1")).get("login_hint", [None])[0]
        try:
            return cast("_Reply", await robot.lead(scope["path"], cookies, hint, reply))
        except Mistake as mistake:
            return _told(400, str(mistake))

    def _understand(self, scope: Message, body: bytes) -> _Understood:
        door = self._doors.get(scope["path"])
        if door is None:
            return _Understood()
        headers = dict(reversed([(name, value.decode("latin-1")) for name, value in scope["headers"]]))
        wire = WireRequest(
            scope["method"], headers.get(b"content-type", ""), headers.get(b"authorization"), scope["query_string"], body, ""
        )
        try:
            reading = door.read(wire)
        except Refusal:
            return _Understood(door=door)
        request = reading.candidates[0]
        return _Understood(request.credentials.client_id, request.registered_grant or None, door, reading)

    @staticmethod
    async def _refuse(world: World, scope: Message, understood: _Understood, fault: Fault) -> _Reply:
        """Answer with an error of the dialect, in the words and under the options of the client that asked."""
        refusal = Refusal(fault.cause, detail="injected", retry_in=fault.retry_after)
        request_id, now = next_request_id(), world.clock.now()
        if understood.door is None:
            reply = _as_a_proxy(fault)
        else:
            client: Client | None = None
            if (client_id := understood.client_id) is not None:
                client = await world.storage.look(lambda catalog: catalog.client(client_id))
            word = understood.reading.word if understood.reading is not None else ""
            outcome = Outcome(refusal=refusal, client=client)
            reply = _Reply(*understood.door.render(outcome, word, now, tried_basic=isinstance(understood.door, Door)))
        reply.headers.append((b"x-request-id", request_id.encode()))
        world.recorder.record(
            Event(
                at=now,
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                status=reply.status,
                seconds=0.0,
                address=(scope.get("client") or ("",))[0],
                grant=understood.grant,
                client_id=understood.client_id,
                cause=refusal.cause,
                detail=refusal.detail,
            )
        )
        return reply


def _told(status: int, text: str) -> _Reply:
    """Return an answer of the sandbox itself."""
    reply = _Reply(status, [(b"content-type", b"application/json"), (b"cache-control", b"no-store")])
    reply.put_body(json.dumps({"error": "sandbox", "error_description": text}).encode())
    return reply


def _as_a_proxy(fault: Fault) -> _Reply:
    status = fault.status if fault.kind is FaultKind.STATUS else 500
    reply = _told(status, HTTPStatus(status).phrase if status in set(HTTPStatus) else "Injected")
    if fault.retry_after is not None:
        reply.headers.append((b"retry-after", b"%d" % fault.retry_after))
    return reply


async def _read(scope: Message, receive: Any) -> tuple[bytes, bool]:  # noqa: ANN401 (ASGI's)
    """Return the body, and whether that is all of it: one that is larger than any that is taken is the application's to refuse."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(announced) > _BUFFERED:  # the listener has refused what is no number
        return b"", False
    body = b""
    while len(body) <= _BUFFERED:
        message = await receive()
        if message["type"] != "http.request":
            return body, True
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body, True
    return body, False


async def _send(scope: Message, send: Any, reply: _Reply, fault: Fault | None) -> None:  # noqa: ANN401 (ASGI's)
    kind = fault.kind if fault is not None else None
    hang_up = (scope.get("extensions") or {}).get(HANG_UP)
    if kind is FaultKind.RESET and hang_up is not None:
        hang_up()
        await asyncio.sleep(0.01)
        return
    body = b"" if scope["method"] == "HEAD" else reply.body
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    if kind is FaultKind.CUT_BODY and hang_up is not None and body:
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        hang_up()
        await asyncio.sleep(0.01)
        return
    if fault is not None and kind is FaultKind.SLOW_BODY:
        size = -(-len(body) // _PIECES) or 1
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await asyncio.sleep(fault.seconds / _PIECES)
        body = b""
    await send({"type": "http.response.body", "body": body})


def _texts(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
