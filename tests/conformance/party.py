"""A client as the OpenID Foundation's conformance suite plays it: it asks, lets a person answer, and checks all that comes back.

The checks are those that the suite makes of every answer, by joserfc and in our own words; what a module asks beside them stands in its
test. A browser does for the person what a page asks for, and remembers what that was in ``asked``.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from app.core.base64url import base64url
from tests.fixtures.visits import Visit
from tests.fixtures.world import CALLBACK, ISSUER, World, basic_header

DATABASES: Final = pytest.mark.parametrize("shared_world", ["sqlite-direct", "postgresql-direct"], indirect=True)
"""What the two ways in answer alike is held elsewhere."""
PASSWORD: Final = "a-password-of-their-own"
KNOWN: Final = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "King",
    "nickname": "Countess",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.png",
    "website": "https://ada.example.com",
    "gender": "female",
    "birthdate": "1815-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "email_verified": True,
    "phone_number": "+44 20 7946 0000",
    "phone_number_verified": True,
    "address": {"formatted": "12 St James's Square\nLondon", "locality": "London", "country": "GB"},
}
"""Every standard claim, so that no scope is answered by half."""
_CLIENT: Final = """
[[clients]]
client_id = "{name}"
client_secret = "the-secret-of-{name}"
token_endpoint_auth_method = "{method}"
profile = "{profile}"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email address phone offline_access"
"""
_HYBRID: Final = """
[[clients]]
client_id = "suite-hybrid"
client_secret = "the-secret-of-suite-hybrid"
token_endpoint_auth_method = "client_secret_basic"
profile = "oidc"
redirect_uris = ["http://127.0.0.1:9401/cb"]
grant_types = ["authorization_code", "implicit", "refresh_token"]
response_types = ["code", "id_token", "token id_token", "code id_token", "code token", "code id_token token"]
scope = "openid profile email address phone offline_access"
"""
_SIGNED: Final = _HYBRID.replace("suite-hybrid", "suite-signed") + 'access_token_format = "jwt"\n'
CLIENTS: Final = (
    _HYBRID
    + _SIGNED
    + "".join(
        _CLIENT.format(name=name, method=method, profile=profile)
        for name, method, profile in (
            ("suite", "client_secret_basic", "oidc"),
            ("suite-2", "client_secret_basic", "oidc"),
            ("suite-post", "client_secret_post", "oidc"),
            ("suite-legacy", "client_secret_basic", "legacy"),
        )
    )
)
"""The suite is told of two clients; ``legacy`` is the profile in which a code may be bound to nothing but its client's secret."""
LEEWAY: Final = 5
_LATEST: Final = 255

OpenParty = Callable[..., Awaitable["Party"]]


