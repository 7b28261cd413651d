"""Where published clients are sent for a code and its tokens: the partners' doors, and the standard ones."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A pair of endpoints, and a client that is registered for them. ``shop`` is what the person picks."""

    dialect: str
    authorize: str
    token: str
    refresh: str
    client_id: str
    scope: str
    pkce: bool = False
    shop: str | None = None
    auth_method: str = "client_secret_post"

    def __str__(self) -> str:
        return self.dialect


DOORS: Final = (
    Door(
        dialect="open_platform",
        authorize="/open/authorize/index",
        token="/oauth2/authorize",
        refresh="/oauth2/refresh-token",
        client_id="platform-demo",
        scope="profile orders",
    ),
    Door(
        dialect="youzan",
        authorize="/oauth/authorize",
        token="/oauth/token",
        refresh="/oauth/token",
        client_id="testclient",
        scope="trade",
        shop="88888",
    ),
    Door(
        dialect="fantem",
        authorize="/oauth/authorize",
        token="/oauth/token",
        refresh="/oauth/token",
        client_id="alexa-demo",
        scope="devices",
        auth_method="client_secret_basic",
    ),
    Door(
        dialect="standard",
        authorize="/authorize",
        token="/token",
        refresh="/token",
        client_id="confidential-web",
        scope="profile orders",
        pkce=True,
        auth_method="client_secret_basic",
    ),
)
