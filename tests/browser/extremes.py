"""Views that strain the pages: long names, many entries, and input that would like to be markup."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, Final

from app.browser.samples import NOW, samples
from app.browser.views import AccountPage, AskedScope, ConsentPage, GrantedApp, LoginPage, OfferedShop, OpenSession, View

HOSTILE: Final = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}&amp;\u202etxt.exe"
"""Markup in every context, a template of ours, an entity, and a mark that turns the reading direction."""
_LONG: Final = {
    "en": "The Extraordinarily Long-Winded Company of Honourable Analysts and Associates of Upper Harbour, Incorporated 1871",
    "zh": "上港区尊敬的分析师及其合伙人联合股份有限公司数据洞察与经营决策支持平台正式版本第二代",
}
_WORD: Final = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def extremes(language: str) -> Mapping[str, View]:
    """Return pages with much on them."""
    long = _LONG[language]
    scopes = tuple(AskedScope(name=f"scope{n}", title=f"{long[: 24 + n % 3 * 30]} {n + 1}", is_new=n % 7 == 0) for n in range(40))
    shops = tuple(OfferedShop(code=f"{88_888 + n}", name=f"{long[:30]} {n + 1}") for n in range(25))
    apps = tuple(
        GrantedApp(
            id=f"g{n}",
            name=f"{long} {n}" if n % 2 else _WORD,
            scopes=tuple(scope.title for scope in scopes[: n % 12]),
            shops=tuple(shop.name for shop in shops[: n % 4]),
            since=NOW - timedelta(days=n * 9),
            last_used=NOW - timedelta(days=n) if n % 3 else None,
        )
        for n in range(12)
    )
    sessions = tuple(
        OpenSession(
            id=f"s{n}",
            user_agent="" if n % 2 else f"{_WORD}/1.0",
            address="2001:db8:85a3:8d3:1319:8a2e:370:7348",
            since=NOW - timedelta(hours=n),
            last_seen=NOW - timedelta(minutes=n),
            is_this=n == 0,
        )
        for n in range(10)
    )
    return {
        "login-long": LoginPage(app=long, username=f"{_WORD.lower()}@{_WORD.lower()}.example", cancel="https://partner.example/cb"),
        "consent-many": ConsentPage(
            app=long,
            person=f"{_WORD.lower()}@example.com",
            destination=f"{_WORD.lower()}.example",
            scopes=scopes,
            shops=shops,
            lasts=0,
            refreshable=True,
            remembered=True,
            switch="/login",
        ),
        "account-many": AccountPage(person=_WORD, email=f"{_WORD.lower()}@example.com", apps=apps, sessions=sessions),
    }


def hostile(view: View) -> View:
    """Return a view with every text of it made hostile; what is chosen from a list or spelt by us stays."""
    return _hostile(view)  # type: ignore[no-any-return]  # a view stays one


_OURS: Final = {"action", "cancel", "other", "switch", "back", "passkey", "options", "trouble", "problem", "done", "uri"}
"""Addresses, options and choices that we make ourselves."""


def _hostile(value: Any) -> Any:
    if isinstance(value, str):
        return HOSTILE if value else value
    if isinstance(value, tuple | list):
        return tuple(_hostile(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {field.name: _hostile(getattr(value, field.name)) for field in fields(value) if field.name not in _OURS}
        return replace(value, **changed)
    return value


def all_views(language: str) -> Mapping[str, View]:
    """Return every sample and every extreme by name."""
    return {**samples(language), **extremes(language)}
