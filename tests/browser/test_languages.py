"""Which language a page speaks."""

import pytest

from app.browser.languages import choose_language, switched


@pytest.mark.parametrize(
    ("ui_locales", "cookie", "accept_language", "chosen"),
    [
        (None, None, None, "en"),
        ("zh", None, None, "zh"),
        ("zh-CN", "en", "en", "zh"),
        ("fr-CA fr zh-Hant-TW en", None, None, "zh"),
        ("en zh", "zh", "zh", "en"),
        ("fr", "zh", "en", "zh"),  # nothing that we speak was asked for
        ("ZH_cn", None, None, "zh"),
        ("zho english", None, None, "en"),  # no primary language is cut short
        ("", "", "", "en"),
        (None, "zh", "en", "zh"),
        (None, "xx", "zh", "zh"),
        (None, "../../etc", None, "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        (None, None, "en-GB,en;q=0.9,zh;q=0.8", "en"),
        (None, None, "zh;q=0.5, en;q=0.7", "en"),
        (None, None, "en;q=0.1,zh;q=0.11", "zh"),
        (None, None, "fr-CH, fr;q=0.9, zh;q=0.8, de;q=0.7", "zh"),
        (None, None, "fr, de", "en"),
        (None, None, "*", "en"),
        (None, None, "en;q=0, *;q=0.5", "zh"),
        (None, None, "en;q=0", "en"),  # something must be spoken
        (None, None, "zh;q=0, en;q=0", "en"),
        (None, None, "zh;q=x, en;q=0.1", "en"),
        (None, None, "zh;q=, en", "en"),
        (None, None, "zh ; q = 0.9 , en;q=0.2", "zh"),
        (None, None, "zh;q=nan, en;q=0.5", "en"),
        (None, None, "zh;q=-1, en;q=0.5", "en"),
        (None, None, "zh;q=inf, en;q=0.5", "en"),
        (None, None, ",,;;q=1,zh", "zh"),
        (None, None, "xx," * 10_000 + "zh", "en"),  # a stranger's list is read so far and no further
        ("xx " * 10_000 + "zh", None, None, "en"),
    ],
)
def test_the_language_is_chosen_by_what_was_asked_then_by_the_cookie_then_by_the_browser(
    ui_locales: str | None, cookie: str | None, accept_language: str | None, chosen: str
) -> None:
    assert choose_language(ui_locales, cookie, accept_language) == chosen


@pytest.mark.parametrize(("accept_language", "chosen"), [(None, "zh"), ("fr", "zh"), ("*", "zh"), ("en", "en"), ("en;q=0.1, *", "zh")])
def test_an_operators_language_is_spoken_where_a_browser_asks_for_none_of_ours(accept_language: str | None, chosen: str) -> None:
    assert choose_language(None, None, accept_language, "zh") == chosen


@pytest.mark.parametrize(
    ("query", "after"),
    [
        ("", "ui_locales=zh"),
        ("request=a%2Bb", "request=a%2Bb&ui_locales=zh"),
        ("ui_locales=en&request=x", "request=x&ui_locales=zh"),
        ("ui%5Flocales=en&&x", "x&ui_locales=zh"),
        ("state=%ff%00&a=1&a=2", "state=%ff%00&a=1&a=2&ui_locales=zh"),
    ],
)
def test_switching_the_language_keeps_the_rest_of_the_query_as_it_is(query: str, after: str) -> None:
    assert switched(query, "zh") == after
