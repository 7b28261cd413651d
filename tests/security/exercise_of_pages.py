"""A person's walk through the pages of a real server, and everything about it that must never be seen again."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp

from app.admin import create_user, reset_password
from app.core.secrets import new_id
from tests.fixtures.world import CALLBACK, CHALLENGE
from tests.journeys.person import PlainBrowser
from tests.security.doors import FORM
from tests.security.live import Live

FIRST, SECOND, WRONG = (f"the-{which}-password-of-a-walker" for which in ("first", "second", "wrong"))
_CARRIED: Final = frozenset({"access_token", "code", "continue", "half", "request", "state", "token"})
_HIDDEN: Final = re.compile(r'name="(?:csrf|setup)" value="([^"]+)"')
_CODE: Final = (
    f"/authorize?response_type=code&client_id=demo-web&redirect_uri={CALLBACK}&state=a-state-that-is-a-secret"
    f"&code_challenge={CHALLENGE}&code_challenge_method=S256"
)
_TOKEN: Final = f"/open/implicit?response_type=token&client_id=platform-demo&redirect_uri={CALLBACK}&state=another-state-that-is-a-secret"


class PageWalk(PlainBrowser):
    """A browser that notes whatever a person types in it, and whatever it is shown or carries."""

    def __init__(self, live: Live, note: Callable[[str], None]) -> None:
        super().__init__(live.server.url)
        self.answered = 0
        self._note = note

    async def go(self, address: str) -> str | None:
        """Open an address, and note what came of it."""
        return self._noted(await super().go(address))

    async def send(self, **entered: str) -> str | None:
        """Send a form, and note what was entered and what came of it."""
        for name, value in entered.items():
            if name != "username":
                self._note(value)
        return self._noted(await super().send(**entered))

    def _noted(self, address: str | None) -> str | None:
        self.answered += 1
        parts = urlsplit(address or str(self.page.url))
        carried = [value for part in (parts.query, parts.fragment) for name, value in parse_qsl(part) if name in _CARRIED]
        for value in (*self.cookies.values(), *_HIDDEN.findall(self.page.text), *carried):
            self._note(value)
        return address


async def walk_pages(live: Live, http: httpx.AsyncClient, note: Callable[[str], None]) -> int:
    """Walk, tell what must not be seen again, and return how many answers there were at least."""
    name = f"walker-{new_id()}"
    async with live.operator() as operator:
        await create_user(operator, {"username": name, "password": FIRST})
        link = (await reset_password(operator, name, live.server.url)).link
    async with PageWalk(live, note) as browser:
        await _let_apps_in(browser, name)
        codes = await _second_step(browser, note)
        await browser.go("/logout")
        await browser.send(where="here")
        await _log_in(browser, name, FIRST, "a-wrong-code-of-a-walker", codes[0])
        await browser.go(link)
        await browser.send(new_password=SECOND, repeated_password=SECOND)
        async with live.operator() as operator:
            note((await reset_password(operator, name, live.server.url)).link.partition("=")[2])
        await _log_in(browser, name, SECOND, codes[1])
        return browser.answered + await _stray(http, note)


async def _let_apps_in(browser: PageWalk, name: str) -> None:
    await browser.go(_CODE)
    for password in (WRONG, FIRST):
        await browser.send(password=password, username=name)
    assert "code=" in (await browser.send(decision="approve") or "")
    await browser.go(_TOKEN)
    assert "access_token=" in (await browser.send(decision="approve") or "")


async def _second_step(browser: PageWalk, note: Callable[[str], None]) -> list[str]:
    """Turn two-step sign-in on, and return the recovery codes."""
    await browser.go("/account/passkeys")
    await browser.go("/account/second-factor")
    (shown,) = re.findall(r'<code class="secret">([^<]+)<', browser.page.text)
    secret = "".join(shown.split())
    note(secret)
    await browser.send(code=pyotp.TOTP(secret).now())
    codes = re.findall(r"<code>([0-9a-z-]{19})</code>", browser.page.text)
    assert len(codes) == 10
    for code in codes:
        note(code)
        note(code.replace("-", ""))
    return codes


async def _log_in(browser: PageWalk, name: str, password: str, *codes: str) -> None:
    await browser.go("/login")
    await browser.send(password=password, username=name)
    for code in codes:
        await browser.send(code=code)
    assert browser.page.url.path == "/account"


async def _stray(http: httpx.AsyncClient, note: Callable[[str], None]) -> int:
    """Send secrets to pages that do not ask for them."""
    answered = 0
    for path in ("/authorize", "/login", "/consent", "/reset", "/logout", "/account", "/login/second-factor", "/nowhere"):
        secret = f"a-stray-secret-{path.replace('/', '-')}-0123456789"
        note(secret)
        query = "&".join(f"{name}={secret}" for name in (*sorted(_CARRIED), "client_secret", "password"))
        headers = {
            "Content-Type": FORM,
            "Accept": "text/html",
            "Cookie": f"tokenry_session={secret}; tokenry_browser={secret}",
            "Referer": secret,
            "Origin": secret,
        }
        for method in ("GET", "POST", "PUT"):
            for extra in ("", f"&%ff={secret}", f"&redirect_uri={secret}"):
                body = f"password={secret}&csrf={secret}&code={secret}"
                answer = await http.request(method, f"{path}?{query}{extra}", content=body, headers=headers)
                assert answer.status_code < 500, answer.text
                answered += 1
    return answered
