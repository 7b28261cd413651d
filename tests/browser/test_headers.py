"""The headers of every page."""

import pytest

from app.browser.headers import page_headers


def directives(redirect_uri: str | None = None) -> dict[str, str]:
    policy = page_headers(redirect_uri)["Content-Security-Policy"]
    return dict(directive.strip().partition(" ")[::2] for directive in policy.split(";"))


@pytest.mark.security("SU-04")
def test_a_page_may_load_from_here_alone_and_run_nothing_inline() -> None:
    assert directives() == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "script-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert "unsafe" not in page_headers("https://partner.example/cb")["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("https://partner.example/cb?a=b;c", "https:"),
        ("http://127.0.0.1:5555/cb", "http:"),
        ("http://[::1]:5555/cb", "http:"),
        ("com.example.app:/oauth2redirect", "com.example.app:"),
        ("com.example.app://cb", "com.example.app:"),
        ("https://partner.example;script-src *", "https:"),
    ],
)
def test_a_form_may_end_where_the_client_sends_the_browser(redirect_uri: str, source: str) -> None:
    assert directives(redirect_uri=redirect_uri) == {**directives(), "form-action": f"'self' {source}"}


@pytest.mark.parametrize("redirect_uri", [None, "https://partner.example/cb"])
def test_a_page_is_kept_by_nobody_and_tells_nobody_where_it_was(redirect_uri: str | None) -> None:
    headers = page_headers(redirect_uri, language="zh")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Language"] == "zh-Hans"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"]


def test_a_page_on_the_way_to_a_client_keeps_the_window_that_opened_it() -> None:
    assert page_headers()["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page_headers("https://partner.example/cb")["Cross-Origin-Opener-Policy"] == "unsafe-none"
