"""Tests of an app against a real authorization server: one namespace per test, thrown away after it.

    def test_login(tokenry):
        client = tokenry.client(redirect_uris=["http://localhost/cb"])
        tokens = tokenry.login(client, "demo", scope="openid")
        tokenry.advance(hours=2)  # the access token has expired now
        tokenry.fail("unavailable", path="/token")  # and the next refresh meets a busy server

The server is a process of its own (``tokenry sandbox``), so that its packages never meet yours. It is started once per test process,
on a free port; ``TOKENRY_COMMAND`` names another way to start it, ``TOKENRY_URL`` one that runs already. Standard library and pytest.
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

try:
    import pytest
except ModuleNotFoundError:  # Without pytest, ``running`` is what there is: for unittest, a script, a notebook.
    pytest = None  # type: ignore[assignment]

_START_SECONDS = 30
_CALLBACK = "http://127.0.0.1:9401/cb"


class TokenryError(Exception):
    """The sandbox cannot be started, or refused what it was asked; the text says why."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


def _ask(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[int, Any, bytes]:
    request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 (our own server)
    try:
        with _opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
    except OSError as error:
        raise TokenryError(f"the sandbox at {url} cannot be reached: {error}") from None


class Client(dict[str, Any]):
    """A registered client: its members by their names, and as attributes ``client_id``, ``client_secret`` and ``redirect_uri``."""

    @property
    def client_id(self) -> str:
        """The client's name."""
        return str(self["client_id"])

    @property
    def client_secret(self) -> str | None:
        """Its secret, or ``None`` for a public client."""
        return self.get("client_secret")

    @property
    def redirect_uri(self) -> str:
        """The first of its redirect URIs."""
        return str(self["redirect_uris"][0])

    def authenticate(self, headers: dict[str, str]) -> dict[str, str]:
        """Return what the client adds to a form to authenticate, or put it among the header fields (RFC 6749 §2.3.1)."""
        secret = self.client_secret
        if secret is None:
            return {"client_id": self.client_id}
        usual = "client_secret_basic" if self.get("dialect", "standard") == "standard" else "client_secret_post"
        if self.get("token_endpoint_auth_method", usual) != "client_secret_basic":
            return {"client_id": self.client_id, "client_secret": secret}
        pair = f"{urllib.parse.quote(self.client_id, '')}:{urllib.parse.quote(secret, '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return {}


class Tokenry:
    """A namespace of a sandbox: a whole server with an issuer of its own."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    # -- the server behind it -----------------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, members: Any = None) -> Any:
        """Ask the control API and return what it answers.

        Raises:
            TokenryError: it refused; the text is its own.
        """
        body = None if members is None else json.dumps(members).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        status, _, answer = _ask(method, f"{self.issuer}/sandbox/api{path}", headers, body)
        if status >= 400:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                raise TokenryError(f"{method} {path}: {json.loads(answer)['error_description']}")
            raise TokenryError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer else None

    def metadata(self) -> dict[str, Any]:
        """Return the OpenID provider's metadata."""
        return self.get("/.well-known/openid-configuration")[1]

    def post(self, path: str, fields: Mapping[str, str], client: Client | None = None) -> tuple[int, dict[str, Any]]:
        """Post a form to a door, authenticated as a client in the way that it is registered with, and return status and members."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if client is not None:
            fields = {**fields, **client.authenticate(headers)}
        status, _, answer = _ask("POST", f"{self.issuer}{path}", headers, urllib.parse.urlencode(fields).encode())
        return status, json.loads(answer)

    def get(self, path: str, access_token: str | None = None) -> tuple[int, dict[str, Any]]:
        """Get a document, with an access token where there is one, and return status and members."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token is not None else {}
        status, _, answer = _ask("GET", f"{self.issuer}{path}", headers, None)
        return status, json.loads(answer) if answer else {}

    # -- who is there -------------------------------------------------------------------------------------------------------------

    def client(self, client_id: str | None = None, **members: Any) -> Client:
        """Register a client and return it; by default a confidential web app of the standard dialect.

        Another ``dialect`` speaks as that partner does: as documented, or with ``strictness="as seen"`` as its installations do.
        """
        members = {"client_id": client_id or f"client-{secrets.token_hex(4)}", **members}
        if members.get("dialect", "standard") == "standard" and "grant_types" not in members:
            members |= {"grant_types": ["authorization_code", "refresh_token", "client_credentials"]}
        members.setdefault("redirect_uris", [_CALLBACK])
        members.setdefault("scope", "openid profile email offline_access")
        change = self.api("POST", "/clients", members)
        return Client({**members, **({"client_secret": change["secret"]} if "secret" in change else {})})

    def user(self, username: str | None = None, **members: Any) -> str:
        """Create a user and return the user name."""
        username = username or f"user-{secrets.token_hex(4)}"
        self.api("POST", "/users", {"username": username, "password": secrets.token_urlsafe(12), **members})
        return username

    def shop(self, dialect: str, code: str, **members: Any) -> str:
        """Create a shop of a dialect and return its code."""
        self.api("POST", "/shops", {"dialect": dialect, "code": code, "name": code, **members})
        return code

    # -- tokens -------------------------------------------------------------------------------------------------------------------

    def responds(self, user: str | None, decision: str | None = "approve", *, shop: str | None = None, times: int | None = 1) -> None:
        """Let the next login and consent page be answered: whoever's browser it is, no person is needed."""
        self.api("POST", "/responses", {"user": user, "decision": decision, "shop": shop, "times": times})

    def login(self, client: Client, user: str, *, scope: str = "openid", **parameters: str) -> dict[str, Any]:
        """Go the whole code flow of the standard dialect with PKCE, as the app and as the person, and return the token answer.

        Raises:
            TokenryError: the request was refused; the text has the error.
        """
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": scope,
            "state": secrets.token_urlsafe(8),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **parameters,
        }
        self.responds(user)
        status, headers, body = _ask("GET", f"{self.issuer}/authorize?{urllib.parse.urlencode(query)}", {}, None)
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers.get("Location") or "").query))
        if "code" not in back:
            raise TokenryError(f"the login was refused: {status} {back or body.decode(errors='replace')[:300]}")
        fields = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": client.redirect_uri, "code_verifier": verifier}
        return self._granted(*self.post("/token", fields, client))

    def refresh(self, client: Client, refresh_token: str) -> dict[str, Any]:
        """Refresh at the standard door and return the token answer.

        Raises:
            TokenryError: it was refused.
        """
        return self._granted(*self.post("/token", {"grant_type": "refresh_token", "refresh_token": refresh_token}, client))

    def code(self, client: Client | str, user: str, **members: Any) -> str:
        """Return an authorization code of any dialect, as if the person had allowed the request."""
        client_id = client if isinstance(client, str) else client.client_id
        return str(self.api("POST", "/codes", {"client_id": client_id, "user": user, **members})["code"])

    def token(self, client: Client | str, user: str | None = None, **members: Any) -> str:
        """Mint a token: ``kind`` access, refresh or id; ``expires_in`` may be negative; ``claims`` of an ID token."""
        client_id = client if isinstance(client, str) else client.client_id
        return str(self.api("POST", "/tokens", {"client_id": client_id, "user": user, **members})["token"])

    @staticmethod
    def _granted(status: int, members: dict[str, Any]) -> dict[str, Any]:
        if status != 200:
            raise TokenryError(f"the token request was refused: {status} {members}")
        return members

    # -- time, faults, past -------------------------------------------------------------------------------------------------------

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Move the clock of this namespace and return its time; everything that expires obeys it."""
        moved = self.api("POST", "/clock/advance", {"seconds": seconds + 60 * minutes + 3600 * hours + 86400 * days})
        return datetime.fromisoformat(moved["now"])

    def freeze(self, now: datetime | str | None = None) -> datetime:
        """Let the clock stand, now or at a moment."""
        moment = now.isoformat() if isinstance(now, datetime) else now
        return datetime.fromisoformat(self.api("PUT", "/clock", {"now": moment, "frozen": True})["now"])

    def fail(self, what: str, **members: Any) -> None:
        """Inject a fault: its kind, such as ``latency`` or ``expired``, or the cause of a refusal, such as ``unavailable``.

        ``client_id``, ``grant`` and ``path`` say whom it befalls, ``nth``, ``times`` and ``probability`` how often.
        """
        kinds = {"status", "latency", "slow_body", "cut_body", "reset", "expired", "not_yet_valid", "wrong_audience", "wrong_issuer"}
        kinds |= {"wrong_nonce", "bad_signature", "unknown_kid", "keys_rotated", "refuse"}
        self.api("POST", "/faults", {"kind": what, **members} if what in kinds else {"kind": "refuse", "cause": what, **members})

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked of this namespace, the oldest first: as it was sent, understood, explained and answered."""
        return list(reversed(self.api("GET", "/exchanges?full=true&limit=500")))

    def reset(self) -> None:
        """Bring everything back to how the namespace began."""
        self.api("POST", "/reset")


