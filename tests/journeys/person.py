"""A person's part, by program: an account, and a browser without a screen that fills in what our pages ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urljoin

import httpx

from tests.browser.markup import Markup
from tests.fixtures.server import NO_TLS


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    username: str
    password: str = field(default="a-password-of-their-own", repr=False)


class PlainBrowser:
    """Keeps cookies, follows redirects within a site, and sends the forms that it finds there. ``page`` is what it shows."""

    def __init__(self, origin: str) -> None:
        self.page: httpx.Response
        self._origin = origin
        self._client = httpx.AsyncClient(base_url=origin, timeout=60, verify=NO_TLS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._client.aclose()

    @property
    def cookies(self) -> Mapping[str, str]:
        return dict(self._client.cookies)

    async def go(self, address: str) -> str | None:
        """Open an address; return where at a client it led, or ``None`` where it ended at a page of the site."""
        return await self._follow(await self._client.get(address))

    async def send(self, **entered: str) -> str | None:
        """Send the form of the page that has the first of the entered fields; return as :meth:`go` does."""
        page = Markup(self.page.text)
        fields = [element for element in page.elements if element.tag in {"input", "button"}]
        form = next(element.within("form") for element in fields if element.attributes.get("name") == next(iter(entered)))
        hidden = [element.attributes for element in fields if element.within("form") is form and element.attributes.get("type") == "hidden"]
        given = {attributes["name"]: attributes.get("value", "") for attributes in hidden}
        return await self._follow(await self._client.post(self.page.url, data={**given, **entered}))

    async def answer(self, address: str, person: Person, *, decision: str = "approve", shop: str | None = None) -> str:
        """Open an authorization request and answer all that is asked; return the address at the client.

        Raises:
            AssertionError: a page came that is neither the login nor the consent.
        """
        led = await self.go(address)
        for _ in range(2):
            if led is not None:
                return led
            if 'name="password"' in self.page.text:
                led = await self.send(username=person.username, password=person.password)
            elif 'name="decision"' in self.page.text:
                led = await self.send(decision=decision, **({"shop": shop} if shop is not None else {}))
        assert led is not None, f"{self.page.status_code} at {self.page.url}: {self.page.text}"
        return led

    async def answer_by_form(self, address: str, person: Person) -> dict[str, str]:
        """Open an authorization request that is answered by a form, allow it, and return where the form goes and what it sends.

        Raises:
            AssertionError: nothing that is asked, and no such form, came.
        """
        await self.go(address)
        while 'name="password"' in self.page.text or 'name="decision"' in self.page.text:
            if 'name="password"' in self.page.text:
                await self.send(username=person.username, password=person.password)
            else:
                await self.send(decision="approve")
        page = Markup(self.page.text)
        (form,) = [form for form in page.all("form") if not form.attributes["action"].startswith("/")]
        fields = {one.attributes["name"]: one.attributes["value"] for one in page.all("input") if one.within("form") is form}
        return {"callback": form.attributes["action"], "body": urlencode(fields)}

    async def _follow(self, answer: httpx.Response) -> str | None:
        while answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if not address.startswith(f"{self._origin}/"):
                return address
            answer = await self._client.get(address)
        self.page = answer
        return None
