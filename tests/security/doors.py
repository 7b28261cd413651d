"""The doors that anybody can knock at, how to knock, and what every answer must look like, whatever was sent."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fixtures.world import basic_header

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data; boundary=B"
JSON: Final = "application/json"
Headers = Sequence[tuple[str | bytes, str | bytes]]


@dataclass(frozen=True, slots=True)
class Door:
    """One door with a request at which nothing is wrong but perhaps the code or token it presents.

    ``basic`` names the client that authenticates by header. ``grammar`` is how the door's errors are written.
    """

    path: str
    fields: Mapping[str, str]
    media_type: str = FORM
    basic: str | None = None
    bearer: str | None = None
    grammar: str = "rfc"
    limit: int = 64 * 1024
    name: str = ""

    def headers(self, secrets: Mapping[str, str]) -> list[tuple[str | bytes, str | bytes]]:
        """Return the headers of the request."""
        headers: list[tuple[str | bytes, str | bytes]] = [("content-type", self.media_type)]
        if self.basic is not None:
            headers.append(("authorization", basic_header(self.basic, secrets[self.basic])))
        if self.bearer is not None:
            headers.append(("authorization", f"Bearer {self.bearer}"))
        return headers

    def body(self, **changes: str) -> bytes:
        """Return the body of the request, with some fields changed or added."""
        return encoded({**self.fields, **changes}, self.media_type)


def encoded(fields: Mapping[str, Any] | Sequence[tuple[str, Any]], media_type: str) -> bytes:
    """Write fields as a body of a media type; names may stand there twice where they are given as pairs."""
    pairs = list(fields.items()) if isinstance(fields, Mapping) else list(fields)
    if media_type.startswith(JSON):
        return b"{" + b",".join(json.dumps(name).encode() + b":" + json.dumps(value).encode() for name, value in pairs) + b"}"
    if media_type.startswith("multipart/"):
        part = 'Content-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
        return "".join("--B\r\n" + part.format(name, value) for name, value in pairs).encode() + b"--B--\r\n"
    return b"&".join(escaped(name) + b"=" + escaped(value) for name, value in pairs)


def escaped(text: str) -> bytes:
    """Percent-encode everything but letters and digits."""
    return b"".join(bytes([byte]) if bytes([byte]).isalnum() else b"%%%02X" % byte for byte in text.encode("utf-8", "surrogatepass"))


def doors(secrets: Mapping[str, str]) -> list[Door]:
    """Return every door that takes a POST, some of them with several media types."""
    youzan = {"client_id": "testclient", "client_secret": secrets["testclient"]}
    platform = {"client_id": "platform-demo", "client_secret": secrets["platform-demo"]}
    store = {"client_id": "hex-demo", "client_secret": secrets["hex-demo"], "store_id": "S001"}
    person = {"username": "alice", "password": "a wrong password"}
    absent = {"code": "no-such-code", "redirect_uri": "http://127.0.0.1:9401/cb"}
    return [
        Door("/token", {"grant_type": "client_credentials"}, basic="demo-service", name="token"),
        Door("/token", {"grant_type": "authorization_code", **absent}, basic="demo-web", name="token-code"),
        Door("/introspect", {"token": "no-such-token"}, basic="demo-service", name="introspect"),
        Door("/revoke", {"token": "no-such-token"}, basic="demo-service", name="revoke"),
        Door("/oauth/token", {"grant_type": "authorize_platform", "kdt_id": "88888", **youzan}, name="youzan"),
        Door("/oauth/token", {"grant_type": "silent", "kdt_id": "88888", **youzan}, MULTIPART, name="youzan-multipart"),
        Door("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "0" * 32}, basic="alexa-demo", name="fantem"),
        Door("/oauth/token", {"grant_type": "authorization_code", **absent}, MULTIPART, name="fantem-anonymous"),
        Door("/oauth2/authorize", {"grant_type": "authorization_code", **platform, **absent}, name="platform-code"),
        Door("/oauth2/password", {"grant_type": "password", **platform, **person}, JSON, limit=256 * 1024, name="platform-password"),
        Door("/oauth2/client-credentials", {"grant_type": "client_credentials", **platform}, MULTIPART, name="platform-client"),
        Door("/oauth2/refresh-token", {"grant_type": "refresh_token", **platform, "refresh_token": "x" * 43}, name="platform-refresh"),
        Door("/third_party/oauth2/token", store, JSON, grammar="hex", limit=256 * 1024, name="hex"),
        Door(
            "/third_party/oauth2/token/refresh",
            {"refresh_token": "x" * 43},
            JSON,
            bearer="y" * 43,
            grammar="hex",
            limit=256 * 1024,
            name="hex-refresh",
        ),
    ]


NAMES: Final = [door.name for door in doors(dict.fromkeys(["testclient", "platform-demo", "hex-demo"], ""))]
PATHS: Final = sorted({door.path for door in doors(dict.fromkeys(["testclient", "platform-demo", "hex-demo"], ""))})


def door_named(name: str, secrets: Mapping[str, str]) -> Door:
    """Return one of the doors."""
    return next(door for door in doors(secrets) if door.name == name)


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a header's value, of several the last."""
        return next((value.decode("latin-1") for key, value in reversed(self.headers) if key == name.encode()), None)

    def json(self) -> Any:
        """Return what the body holds."""
        return json.loads(self.body)