# -- the process -----------------------------------------------------------------------------------------------------------------------


def _command() -> Sequence[str]:
    if given := os.environ.get("TOKENRY_COMMAND"):
        return shlex.split(given)
    beside = Path(sys.executable).with_name("tokenry")
    found = str(beside) if beside.exists() else shutil.which("tokenry")
    if found is None:
        raise TokenryError("there is no command tokenry: install it in an environment of its own, and name it by TOKENRY_COMMAND")
    return [found]


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Tokenry]:
    """Start a sandbox on a free port and yield its own namespace; it ends with the block.

    Raises:
        TokenryError: it does not start; the text is its own.
    """
    with tempfile.TemporaryDirectory(prefix="pytest-tokenry-") as folder:
        ready, log = Path(folder) / "ready.json", Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 (the command is the operator's)
                [*_command(), "sandbox", "--port", "0", "--ready-file", str(ready), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TokenryError(f"the sandbox did not start: {log.read_text(errors='replace').strip()[-2000:]}")
                time.sleep(0.01)
            yield Tokenry(json.loads(ready.read_text())["address"])
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if pytest is not None:

    @pytest.fixture(scope="session")
    def tokenry_sandbox() -> Iterator[Tokenry]:
        """The sandbox of this test process."""
        if url := os.environ.get("TOKENRY_URL"):
            yield Tokenry(url.rstrip("/"))
            return
        with running() as sandbox:
            yield sandbox

    @pytest.fixture
    def tokenry(tokenry_sandbox: Tokenry) -> Iterator[Tokenry]:
        """A namespace of this test's own, with the demo identities in it; it is dropped afterwards."""
        made = tokenry_sandbox.api("POST", "/namespaces", {})
        yield Tokenry(made["issuer"])
        with contextlib.suppress(TokenryError):
            tokenry_sandbox.api("DELETE", f"/namespaces/{made['name']}")
