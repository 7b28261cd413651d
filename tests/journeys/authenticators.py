"""Chromium's virtual authenticators (over CDP), and the authenticator apps and sheets of people with a second step."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyotp
from playwright.async_api import CDPSession, Page

_OPTIONS: Final = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass(slots=True)
class Device:
    """A virtual authenticator in a tab."""

    session: CDPSession
    id: str

    @classmethod
    async def plugged_into(cls, page: Page, **options: Any) -> "Device":
        """Give a tab an authenticator whose person is verified at once."""
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": {**_OPTIONS, **options}})
        return cls(session, made["authenticatorId"])

    async def credentials(self) -> list[dict[str, Any]]:
        """Return what it holds."""
        held = await self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        found: list[dict[str, Any]] = held["credentials"]
        return found

    async def put(self, credential: dict[str, Any]) -> None:
        """Put a credential into it, such as a copy of another's."""
        await self.session.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    async def verify(self, *, succeeds: bool) -> None:
        """Let it know its person by their finger, or not."""
        await self.session.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": succeeds})


@dataclass(slots=True)
class AuthenticatorApp:
    """Somebody's authenticator app; it never shows one code twice, for the server takes each once."""

    secret: str
    codes: list[str] = field(default_factory=list)
    """The recovery codes on paper."""
    _last: int = 0

    def code(self) -> str:
        """Return the code of now, or the next one where that was shown already: the server takes both."""
        self._last = max(int(datetime.now(UTC).timestamp()) // 30, self._last + 1)
        return pyotp.TOTP(self.secret).generate_otp(self._last)
