"""``make screenshots``: every page at two widths, light and dark, in Chinese and English, as pictures in build/screenshots."""

import argparse
import asyncio
import itertools
import sys
from pathlib import Path
from typing import Final, Literal

from app.browser.languages import LANGUAGES
from app.browser.pages import Pages
from app.browser.samples import frame
from tests.browser.extremes import all_views
from tests.browser.stage import Stage
from tests.fixtures.chromium import INSTALL_HINT, launched

FOLDER: Final = Path(__file__).parents[2] / "build" / "screenshots"
WIDTHS: Final = {390: 844, 1280: 900}
"""Widths of the window, with its height."""
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


async def take(only: str) -> int:
    """Take the pictures whose name holds ``only``; return how many."""
    count = 0
    pages = Pages()
    async with launched() as browser:
        for language, scheme, (width, height) in itertools.product(LANGUAGES, SCHEMES, WIDTHS.items()):
            context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1)
            stage = Stage(context, pages)
            page = await stage.open()
            for name, view in all_views(language).items():
                picture = f"{name}.{language}.{width}.{scheme}.png"
                if only in picture:
                    await stage.show(page, view, frame(language))
                    await page.screenshot(path=FOLDER / picture, full_page=True)
                    count += 1
            await context.close()
    return count


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
