"""What the server made of a request, stage by stage, and where it was refused: the rule behind it and the way out."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from app.dialects.file import QuirkTable
from app.sandbox.recorder import Recorded
from app.sandbox.tables import words

STAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "receive": {"en": "The request arrived: method, size and media type", "zh": "收到请求：方法、大小与媒体类型"},
    "read": {"en": "It was read: body, parameters and grant", "zh": "解析请求：请求体、参数与授权方式"},
    "client": {"en": "The client is known and authenticated", "zh": "识别并认证客户端"},
    "permission": {"en": "The client may ask for this", "zh": "客户端有权提出该请求"},
    "proof": {"en": "What it presents is valid: code, token, person", "zh": "出示的凭证有效：授权码、令牌、用户"},
    "scope": {"en": "The scope is the client's to ask for", "zh": "权限范围合法"},
    "answer": {"en": "The decision was stored and answered", "zh": "保存并返回结果"},
}
"""The way of a request through the server."""
_PRESENTED: Final = frozenset({"code", "refresh_token", "token"})
_SHORTEST: Final = 16
"""Characters of the shortest code or token that is handed out."""


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Return the explanations by cause."""
    return tomllib.loads(Path(__file__).with_name("explanations.toml").read_text(encoding="utf-8"))


def explain(recorded: Recorded, language: str) -> dict[str, Any] | None:
    """Return the stages of a request with what became of each, the quirks that shaped its answer, and of a refusal the rule and the fix.

    ``None`` where the server noted nothing, as for metadata.
    """
    event = recorded.event
    if event is None:
        return None
    known = table().get(event.cause) if event.cause is not None else None
    stages, state = [], "passed"
    for name, title in STAGES.items():
        if known is not None and known["stage"] == name:
            state = "failed"
        stages.append({"stage": name, "title": title[language], "result": state})
        if state == "failed":
            state = "not reached"
    explanation: dict[str, Any] = {"stages": stages, "quirks": [_quirk(name, quirk, language) for name, quirk in recorded.quirks.items()]}
    if known is not None:
        explanation |= {
            "cause": event.cause,
            "meaning": known["meaning"][language],
            "rule": known["rule"] if isinstance(known["rule"], str) else known["rule"][language],
            "fix": known["fix"][language],
            "detail": event.detail,
        }
    return explanation


def _quirk(name: str, quirk: QuirkTable, language: str) -> dict[str, str]:
    return {"name": name, "title": words(quirk.title, language), "note": words(quirk.note, language)}


def origin_of(recorded: Recorded, exchanges: Iterable[Recorded]) -> int | None:
    """Return the number of the exchange in which the presented code or token was handed out, where it is remembered."""
    presented = [value for value in _presented(recorded) if len(value) >= _SHORTEST]
    for earlier in exchanges if presented else ():
        if earlier.number >= recorded.number:
            break
        location = next((value for name, value in earlier.response_headers if name == "location"), "")
        handed_out = earlier.response_body.decode("utf-8", "replace") + location
        if any(value in handed_out for value in presented):
            return earlier.number
    return None


def _presented(recorded: Recorded) -> Iterator[str]:
    """Yield the codes and tokens that a request presents: in a form, in JSON, or as a bearer."""
    body = recorded.request_body.decode("utf-8", "replace")
    try:
        members = json.loads(body)
    except ValueError:
        members = dict(parse_qsl(body))
    if isinstance(members, dict):
        yield from (value for name, value in members.items() if name in _PRESENTED and isinstance(value, str))
    for name, value in recorded.request_headers:
        if name == "authorization" and value[:7].lower() == "bearer ":
            yield value[7:]
