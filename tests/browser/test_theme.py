"""What an operator sets: colours stay readable, and what cannot be used stops the start with the file and the reason."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.browser.assets import Assets
from app.browser.pages import TEMPLATES, Pages
from app.browser.samples import frame, samples
from app.browser.theme import DEFAULT_COLOR, LARGEST_LOGO, Theme, contrast, load_theme
from app.core.mistakes import ExitCode, Mistake
from app.settings import Settings

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle r="4" cx="4" cy="4"/></svg>'
STYLESHEET = (TEMPLATES.parent / "static" / "pages.css").read_text()


def cards() -> list[tuple[int, int, int]]:
    """The grounds of the stylesheet, in light and in dark."""
    found = re.findall(r"--(?:card|page): #([0-9a-f]+);", STYLESHEET.partition("@media print")[0])
    digits = [color if len(color) == 6 else "".join(digit * 2 for digit in color) for color in found]
    light_page, light, dark_page, dark = (tuple(int(color[at : at + 2], 16) for at in (0, 2, 4)) for color in digits)
    return [light, dark] if light_page and dark_page else []  # type: ignore[list-item]


def refusal(**given_settings: object) -> str:
    settings = {"name": "Acme ID", "color": "#123456", "logo": None, "templates": None, **given_settings}
    with pytest.raises(Mistake) as raised:
        load_theme(**settings)  # type: ignore[arg-type]
    assert raised.value.exit_code is ExitCode.CONFIGURATION
    return str(raised.value)


@given(st.integers(0, 0xFFFFFF))
def test_any_accent_can_be_seen_and_read_in_light_and_in_dark(color: int) -> None:
    for shades, card, readable in zip(Theme(color=f"#{color:06x}").shades, cards(), (4.5, 7.0), strict=True):
        assert contrast(shades.fill, card) >= 3
        assert contrast(shades.on_fill, shades.fill) >= 4.5
        assert contrast(shades.text, card) >= readable


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((118, 118, 118), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


def test_the_settings_and_the_theme_have_the_same_defaults() -> None:
    settings = Settings()
    assert Theme() == load_theme(settings.brand_name, settings.brand_color, settings.brand_logo, settings.templates)
    assert settings.brand_color == DEFAULT_COLOR


def test_the_accent_name_and_logo_are_on_the_page(tmp_path: Path) -> None:
    logo = tmp_path / "acme.svg"
    logo.write_bytes(SVG)
    pages = Pages(load_theme("Acme ID", "#f60", logo))
    html = pages.render(samples("en")["login"], frame("en"))
    address = re.search(r'<img src="/static/(logo\.[0-9a-f]{16}\.svg)" alt="Acme ID"', html)
    assert address is not None
    assert pages.assets.by_address[address[1]].content == SVG
    assert "<title>Sign in · Acme ID</title>" in html
    sheet = pages.assets.by_address[pages.assets.address("pages.css")].content.decode()
    assert sheet.startswith(STYLESHEET)
    assert "--accent:#ff6600" in sheet
    assert pages.assets.address("pages.css") != Assets(Theme()).address("pages.css")


def test_what_cannot_be_a_name_colour_or_logo_is_refused_with_its_reason(tmp_path: Path) -> None:
    assert refusal(name=" ").startswith("TOKENRY_BRAND_NAME: must be 1 to 80 printable characters")
    assert refusal(name="x" * 81).startswith("TOKENRY_BRAND_NAME: ")
    assert refusal(name="a\nb").startswith("TOKENRY_BRAND_NAME: ")
    for color in ("red", "#12", "#12345g", "#1234567", "#123456;}", ""):
        assert refusal(color=color).startswith("TOKENRY_BRAND_COLOR: ")
    assert refusal(logo=tmp_path / "logo.svg") == f"TOKENRY_BRAND_LOGO: {tmp_path}/logo.svg: No such file or directory"
    assert "must end in one of" in refusal(logo=tmp_path / "logo.html")
    for size in (0, LARGEST_LOGO + 1):
        (tmp_path / "logo.png").write_bytes(b"x" * size)
        assert f"logo.png: has {size} bytes" in refusal(logo=tmp_path / "logo.png")


def test_an_operators_template_replaces_ours_and_can_build_on_it(tmp_path: Path) -> None:
    (tmp_path / "signed_out.html").write_text(
        '{% extends "base.html" %}{% block title %}Bye{% endblock %}{% block main %}<h1>Bye</h1>{% endblock %}'
    )
    (tmp_path / "login.html").write_text('{% extends "default/login.html" %}{% block main %}{{ super() }}<p>Call 123.</p>{% endblock %}')
    pages = Pages(load_theme("Acme ID", "#123456", templates=tmp_path))
    assert "<h1>Bye</h1>" in pages.render(samples("en")["signed_out"], frame("en"))
    login = pages.render(samples("zh")["login"], frame("zh"))
    assert "Call 123." in login
    assert 'name="password"' in login
    assert "<h1>" in pages.render(samples("en")["sign_out"], frame("en"))


def test_the_template_of_the_readme_works(tmp_path: Path) -> None:
    readme = (TEMPLATES.parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```html\n{# (\S+) #}\n(.*?)^```$", readme, flags=re.MULTILINE | re.DOTALL)
    (tmp_path / example[0]).write_text(example[1])
    html = Pages(load_theme("Acme ID", "#123456", templates=tmp_path)).render(samples("en")["login"], frame("en"))
    assert "Trouble signing in? Call 123." in html
    assert html.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (
            "login.html",
            '{% extends "base.html" %}\n{% block main %}\n{% if %}\n{% endblock %}',
            "login.html: line 3: Expected an expression",
        ),
        (
            "login.html",
            '{% extends "base.html" %}\n{% block main %}\n{{ view.usrname }}\n{% endblock %}',
            "login.html: line 3: UndefinedError: ",
        ),
        ("login.html", '{% extends "missing.html" %}', "login.html: line 1: TemplateNotFound: missing.html"),
        ("login.html", "{{ 1 / 0 }}", "login.html: line 1: ZeroDivisionError: "),
        ("logon.html", "x", "logon.html: replaces none of account.html, "),
        ("readme.txt", "x", ": has none of account.html, "),
    ],
)
def test_a_bad_template_is_refused_with_the_file_the_line_and_the_reason(tmp_path: Path, file: str, content: str, reason: str) -> None:
    (tmp_path / file).write_text(content)
    told = refusal(templates=tmp_path)
    assert told.startswith(f"TOKENRY_TEMPLATES: {tmp_path}")
    assert reason in told
    assert "\n" not in told


def test_a_folder_of_templates_must_be_there(tmp_path: Path) -> None:
    assert refusal(templates=tmp_path / "none") == f"TOKENRY_TEMPLATES: {tmp_path}/none: no such folder"


@pytest.mark.parametrize(
    ("file", "content"), [("login.html", b"\xff\xfe"), ("base.html", b"{% macro x() %}"), ("parts.html", b"nothing of what others import")]
)
def test_whatever_is_wrong_with_a_template_is_one_mistake(tmp_path: Path, file: str, content: bytes) -> None:
    (tmp_path / file).write_bytes(content)
    assert refusal(templates=tmp_path).startswith("TOKENRY_TEMPLATES: ")


@pytest.mark.parametrize("command", ["serve", "sandbox"])
def test_what_cannot_be_used_stops_the_start_in_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "login.html").write_text("{{ view.nothing }}")
    environment = {
        **os.environ,
        "PYTHONPATH": str(TEMPLATES.parents[1]),
        "TOKENRY_SECRET_KEY": "0" * 64,
        "TOKENRY_TEMPLATES": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "app", command, "--database", f"sqlite:///{tmp_path}/tokenry.db", "--port", "0"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == ExitCode.CONFIGURATION, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"tokenry: TOKENRY_TEMPLATES: {tmp_path}/login.html: line 1: UndefinedError: ")
    assert ended.stdout == ""
    assert not (tmp_path / "tokenry.db").exists()