class Party:
    """One client and the person in front of it."""

    def __init__(self, world: World, client_id: str, person: str, browser: Visit) -> None:
        self.world = world
        self.client_id = client_id
        self.person = person
        self.browser = browser
        self.asked: list[str] = []
        """What the person was asked in the last flow: ``login``, ``consent``."""
        self.request: dict[str, str] = {}
        """The parameters of the last authorization request."""

    @property
    def now(self) -> int:
        return int(self.world.clock.now().timestamp())

    # -- authorization endpoint --------------------------------------------------------------------------------------------------

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """Return a sound request with a fresh state and nonce, some parameters changed, added, or left out where they are ``None``."""
        sound = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid",
            "state": secrets.token_urlsafe(12),
            "nonce": secrets.token_urlsafe(12),
        }
        self.request = {name: value for name, value in {**sound, **changes}.items() if value is not None}
        return self.request

    async def send(self, method: str = "GET", **changes: str | None) -> httpx.Response:
        """Send the browser with a request, let the person answer what they are asked, and return the last answer."""
        self.asked = []
        query = urlencode(self.parameters(**changes))
        if method == "GET":
            await self.browser.go(f"/authorize?{query}")
        else:
            form = {"content-type": "application/x-www-form-urlencoded"}
            await self.browser._show(await self.browser.client.post("/authorize", content=query, headers=form))
        while self._is_asked():
            await self._answer()
        return self.browser.answer

    def _is_asked(self) -> bool:
        answer = self.browser.answer
        return answer.status_code == 200 and self.browser.path.startswith(("/login", "/consent")) and "data-send" not in answer.text

    async def _answer(self) -> None:
        if self.browser.path.startswith("/login"):
            self.asked.append("login")
            await self.browser.log_in(self.person, PASSWORD)
        else:
            self.asked.append("consent")
            await self.browser.send({"decision": "approve"})
        assert len(self.asked) <= 2, f"asked again and again: {self.asked}"

    async def told(self, method: str = "GET", **changes: str | None) -> dict[str, str]:
        """Send a request, and return what the client is told, after the checks of every answer that comes by a redirect."""
        answer = await self.send(method, **changes)
        if self.request.get("response_mode") == "form_post":
            return self._checked(self.posted())
        assert answer.status_code in {302, 303}, (answer.status_code, self.browser.title if answer.text else "")
        parts = urlsplit(answer.headers["location"])
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == CALLBACK
        in_fragment = "response_mode" not in self.request and self.request.get("response_type", "code") != "code"
        assert (parts.query if in_fragment else parts.fragment) == ""
        told = parts.fragment if in_fragment else parts.query
        return self._checked(dict(parse_qsl(told, keep_blank_values=True, strict_parsing=True)))

    def posted(self) -> dict[str, str]:
        """Return the fields of the form on the page that is shown, which the browser would send to the client at once."""
        answer, page = self.browser.answer, self.browser.page
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        form = page.one("form")
        assert (form.attributes["method"], form.attributes["action"]) == ("post", CALLBACK)
        fields = [(one.attributes["name"], one.attributes["value"]) for one in page.all("input")]
        assert len(dict(fields)) == len(fields)
        return dict(fields)

    def _checked(self, members: dict[str, str]) -> dict[str, str]:
        """Return what the client is told, after the checks of every answer."""
        assert members.get("state") == self.request.get("state")
        assert members["iss"] == ISSUER
        return members

    async def refused(self, method: str = "GET", **changes: str | None) -> dict[str, str]:
        """Send a request of which the client is told that it is refused, after the checks of every such answer."""
        members = await self.told(method, **changes)
        assert set(members) - {"error_description", "error_uri", "state", "iss"} == {"error"}
        assert all(" " <= letter <= "~" and letter not in '"\\' for letter in members["error"] + members.get("error_description", ""))
        return members

    # -- token endpoint ----------------------------------------------------------------------------------------------------------

    async def post(self, fields: Mapping[str, str]) -> httpx.Response:
        """Send a request to the token endpoint, authenticated as the client is registered."""
        secret = f"the-secret-of-{self.client_id}"
        if self.client_id == "suite-post":
            return await self.world.send("POST", "/token", data={**fields, "client_id": self.client_id, "client_secret": secret})
        headers = {"Authorization": basic_header(self.client_id, secret)}
        return await self.world.send("POST", "/token", data=dict(fields), headers=headers)

    def exchange(self, code: str, **more: str) -> dict[str, str]:
        return {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, **more}

    async def tokens(self, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return the tokens of a request, after the checks of every answer that holds some."""
        answer = await self.post(fields)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
        assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
        members: dict[str, Any] = answer.json()
        assert members["token_type"].lower() == "bearer"
        assert isinstance(members["expires_in"], int)
        assert members["expires_in"] > 0
        for name in ("access_token", "refresh_token"):
            assert all(" " <= letter <= "~" for letter in members.get(name, ""))
        return members

    async def turned_down(self, fields: Mapping[str, str], error: str) -> None:
        """Send a request to the token endpoint that must be refused."""
        answer = await self.post(fields)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json"), answer.text
        members = answer.json()
        assert members["error"] == error
        assert set(members) <= {"error", "error_description", "error_uri"}
        assert all(" " <= letter <= "~" and letter not in '"\\' for letter in members["error_description"])

    # -- what is told of the person ----------------------------------------------------------------------------------------------

    async def published(self) -> KeySet:
        keys = (await self.world.send("GET", "/.well-known/jwks.json")).json()
        return KeySet.import_key_set(keys)

    async def claims(self, tokens: Mapping[str, Any], *, nonce: str | None = None) -> Mapping[str, Any]:
        """Return the claims of the ID token, after the checks of every ID token (Core §3.1.3.7)."""
        text, keys = tokens["id_token"], await self.published()
        header = jws.extract_compact(text.encode()).headers()
        assert header["alg"] == "RS256"
        assert [key.kid for key in keys.keys].count(header["kid"]) == 1
        claims = jwt.decode(text, keys, algorithms=["RS256"]).claims
        assert claims["iss"] == ISSUER
        assert claims["aud"] in (self.client_id, [self.client_id])
        assert claims.get("azp", self.client_id) == self.client_id
        assert claims["sub"].isascii()
        assert 0 < len(claims["sub"]) <= _LATEST
        assert self.now - LEEWAY <= claims["iat"] <= self.now + LEEWAY
        assert claims["exp"] > self.now
        assert claims.get("nbf", 0) <= self.now
        assert claims.get("nonce") == nonce
        assert isinstance(claims.get("auth_time", 0), int)
        assert claims["at_hash"] == base64url(sha256(tokens["access_token"].encode()).digest()[:16])
        return claims

    async def userinfo(self, token: str, how: str = "GET") -> httpx.Response:
        """Ask the userinfo endpoint, with the token in the header of a ``GET`` or ``POST``, or in a ``form``."""
        if how == "form":
            return await self.world.send("POST", "/userinfo", data={"access_token": token})
        return await self.world.send(how, "/userinfo", headers={"Authorization": f"Bearer {token}"})

    async def person_of(self, tokens: Mapping[str, Any], claims: Mapping[str, Any], how: str = "GET") -> dict[str, Any]:
        """Return what the userinfo endpoint tells, after the checks of every answer of it (Core §5.3.4)."""
        answer = await self.userinfo(tokens["access_token"], how)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "application/json")
        members: dict[str, Any] = answer.json()
        assert members["sub"] == claims["sub"]
        assert None not in members.values()
        assert "" not in members.values()
        return members

    # -- the whole way -----------------------------------------------------------------------------------------------------------

    async def flow(self, method: str = "GET", **changes: str | None) -> tuple[dict[str, Any], Mapping[str, Any], dict[str, Any]]:
        """Go the whole way of a code; return the tokens, the claims of the ID token, and what the userinfo endpoint tells."""
        code = (await self.told(method, **changes))["code"]
        tokens = await self.tokens(self.exchange(code))
        claims = await self.claims(tokens, nonce=self.request.get("nonce"))
        return tokens, claims, await self.person_of(tokens, claims)
