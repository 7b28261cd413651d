"""What is measured: the requests of each workload, and of the two yardsticks."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from bench.load import Plan
from bench.stock import (
    CHALLENGE,
    JWT,
    LINK,
    OPENID,
    OPENID_SCOPE,
    PASSWORD,
    PLATFORM,
    REDIRECT_URI,
    SECRET,
    SERVICE,
    VERIFIER,
    Amounts,
    Stock,
)

CODES_PER_SECOND: Final = 6000
"""More than can be exchanged; a run whose codes are used up ends early."""
TOKENS_EACH: Final = 8
PASSWORD_CONNECTIONS: Final = 16
"""More would wait for the hashing longer than an exchange may take."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A kind of request, and the plans of the connections that send it."""

    name: str
    plans: Callable[[Stock, int, float], list[Plan]]


def _around(path: str, body: str, client_id: str | None, width: int = 0) -> tuple[str, str]:
    """Return a request before and behind the place of a value of ``width`` characters, which is ``{}`` in the body."""
    left, _, right = body.partition("{}")
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Accept: */*", "Content-Type: application/x-www-form-urlencoded"]
    if client_id is not None:
        lines.append(f"Authorization: Basic {base64.b64encode(f'{client_id}:{SECRET}'.encode()).decode()}")
    lines.append(f"Content-Length: {len(left) + width + len(right)}")
    return "\r\n".join([*lines, "", left]), right


_ISSUED: Final = '"access_token":"'
_SECRET_WIDTH: Final = 43


def _constant(path: str, client_id: str = SERVICE) -> Callable[[Stock, int, float], list[Plan]]:
    def plans(_stock: Stock, connections: int, _seconds: float) -> list[Plan]:
        before, after = _around(path, "grant_type=client_credentials", client_id)
        return [Plan(before=before, after=after, values=[""], expect=_ISSUED)] * connections

    return plans


def _refresh(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    before, after = _around("/token", "grant_type=refresh_token&refresh_token={}", SERVICE, _SECRET_WIDTH)
    return [Plan(before=before, after=after, values=[stock.rotating.pop()], mode="chain", expect=_ISSUED) for _ in range(connections)]


def _reuse(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    before, after = _around("/oauth/token", "grant_type=refresh_token&refresh_token={}", LINK, _SECRET_WIDTH)
    return [Plan(before=before, after=after, values=stock.reused[i::connections], expect=_ISSUED) for i in range(connections)]


def _exchange(stock: Stock, connections: int, seconds: float) -> list[Plan]:
    return _exchanges(stock.codes, SERVICE, _ISSUED, connections, seconds)


def _openid_exchange(algorithm: str) -> Callable[[Stock, int, float], list[Plan]]:
    def plans(stock: Stock, connections: int, seconds: float) -> list[Plan]:
        return _exchanges(stock.openid_codes[algorithm], OPENID[algorithm], '"id_token":"', connections, seconds)

    return plans


def _exchanges(codes: list[str], client_id: str, expect: str, connections: int, seconds: float) -> list[Plan]:
    body = f"grant_type=authorization_code&code={{}}&redirect_uri={quote(REDIRECT_URI, safe='')}&code_verifier={VERIFIER}"
    before, after = _around("/token", body, client_id, _SECRET_WIDTH)
    each = _codes_each(connections, seconds)
    plans = []
    for _ in range(connections):
        values, codes[-each:] = codes[-each:], []
        plans.append(Plan(before=before, after=after, values=values, mode="once", expect=expect))
    return plans


def _codes_each(connections: int, seconds: float) -> int:
    return max(2, int(CODES_PER_SECOND * seconds / connections))


def _password(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    plans = []
    for number in range(min(connections, PASSWORD_CONNECTIONS)):
        name = stock.users[number % len(stock.users)]
        body = f"grant_type=password&client_id={PLATFORM}&client_secret={SECRET}&username={name}&password={quote(PASSWORD)}"
        before, after = _around("/oauth2/password", body, None)
        plans.append(Plan(before=before, after=after, values=[""], expect=_ISSUED))
    return plans


def _introspect(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    before, after = _around("/introspect", "token={}", SERVICE, _SECRET_WIDTH)
    return [Plan(before=before, after=after, values=stock.access[i::connections], expect='"active":true') for i in range(connections)]


def _userinfo(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    before = "GET /userinfo HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nAuthorization: Bearer "
    after, expect = "\r\n\r\n", '"sub":"'
    return [Plan(before=before, after=after, values=stock.openid_access[i::connections], expect=expect) for i in range(connections)]


def _flow(stock: Stock, connections: int, _seconds: float) -> list[Plan]:
    """Somebody who is logged in lets in a client that they have allowed before, and it gets its tokens: two requests, counted as one."""
    asked = {
        "response_type": "code",
        "client_id": OPENID["RS256"],
        "redirect_uri": REDIRECT_URI,
        "scope": OPENID_SCOPE,
        "state": "s",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    body = f"grant_type=authorization_code&code={{}}&redirect_uri={quote(REDIRECT_URI, safe='')}&code_verifier={VERIFIER}"
    then = _around("/token", body, OPENID["RS256"], _SECRET_WIDTH)
    head = f"GET /authorize?{urlencode(asked)} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: tokenry_session="
    return [
        Plan(before=head, after="\r\n\r\n", values=[session], expect='"id_token":"', mode="flow", then=then)
        for session in stock.sessions[:connections]
    ]


FASTAPI: Final = Workload("FastAPI constant", _constant("/fastapi"))
BARE: Final = Workload("bare ASGI", _constant("/bare"))
WORKLOADS: Final = {
    "client_credentials": Workload("client_credentials", _constant("/token")),
    "refresh": Workload("refresh", _refresh),
    "refresh_reuse": Workload("refresh_reuse", _reuse),
    "code": Workload("code", _exchange),
    "password": Workload("password", _password),
    "introspect": Workload("introspect", _introspect),
    "userinfo": Workload("userinfo", _userinfo),
    "code_es256": Workload("code_es256", _openid_exchange("ES256")),
    "code_rs256": Workload("code_rs256", _openid_exchange("RS256")),
    "jwt_es256": Workload("jwt_es256", _constant("/token", JWT["ES256"])),
    "jwt_rs256": Workload("jwt_rs256", _constant("/token", JWT["RS256"])),
    "flow": Workload("flow", _flow),
}


def amounts_for(names: list[str], runs: int, connections: int, seconds: float) -> Amounts:
    """Return what ``runs`` runs of the workloads need, each of ``seconds`` with its warm-up."""
    return Amounts(
        codes=runs * connections * _codes_each(connections, seconds) if "code" in names else 0,
        openid_codes=runs * connections * _codes_each(connections, seconds) if {"code_es256", "code_rs256"} & set(names) else 0,
        rotating=runs * connections if "refresh" in names else 0,
        reused=connections * TOKENS_EACH if "refresh_reuse" in names else 0,
        access=connections * TOKENS_EACH if "introspect" in names else 0,
        openid_access=connections * TOKENS_EACH if "userinfo" in names else 0,
        users=connections if "password" in names else 1,
        sessions=connections if "flow" in names else 0,
    )
