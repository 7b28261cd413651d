"""Which language a page speaks."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_plus

LANGUAGES: Final = {"en": "English", "zh": "中文"}
"""The languages that pages speak, each under its own name."""
TAGS: Final = {"en": "en", "zh": "zh-Hans"}
"""The same as the ``lang`` of a page (BCP 47)."""
DEFAULT: Final = "en"
COOKIE: Final = "tokenry_language"
"""The name of the cookie that keeps a person's choice."""
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
"""RFC 9110 §12.4.2."""
_LONGEST_LIST: Final = 32
"""Entries of a list of preferences that are looked at: a header is a stranger's."""


def choose_language(
    ui_locales: str | None = None, cookie: str | None = None, accept_language: str | None = None, default: str = DEFAULT
) -> str:
    """Return ``en`` or ``zh``: by ``ui_locales``, else the cookie, else ``Accept-Language``; what cannot be read counts as absent.

    OpenID Connect Core §3.1.2.1, RFC 9110 §12.5.4.
    """
    asked = (_language(tag) for tag in (ui_locales or "").split(" ", _LONGEST_LIST)[:_LONGEST_LIST])
    chosen = next((language for language in asked if language), None)
    if chosen is None and cookie in LANGUAGES:
        chosen = cookie
    return chosen or _accepted(accept_language or "", default) or default


def _language(tag: str) -> str | None:
    """Return the language of a tag such as ``zh-Hant-TW``."""
    primary = tag.strip().replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def _accepted(header: str, default: str) -> str | None:
    """Return the best language of an ``Accept-Language``; of equals the first."""
    weights: dict[str, float] = {}
    anything = 0.0
    for tag, weight in _ranges(header):
        if tag == "*":
            anything = weight
        elif (language := _language(tag)) is not None:
            weights[language] = max(weight, weights.get(language, 0.0))
    if anything:
        for language in (default, *LANGUAGES):
            weights.setdefault(language, anything)
    best = max(weights, key=lambda language: weights[language], default=None)
    return best if best is not None and weights[best] > 0 else None


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for entry in header.split(",", _LONGEST_LIST)[:_LONGEST_LIST]:
        tag, _, parameter = entry.partition(";")
        name, _, value = parameter.partition("=")
        weight = 1.0
        if name.strip().lower() == "q":
            if not _WEIGHT.fullmatch(value.strip()):
                continue
            weight = float(value)
        yield tag.strip(), weight


def switched(query: str, language: str) -> str:
    """Return a page's raw query with ``ui_locales`` set to a language; everything else stays byte for byte."""
    kept = [pair for pair in query.split("&") if pair and unquote_plus(pair.partition("=")[0]) != "ui_locales"]
    return "&".join([*kept, f"ui_locales={language}"])
