"""What the inspector shows: the exchanges of a namespace in a list, and one of them in detail."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.sandbox.control_parts import Search
from app.sandbox.places import place_of
from app.sandbox.recorder import Recorded
from app.sandbox.showing import shown
from app.sandbox.views import DecodedToken, ExchangeLine, ExchangePage, Filter, InspectorPage
from app.sandbox.worlds import World

_SHOWN: Final = 200
_LONGEST: Final = 200
_UNREFUSED: Final = {"cause": None, "meaning": "", "rule": "", "fix": "", "detail": None}
"""What is explained of a refusal, for exchanges that are none."""
_TEXTS: Final = re.compile(r"RFC (\d+)(?: §([\d.]+))?|OpenID Connect Core(?: §[\d.]+)?")
_OPENID: Final = "https://openid.net/specs/openid-connect-core-1_0.html"


def line_of(recorded: Recorded) -> ExchangeLine:
    """Return what a list shows of an exchange."""
    event = recorded.event
    return ExchangeLine(
        number=recorded.number,
        time=f"{recorded.at:%H:%M:%S}",
        method=recorded.method,
        path=recorded.path,
        status=recorded.status,
        milliseconds=round(recorded.seconds * 1000, 1),
        client_id=(event.client_id if event else None) or "",
        grant=(event.grant if event else None) or "",
        cause=(event.cause if event else None) or "",
        fault=recorded.fault,
    )


def is_of_interest(recorded: Recorded) -> bool:
    """Whether a list shows an exchange: what belongs to a page, such as its style, is only in the way."""
    return not recorded.path.startswith("/static/")


async def inspector_page(world: World, request: Request, language: str) -> InspectorPage:
    """Return the list, of the exchanges that the page's query asks for."""
    asked = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in ("search", "client_id", "path", "result")}
    wanted = Filter(**asked)
    search = Search.model_validate(
        {"search": wanted.search or None, "client_id": wanted.client_id or None, "path": wanted.path or None, "language": language}
    )
    everything = [recorded for recorded in world.recorder if is_of_interest(recorded)]
    lines = [line_of(recorded) for recorded in reversed(everything) if search.finds(recorded)]
    if wanted.result:
        lines = [line for line in lines if line.is_refused == (wanted.result == "refused")]
    all_lines = [line_of(recorded) for recorded in everything]
    return InspectorPage(
        place=place_of(world, request),
        exchanges=lines[:_SHOWN],
        filter=wanted,
        clients=sorted({line.client_id for line in all_lines if line.client_id} | {wanted.client_id} - {""}),
        paths=sorted({line.path for line in all_lines} | {wanted.path} - {""}),
        total=len(everything),
    )


async def exchange_page(world: World, request: Request, language: str) -> ExchangePage:
    """Return one exchange in detail."""
    number: int = request.path_params["number"]
    place = place_of(world, request)
    recorded = world.recorder.find(number)
    if recorded is None:
        return ExchangePage(place=place, number=number, exchange=None)
    revealed = request.query_params.get("reveal") == "true"
    exchange = shown(world.recorder, recorded, world.issuer, language, reveal=revealed)
    there = [one.number for one in world.recorder]
    explanation = exchange["explanation"] or {}
    if explanation:
        exchange["explanation"] = _UNREFUSED | explanation
    return ExchangePage(
        place=place,
        number=number,
        exchange=exchange,
        request=_request_text(exchange["request"]),
        response=_message(f"HTTP/1.1 {recorded.status}", exchange["response"]),
        tokens=[
            DecodedToken(member=token["member"], header=_pretty(token["header"]), claims=_pretty(token["claims"]))
            for token in exchange["tokens"]
        ],
        curl=exchange["curl"],
        rule=list(rule_parts(explanation.get("rule", ""))),
        revealed=revealed,
        previous=max((one for one in there if one < number), default=None),
        following=min((one for one in there if one > number), default=None),
    )


def rule_parts(rule: str) -> Iterator[tuple[str, str]]:
    """Yield a rule in pieces, each with the address of the text where it names one."""
    end = 0
    for match in _TEXTS.finditer(rule):
        if match.start() > end:
            yield rule[end : match.start()], ""
        section = f"#section-{match[2].rstrip('.')}" if match[2] else ""
        yield match[0], f"https://www.rfc-editor.org/rfc/rfc{match[1]}{section}" if match[1] else _OPENID
        end = match.end()
    if rule[end:]:
        yield rule[end:], ""


def _request_text(request: dict[str, Any]) -> str:
    query = f"?{request['query']}" if request["query"] else ""
    return _message(f"{request['method']} {request['path']}{query} HTTP/1.1", request)


def _message(first: str, message: dict[str, Any]) -> str:
    """Return a message as it goes over the wire, with its body laid out for people."""
    headers = [f"{name}: {value}" for name, value in message["headers"]]
    media_type = next((value for name, value in message["headers"] if name == "content-type"), "").partition(";")[0].strip()
    body = _laid_out(message["body"], media_type)
    return "\n".join([first, *headers, *(["", body] if body else [])])


def _laid_out(body: str, media_type: str) -> str:
    if media_type.endswith("json"):
        try:
            return _pretty(json.loads(body))
        except ValueError:
            return body
    if media_type == "application/x-www-form-urlencoded":
        return "\n&".join(f"{name}={value}" for name, value in parse_qsl(body, keep_blank_values=True)) or body
    return body


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
