"""A person at a browser: what they read, type and press, and where they end up."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page

from tests.journeys.elsewhere import Elsewhere
from tests.journeys.person import Person
from tests.journeys.site import Site

SECONDS: Final = 15
_EXPECTED: Final = "Failed to load resource: the server responded with a status of 4"
"""What Chromium says of every page with an error status, which our pages have on purpose."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Where a browser arrived at a client."""

    address: str
    """Without query and fragment."""
    query: dict[str, str]
    fragment: dict[str, str]
    raw_query: str


class Browsing:
    """One browser with cookies of its own; ``page`` is its first tab."""

    def __init__(self, site: Site, context: BrowserContext, page: Page, elsewhere: Elsewhere) -> None:
        self.site = site
        self.context = context
        self.page = page
        self.elsewhere = elsewhere
        self.complaints: list[str] = []
        """What the browser said about our pages, such as a breach of their content security policy."""
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.complaints.append(message.text)

    async def open(self, path: str, **parameters: str) -> int:
        """Open an address of the site in the first tab, and return the status of the page that is shown in the end."""
        response = await self.page.goto(self.site.at(path, **parameters))
        assert response is not None
        return response.status

    async def sign_in(self, person: Person, *, password: str | None = None, tab: Page | None = None) -> None:
        """Fill the login page in, and send it."""
        page = tab or self.page
        await page.fill("#username", person.username)
        await page.fill("#password", person.password if password is None else password)
        await self.press("button[name=action]", tab=page)

    async def decide(self, decision: str, *, tab: Page | None = None) -> None:
        """Press ``approve`` or ``refuse`` on the consent page."""
        await self.press(f"button[name=decision][value={decision}]", tab=tab)

    async def press(self, selector: str, *, tab: Page | None = None) -> None:
        """Press what leads to another page, and wait for that."""
        page = tab or self.page
        async with page.expect_navigation():
            await page.click(selector)

    async def arrival(self, callback: str, *, tab: Page | None = None) -> Arrival:
        """Wait until a tab is at a client's address, and return with what it came."""
        page = tab or self.page
        await page.wait_for_url(lambda url: url.startswith(callback), timeout=SECONDS * 1000)
        parts = urlsplit(page.url)
        return Arrival(
            f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query)), dict(parse_qsl(parts.fragment)), parts.query
        )

    async def title(self, tab: Page | None = None) -> str:
        """Return the heading of the page."""
        return await (tab or self.page).inner_text("h1")
