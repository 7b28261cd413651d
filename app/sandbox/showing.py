"""How an exchange is shown: in words, with its secrets masked, as a line for the shell, and as HAR."""

import base64
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from app import __version__
from app.sandbox.explanations import explain, origin_of
from app.sandbox.recorder import Headers, Recorded, Recorder

_SECRET: Final = frozenset({"client_secret", "password", "new_password", "current_password", "client_assertion", "csrf"})
"""Parameters and members of which nothing is shown."""
_TOKENS: Final = frozenset({"access_token", "refresh_token", "id_token", "code", "token", "code_verifier", "id_token_hint", "logout_token"})
"""Those that are recognised by their first characters."""
_SHOWN: Final = 8
_HIDDEN: Final = "••••"
_HEADERS_MASKED: Final = frozenset({"cookie", "set-cookie"})
_HEADERS_WITH_ADDRESSES: Final = frozenset({"location", "referer"})


def view(recorded: Recorded, issuer: str, language: str = "en", *, reveal: bool = False) -> dict[str, Any]:
    """Return an exchange with an issuer as JSON members; ``reveal`` leaves the secrets in it."""
    event = recorded.event
    return {
        "number": recorded.number,
        "at": recorded.at.isoformat(timespec="milliseconds"),
        "milliseconds": round(recorded.seconds * 1000, 1),
        "request": {
            "method": recorded.method,
            "path": recorded.path,
            "query": _text(recorded.query, reveal=reveal),
            "headers": _headers(recorded.request_headers, reveal=reveal),
            "body": _body(recorded.request_body, _content_type(recorded.request_headers), reveal=reveal),
        },
        "response": {
            "status": recorded.status,
            "headers": _headers(recorded.response_headers, reveal=reveal),
            "body": _body(recorded.response_body, _content_type(recorded.response_headers), reveal=reveal),
        },
        "understood": None
        if event is None
        else {
            name: value
            for name in ("dialect", "grant", "client_id", "user_id", "shop", "cause", "detail", "request_id")
            if (value := getattr(event, name)) is not None
        },
        "explanation": explain(recorded, language),
        "tokens": decoded(recorded),
        "fault": recorded.fault,
        "curl": curl(recorded, issuer, reveal=reveal),
    }


def shown(recorder: Recorder, recorded: Recorded, issuer: str, language: str, *, reveal: bool = False) -> dict[str, Any]:
    """Return an exchange as :func:`view` does, with the number of the one that handed out what it presents."""
    exchange = view(recorded, issuer, language, reveal=reveal)
    if exchange["explanation"] is not None:
        exchange["explanation"]["origin"] = origin_of(recorded, recorder)
    return exchange


def line(recorded: Recorded) -> dict[str, Any]:
    """Return the least that tells exchanges apart."""
    event = recorded.event
    return {
        "number": recorded.number,
        "at": recorded.at.isoformat(timespec="milliseconds"),
        "method": recorded.method,
        "path": recorded.path,
        "status": recorded.status,
        "milliseconds": round(recorded.seconds * 1000, 1),
        "client_id": event.client_id if event else None,
        "grant": event.grant if event else None,
        "cause": event.cause if event else None,
        "fault": recorded.fault,
    }


def curl(recorded: Recorded, address: str, *, reveal: bool = False) -> str:
    """Return the request as a line for the shell."""
    query = f"?{_text(recorded.query, reveal=reveal)}" if recorded.query else ""
    parts = ["curl", "-i"]
    if recorded.method not in {"GET", "POST"} or (recorded.method == "POST" and not recorded.request_body):
        parts += ["-X", recorded.method]
    for name, value in _headers(recorded.request_headers, reveal=reveal):
        if name in {"authorization", "content-type", "accept", "origin"}:
            parts += ["-H", f"{name}: {value}"]
    if recorded.request_body:
        parts += ["--data-binary", _body(recorded.request_body, _content_type(recorded.request_headers), reveal=reveal)]
    return shlex.join([*parts, f"{address}{recorded.path}{query}"])


def decoded(recorded: Recorded) -> list[dict[str, Any]]:
    """Return header and claims of the signed tokens in the answer, unchecked."""
    found: list[dict[str, Any]] = []
    try:
        members = json.loads(recorded.response_body)
    except ValueError:
        return found
    for name, value in _members(members):
        if isinstance(value, str) and value.count(".") == 2:  # noqa: PLR2004 (RFC 7515 §3.1)
            try:
                header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in value.split(".")[:2])
            except ValueError:
                continue
            found.append({"member": name, "header": header, "claims": claims})
    return found


def har(exchanges: Iterable[Recorded], address: str) -> dict[str, Any]:
    """Return exchanges in the HTTP Archive format 1.2, with masked secrets."""
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "Tokenry", "version": __version__},
            "entries": [_entry(recorded, address) for recorded in exchanges],
        }
    }