async def knock(
    app: Any,
    path: str,
    headers: Headers = (),
    body: bytes | Sequence[bytes] = b"",
    *,
    method: str = "POST",
    query: bytes = b"",
    address: str = "192.0.2.7",
) -> Answer:
    """Send one request straight into an ASGI application, with bytes that no client library would let pass."""
    answer = Answer()
    chunks = [body] if isinstance(body, bytes) else list(body)
    messages = [{"type": "http.request", "body": chunk, "more_body": number < len(chunks)} for number, chunk in enumerate(chunks, 1)] or [
        {"type": "http.request", "body": b"", "more_body": False}
    ]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(_raw(name).lower(), _raw(value)) for name, value in headers],
        "client": (address, 40000),
        "server": ("127.0.0.1", 6749),
        "state": {},
    }
    await app(scope, receive, send)
    return answer


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


_PRINTABLE: Final = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")
_RFC: Final[Mapping[str, frozenset[int]]] = {
    "invalid_request": frozenset({400, 405, 413, 415}),
    "invalid_grant": frozenset({400}),
    "invalid_scope": frozenset({400}),
    "unauthorized_client": frozenset({400}),
    "unsupported_grant_type": frozenset({400}),
    "invalid_client": frozenset({401}),
    "temporarily_unavailable": frozenset({429, 503}),
}
_HEX: Final[Mapping[str, tuple[int, frozenset[int]]]] = {
    "invalid_request": (3, frozenset({400, 405, 413, 415})),
    "invalid_grant": (3, frozenset({400})),
    "invalid_client": (16, frozenset({401})),
    "invalid_token": (16, frozenset({401})),
    "unauthorized_client": (7, frozenset({403})),
    "unauthorized_store": (7, frozenset({403})),
    "rate_limited": (8, frozenset({429})),
    "unavailable": (14, frozenset({503})),
}
LARGEST_ANSWER: Final = 20_000


def complaints(door: Door, answer: Answer) -> list[str]:
    """Return what is wrong with an answer, by the contract that its door was made to."""
    wrong: list[str] = []

    def expect(truth: object, complaint: str) -> None:
        if not truth:
            wrong.append(f"{complaint}: {answer.status} {answer.headers} {answer.body[:300]!r}")

    expect(answer.status in {200, 400, 401, 403, 405, 413, 415, 429}, "this status is never an answer to what a client sends")
    expect(answer.header("content-type") == "application/json", "not JSON")
    expect(answer.header("cache-control") == "no-store", "may be stored")
    expect(answer.header("pragma") == "no-cache", "may be stored by old caches")
    expect(answer.header("server") is None, "names the server")
    expect(answer.header("content-length") == str(len(answer.body)), "the length is not the body's")
    names = [name for name, _ in answer.headers]
    expect(len(set(names)) == len(names), "a header stands there twice")
    expect(len(answer.body) < LARGEST_ANSWER, "large")
    try:
        members = json.loads(answer.body, object_pairs_hook=list)
    except ValueError:
        return [*wrong, f"no JSON: {answer.body[:300]!r}"]
    shape = [name for name, _ in members]
    if answer.status == 405:
        expect(answer.header("allow") == "POST", "does not say which method")
    if answer.status == 429:
        expect((answer.header("retry-after") or "").isdigit() and int(answer.header("retry-after") or 0) > 0, "does not say when")
    if answer.status == 200:
        expect("error" not in shape, "a success with an error")
        return wrong
    said = dict(members)
    if door.grammar == "hex":
        expect(shape == ["status_code", "code", "description", "payload"], "not the envelope")
        number, statuses = _HEX.get(said.get("code", ""), (None, frozenset()))
        expect(said.get("status_code") == number and answer.status in statuses, "number, code and status do not belong together")
        expect(said.get("payload") == [] and answer.body.endswith(b'"payload":{}}'), "a payload")
        return wrong
    expect(shape == ["error", "error_description"], "not the error of RFC 6749")
    expect(answer.status in _RFC.get(said.get("error", ""), frozenset()), "error and status do not belong together")
    expect(_PRINTABLE.fullmatch(said.get("error_description", "")), "the description breaks the grammar of RFC 6749 5.2")
    if door.path == "/oauth/token":
        expect(b"access_token" not in answer.body, "a partner's kit takes this for a success")
    return wrong
