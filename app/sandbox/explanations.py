"""What the server made of a request, stage by stage, and where it was refused: the rule behind it and the way out."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from app.sandbox.recorder import Recorded

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
_PRESENTED: Final = ("code=", "refresh_token=", "token=")


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Return the explanations by cause."""
    return tomllib.loads(Path(__file__).with_name("explanations.toml").read_text(encoding="utf-8"))


def explain(recorded: Recorded, language: str) -> dict[str, Any] | None:
    """Return the stages of a request with what became of each, and for one that was refused the rule and the fix.

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
    explanation: dict[str, Any] = {"stages": stages}
    if known is not None:
        explanation |= {
            "cause": event.cause,
            "meaning": known["meaning"][language],
            "rule": known["rule"],
            "fix": known["fix"][language],
            "detail": event.detail,
        }
    return explanation


def origin_of(recorded: Recorded, exchanges: Iterable[Recorded]) -> int | None:
    """Return the number of the exchange in which the presented code or token was handed out, where it is remembered."""
    body = recorded.request_body.decode("utf-8", "replace")
    values = [part.partition("=")[2] for part in body.split("&") if part.startswith(_PRESENTED)]
    presented = [value for value in values if len(value) >= 16]  # noqa: PLR2004 (shorter than any that was handed out)
    for earlier in exchanges:
        if earlier.number >= recorded.number:
            break
        location = next((value for name, value in earlier.response_headers if name == "location"), "")
        handed_out = earlier.response_body.decode("utf-8", "replace") + location
        if any(value in handed_out for value in presented):
            return earlier.number
    return None