def _entry(recorded: Recorded, address: str) -> dict[str, Any]:
    request_type, response_type = _content_type(recorded.request_headers), _content_type(recorded.response_headers)
    request_body = _body(recorded.request_body, request_type, reveal=False)
    response_body = _body(recorded.response_body, response_type, reveal=False)
    query = f"?{_text(recorded.query, reveal=False)}" if recorded.query else ""
    milliseconds = round(recorded.seconds * 1000, 3)
    return {
        "startedDateTime": recorded.at.isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": {
            "method": recorded.method,
            "url": f"{address}{recorded.path}{query}",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in _headers(recorded.request_headers, reveal=False)],
            "queryString": [
                {"name": name, "value": value} for name, value in parse_qsl(_text(recorded.query, reveal=False), keep_blank_values=True)
            ],
            **({"postData": {"mimeType": request_type, "text": request_body}} if recorded.request_body else {}),
            "headersSize": -1,
            "bodySize": len(recorded.request_body),
        },
        "response": {
            "status": recorded.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in _headers(recorded.response_headers, reveal=False)],
            "content": {"size": len(recorded.response_body), "mimeType": response_type, "text": response_body},
            "redirectURL": _text(next((value for name, value in recorded.response_headers if name == "location"), ""), reveal=False),
            "headersSize": -1,
            "bodySize": len(recorded.response_body),
        },
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    }


def _members(value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield name, member
            yield from _members(member)


def _content_type(headers: Headers) -> str:
    return next((value for name, value in headers if name == "content-type"), "")


def masked(name: str, value: str) -> str:
    """Return a parameter's value as it may be shown."""
    if name in _SECRET:
        return _HIDDEN
    return f"{value[:_SHOWN]}{_HIDDEN}" if name in _TOKENS and len(value) > _SHOWN else value


def _headers(headers: Headers, *, reveal: bool) -> Headers:
    return headers if reveal else [(name, _header(name, value)) for name, value in headers]


def _header(name: str, value: str) -> str:
    if name == "authorization":
        scheme, _, rest = value.partition(" ")
        return f"{scheme} {rest[:_SHOWN] if scheme.lower() == 'bearer' else ''}{_HIDDEN}"
    if name in _HEADERS_MASKED:
        return re.sub(r"=[^;]*", f"={_HIDDEN}", value, count=0 if name == "cookie" else 1)
    return _masked_text(value) if name in _HEADERS_WITH_ADDRESSES else value


def _text(text: str, *, reveal: bool) -> str:
    return text if reveal else _masked_text(text)


def _body(body: bytes, content_type: str, *, reveal: bool) -> str:
    text = body.decode("utf-8", "replace")
    if reveal or not text:
        return text
    media_type = content_type.partition(";")[0].strip().lower()
    return _MASKING.get(media_type, _masked_unknown)(text)


def _masked_text(text: str) -> str:
    """Return a query, an address or lines of ``name=value`` with its secrets masked."""
    return _PAIR.sub(lambda match: match[1] + match[2] + masked(unquote(match[1]).lower(), match[3]), text)


def _masked_unknown(text: str) -> str:
    """Return a body of a type that nobody asked for: JSON is sent under any name."""
    return _masked_members(text) if text.lstrip().startswith(("{", "[")) else _masked_text(text)


def _masked_form(text: str) -> str:
    shown = urlencode([(name, masked(name, value)) for name, value in parse_qsl(text, keep_blank_values=True)])
    return shown.replace(quote(_HIDDEN), _HIDDEN)


def _masked_parts(text: str) -> str:
    return _PART.sub(lambda match: match[1] + masked(match[2], match[3]), text)


def _masked_members(text: str) -> str:
    try:
        return json.dumps(_masked_json(json.loads(text)), ensure_ascii=False)
    except ValueError:
        return _HIDDEN


def _masked_json(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _masked_json(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked_json(member, name) for member in value]
    return masked(name, value) if isinstance(value, str) else value


def _spellings(name: str) -> str:
    """Return an expression for a name, any character of which may be percent-encoded."""
    return "".join(f"(?:{re.escape(character)}|%{ord(character):02x})" for character in name)


_PAIR: Final = re.compile(
    rf"(?:(?<![\w%-])|(?<=%[0-9a-f]{{2}}))({'|'.join(map(_spellings, sorted(_SECRET | _TOKENS)))})(\s*=\s*|%3d)([^&\r\n]*)", re.IGNORECASE
)
"""A secret in a text: from a name that is not the end of another one to the next parameter or line. An address may hold another one."""
_PART: Final = re.compile(r'(name="([^"]*)"[^\r\n]*(?:\r\n[^\r\n]+)*\r\n\r\n)([^\r\n]*)')
_MASKING: Final[Mapping[str, Callable[[str], str]]] = {
    "application/x-www-form-urlencoded": _masked_form,
    "application/json": _masked_members,
    "multipart/form-data": _masked_parts,
    "text/html": lambda text: f"({len(text)} characters of HTML)",
}
