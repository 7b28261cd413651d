"""Shows pages in a browser as a server would: with their headers, their static files, and nothing from elsewhere."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page, Route

from app.browser.headers import page_headers
from app.browser.pages import Pages
from app.browser.views import Frame, View

ORIGIN: Final = "http://localhost:6749"
REDIRECT_URI: Final = "https://partner.example/cb"


class Stage:
    """A browser context in which :meth:`show` puts one page after the other."""

    def __init__(self, context: BrowserContext, pages: Pages) -> None:
        self._context = context
        self._pages = pages
        self._html = ""
        self._headers: Mapping[str, str] = {}
        self.complaints: list[str] = []
        """What the browser said about the pages, such as a breach of their content security policy."""
        self.strangers: list[str] = []
        """Addresses that a page asked for and that are not ours."""
        self.leads_away = False
        """Whether a page whose form sends itself may do so, and is not there to be looked at."""

    async def open(self) -> Page:
        """Return an empty page of the stage."""
        await self._context.route("**/*", self._answer)
        page = await self._context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    async def show(self, page: Page, view: View, frame: Frame) -> None:
        """Bring a view before the browser."""
        self._html = self._pages.render(view, frame)
        self._headers = page_headers(REDIRECT_URI, language=frame.language)
        await page.goto(f"{ORIGIN}/{view.template.removesuffix('.html')}?{frame.query}")

    async def _answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        asset = self._pages.assets.by_address.get(address.path.removeprefix("/static/"))
        if f"{address.scheme}://{address.netloc}" != ORIGIN:
            self.strangers.append(route.request.url)
            await route.abort()
        elif asset is not None:
            body = b"" if "form-post" in address.path and not self.leads_away else asset.content
            await route.fulfill(status=HTTPStatus.OK, headers={"Content-Type": asset.media_type}, body=body)
        elif address.path.startswith("/static/"):
            await route.fulfill(status=HTTPStatus.NOT_FOUND)
        else:
            await route.fulfill(
                status=HTTPStatus.OK, headers={"Content-Type": "text/html; charset=utf-8", **self._headers}, body=self._html
            )
