"""``make screenshots``: every page at two widths, light and dark, in Chinese and English, as pictures in build/screenshots."""

import argparse
import asyncio
import itertools
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from app.browser.languages import LANGUAGES
from app.browser.pages import Pages
from app.browser.samples import frame
from tests.browser.extremes import all_views
from tests.browser.stage import Stage
from tests.fixtures.chromium import INSTALL_HINT, launched
from tests.fixtures.server import Server
from tests.journeys.player import open_flow
from tests.journeys.player import take as take_step

FOLDER: Final = Path(__file__).parents[2] / "build" / "screenshots"
WIDTHS: Final = {390: 844, 1280: 900}
"""Widths of the window, with its height."""
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


class Look(NamedTuple):
    """How a page is looked at."""

    language: str
    scheme: Literal["light", "dark"]
    width: int

    def picture(self, name: str) -> str:
        """Return the name of a page's picture."""
        return f"{name}.{self.language}.{self.width}.{self.scheme}.png"

    async def open(self, browser: Browser) -> BrowserContext:
        """Return a browser that looks so."""
        size: ViewportSize = {"width": self.width, "height": WIDTHS[self.width]}
        return await browser.new_context(viewport=size, color_scheme=self.scheme, locale=self.language, device_scale_factor=1)


LOOKS: Final = [Look(*each) for each in itertools.product(LANGUAGES, SCHEMES, WIDTHS)]


async def take(only: str) -> int:
    """Take the pictures whose name holds ``only``; return how many."""
    async with launched() as browser:
        return await _take_pages(browser, only) + await _take_sandbox(browser, only)


async def _take_pages(browser: Browser, only: str) -> int:
    count = 0
    pages = Pages()
    for look in LOOKS:
        wanted = {name: view for name, view in all_views(look.language).items() if only in look.picture(name)}
        if wanted:
            context = await look.open(browser)
            stage = Stage(context, pages)
            page = await stage.open()
            for name, view in wanted.items():
                await stage.show(page, view, frame(look.language))
                await page.screenshot(path=FOLDER / look.picture(name), full_page=True)
            await context.close()
        count += len(wanted)
    return count


async def _take_sandbox(browser: Browser, only: str) -> int:
    """Take the pictures of the sandbox's own pages, of a running one."""
    looks = [look for look in LOOKS if any(only in look.picture(name) for name in TOUR)]
    count = 0
    if looks:
        with Server(None, command="sandbox") as server:
            for look in looks:
                context = await look.open(browser)
                page = await context.new_page()
                for name, go in TOUR.items():
                    await go(page, f"http://localhost:{server.port}")
                    if only in look.picture(name):
                        await page.wait_for_timeout(200)
                        await page.screenshot(path=FOLDER / look.picture(name), full_page=True)
                        count += 1
                await context.close()
    return count


async def _walk(page: Page, issuer: str) -> None:
    flow = "standard-code"
    await open_flow(page, issuer, flow)
    for number in range(1, 1 + await page.locator("[data-step]").count()):
        await take_step(page, number)


async def _fail(page: Page, issuer: str) -> None:
    await open_flow(page, issuer, "youzan-shop")
    await page.fill("#step-1 input[name=kdt_id]", "4711")
    await take_step(page, 1)
    await page.wait_for_selector("#step-1 .verdict")


async def _inspect(page: Page, issuer: str) -> None:
    await page.goto(f"{issuer}/sandbox/inspector?result=refused")
    await page.locator(".exchanges a").first.click()
    await page.wait_for_selector("h1 .number")


def _at(path: str) -> Callable[[Page, str], Awaitable[object]]:
    return lambda page, issuer: page.goto(f"{issuer}{path}")


TOUR: Final[Mapping[str, Callable[[Page, str], Awaitable[object]]]] = {
    "sandbox-flow": _walk,
    "sandbox-flow-refused": _fail,
    "sandbox-exchange": _inspect,
    "sandbox-inspector": _at("/sandbox/inspector"),
    "sandbox-playground": _at("/sandbox/playground"),
    "sandbox-callback": _at("/sandbox/callback?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz"),
    "sandbox-home": _at("/"),
}
"""What is looked at in a sandbox, one after the other in the same browser."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="a part of the names of the pictures to take")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        count = asyncio.run(take(parser.parse_args().only))
    except FileNotFoundError as error:
        print(f"{error} is not here: {INSTALL_HINT}", file=sys.stderr)
        return 1
    print(f"{count} pictures in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
