"""No page has a violation that axe-core finds, in either language, light and dark, narrow and wide."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.async_api import Page

from app.browser.samples import frame
from app.browser.theme import Theme
from tests.browser.conftest import OpenStage
from tests.browser.extremes import all_views

VENDOR: Final = Path(__file__).parent / "vendor"
AXE: Final = (VENDOR / "axe.min.js").read_text(encoding="utf-8")
RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds, each with the rule and where; the page has it as an initial script, which is sent to the browser once."""
    found: dict[str, Any] = await page.evaluate("rules => axe.run(document, rules)", RULES)
    assert found["testEngine"]["version"] == "4.14.1"
    return [
        f"{rule['id']}: {node['target']}: {json.dumps(node['any'][:1] or node['all'][:1] or node['none'][:1])[:300]}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def test_what_is_vendored_is_what_its_package_holds() -> None:
    files = tomllib.loads((VENDOR / "VENDOR.toml").read_text())["files"]
    assert {file["file"]: file["sha256"] for file in files} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.iterdir() if path.suffix != ".toml"
    }


# Each once and no two of them crossed: words change no color, and a color no width; test_in_chromium.py has every width in every language.
@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 390), ("zh", "dark", 1280)])
async def test_no_page_has_a_violation(open_stage: OpenStage, language: str, scheme: Literal["light", "dark"], width: int) -> None:
    stage, page = await open_stage(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    await page.add_init_script(AXE)
    found = {}
    for name, view in all_views(language).items():
        await stage.show(page, view, frame(language))
        for summary in await page.locator("summary").all():
            await summary.click()
        if problems := await violations(page):
            found[name] = problems
    assert found == {}
    assert stage.complaints == []


@pytest.mark.parametrize("color", ["#ffff00", "#ffffff", "#000000", "#ff6600"])
async def test_no_accent_makes_a_page_unreadable(open_stage: OpenStage, color: str) -> None:
    for scheme in ("light", "dark"):
        stage, page = await open_stage(color_scheme=scheme, theme=Theme(color=color))
        await page.add_init_script(AXE)
        for name in ("login-passkey", "consent-shops", "account"):
            await stage.show(page, all_views("en")[name], frame("en"))
            assert await violations(page) == []
