"""Times, spans and browsers in the words of a language."""

import gettext
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.browser.pages import DOMAIN, LOCALES
from app.browser.words import Words

NOW = datetime(2026, 11, 19, 12, 0, 41, tzinfo=UTC)


def words(language: str) -> Words:
    return Words(gettext.translation(DOMAIN, LOCALES, [language]), NOW)


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0, "1 minute", "1 分钟"),
        (60, "1 minute", "1 分钟"),
        (61, "2 minutes", "2 分钟"),
        (600, "10 minutes", "10 分钟"),
        (3600, "1 hour", "1 小时"),
        (5400, "90 minutes", "90 分钟"),
        (36_000, "10 hours", "10 小时"),
        (86_400, "1 day", "1 天"),
        (90_000, "25 hours", "25 小时"),
        (604_800, "7 days", "7 天"),
        (200_000, "2 days", "2 天"),
    ],
)
def test_a_span_is_told_in_its_largest_whole_unit(seconds: int, english: str, chinese: str) -> None:
    assert (words("en").span(seconds), words("zh").span(seconds)) == (english, chinese)


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (-5, "just now", "刚刚"),
        (59, "just now", "刚刚"),
        (60, "1 minute ago", "1 分钟前"),
        (3599, "59 minutes ago", "59 分钟前"),
        (7200, "2 hours ago", "2 小时前"),
        (86_399, "23 hours ago", "23 小时前"),
        (86_400, "1 day ago", "1 天前"),
        (29 * 86_400, "29 days ago", "29 天前"),
        (30 * 86_400, "20 October 2026", "2026 年 10 月 20 日"),
    ],
)
def test_a_moment_is_told_by_how_long_ago_it_was(seconds: int, english: str, chinese: str) -> None:
    at = NOW - timedelta(seconds=seconds)
    assert (words("en").ago(at), words("zh").ago(at)) == (english, chinese)


def test_a_full_moment_says_that_it_is_utc() -> None:
    at = NOW.astimezone(timezone(timedelta(hours=8)))
    assert words("en").moment(at) == "19 November 2026, 12:00:41 UTC"
    assert words("zh").moment(at) == "2026 年 11 月 19 日 12:00:41（UTC）"
    assert words("en").machine(at) == "2026-11-19T12:00:41Z"


def test_every_month_has_a_name() -> None:
    told = {words(language).date(datetime(2026, month, 1, tzinfo=UTC)) for language in ("en", "zh") for month in range(1, 13)}
    assert len(told) == 24


APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "english", "chinese"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "Chrome on Windows", "Windows 上的 Chrome"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/150.0", "Edge on Windows", "Windows 上的 Edge"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux", "Linux 上的 Firefox"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/19.0 Safari/605.1.15", "Safari on Mac", "Mac 上的 Safari"),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) {APPLE} CriOS/150 Safari/604.1",
            "Chrome on iPhone",
            "iPhone 上的 Chrome",
        ),
        (f"Mozilla/5.0 (Linux; Android 16) {CHROME} Mobile Safari/537.36 MicroMessenger/8.0", "WeChat on Android", "Android 上的 WeChat"),
        (f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {CHROME} ArkWeb/4", "Chrome on HarmonyOS", "HarmonyOS 上的 Chrome"),
        ("curl/8.9.1", "curl", "curl"),
        ("Something (Linux)", "Linux", "Linux"),
        ("", "Unknown browser", "未知浏览器"),
        ("<script>alert(1)</script>", "Unknown browser", "未知浏览器"),
    ],
)
def test_a_browser_is_named_from_a_closed_list(user_agent: str, english: str, chinese: str) -> None:
    assert (words("en").browser(user_agent), words("zh").browser(user_agent)) == (english, chinese)
