"""One request to the authorization endpoint, with the doors and the engine alone: what a browser brings, and who sits before it.

By default the person is logged in since five minutes, was never asked before, and the request is a sound one of the standard server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from app.dialects import WireRequest
from app.ledger import Visit, Writes
from app.messages import Ask, AuthorizationRequest, Decided, Decision, ErrorPage, Redirect, Step
from app.models import Client, Consent, Resource, Session, Shop, User
from tests.fixtures.dialects import built_in
from tests.oauth2.exchange import CALLBACK, NOW, SERVER, client, shop, user

CHALLENGE: Final = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
DIALECTS: Final = built_in()
STANDARD: Final[Mapping[str, str]] = {
    "response_type": "code",
    "client_id": "demo",
    "redirect_uri": CALLBACK,
    "scope": "orders",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
PARTNER: Final[Mapping[str, str]] = {
    "response_type": "code",
    "client_id": "demo",
    "redirect_uri": CALLBACK,
    "scope": "orders",
    "state": "s",
}


def session(**members: Any) -> Session:
    return Session(
        **{
            "id_hash": b"i" * 32,
            "user_id": "user-demo",
            "created_at": NOW - timedelta(minutes=5),
            "last_seen_at": NOW,
            "expires_at": NOW + timedelta(hours=1),
            "amr": ["pwd"],
            **members,
        }
    )


def consent(scope: str = "orders", **members: Any) -> Consent:
    return Consent(**{"user_id": "user-demo", "client_id": "demo", "scope": scope, "granted_at": NOW - timedelta(days=1), **members})


@dataclass(frozen=True, kw_only=True)
class Landing:
    """What the client finds at its redirect URI."""

    location: str
    members: Mapping[str, str]
    in_fragment: bool


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A browser at a door. ``fields`` are its parameters, or ``query`` is all of it as it came."""

    path: str = "/authorize"
    fields: Sequence[tuple[str, str]] = ()
    query: bytes | None = None
    method: str = "GET"
    client: Client | None = field(default_factory=client)
    session: Session | None = field(default_factory=session)
    user: User | None = field(default_factory=user)
    consent: Consent | None = None
    shops: tuple[Shop, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    decision: Decision | None = None
    asked_at: datetime | None = None
    subject: str | None = None
    now: datetime = NOW

    def but(self, **changes: Any) -> "Arrival":
        """Return the same with other circumstances."""
        return replace(self, **changes)

    def sending(self, **changes: str | None) -> "Arrival":
        """Return the same with other parameters; ``None`` leaves one out."""
        sent = {**dict(self.fields), **changes}
        return replace(self, fields=[(name, value) for name, value in sent.items() if value is not None])

    def with_also(self, name: str, value: str, *, first: bool = False) -> "Arrival":
        """Return the same with one more parameter, whatever is there already."""
        pair = [(name, value)]
        return replace(self, fields=[*pair, *self.fields] if first else [*self.fields, *pair])

    def message(self) -> AuthorizationRequest:
        query = self.query
        if query is None:
            query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in self.fields).encode()
        is_form = self.method == "POST"
        media_type = "application/x-www-form-urlencoded" if is_form else ""
        wire = WireRequest(self.method, media_type, None, b"" if is_form else query, query if is_form else b"", "192.0.2.1")
        reading = DIALECTS.authorization_doors[self.path].read(wire)
        is_named = self.client is not None and reading.client_id == self.client.client_id
        message = reading.choose(self.client if is_named else None)
        message.asked_at, message.subject = self.asked_at, self.subject
        return message

    def decide(self) -> tuple[Decided, Writes]:
        message = self.message()
        is_named = self.client is not None and message.parameters.get("client_id") == self.client.client_id
        visit = Visit(
            client=self.client if is_named else None,
            session=self.session,
            user=self.user,
            consent=self.consent,
            shops=self.shops,
            resources=self.resources,
        )
        return SERVER.authorize(message, visit, self.decision, self.now)

    # -- what is expected --------------------------------------------------------------------------------------------------------

    def page(self) -> ErrorPage:
        """Expect an error page, and nothing written."""
        decided, writes = self.decide()
        assert isinstance(decided, ErrorPage), decided
        assert not writes
        return decided

    def asked(self, step: Step) -> Ask:
        """Expect that the person is asked, and nothing written."""
        decided, writes = self.decide()
        assert isinstance(decided, Ask), decided
        assert not writes
        assert decided.step is step
        return decided

    def asked_scopes(self) -> tuple[str, ...]:
        """Expect the consent page, and return what it asks."""
        return self.asked(Step.CONSENT).scopes

    def redirected(self) -> tuple[Redirect, Landing, Writes]:
        """Expect that the browser is sent to the client."""
        decided, writes = self.decide()
        assert isinstance(decided, Redirect), decided
        parts = urlsplit(decided.location)
        answer = parts.fragment or parts.query
        pairs = parse_qsl(answer, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return decided, Landing(location=decided.location, members=dict(pairs), in_fragment=bool(parts.fragment)), writes

    def error(self) -> str:
        """Expect an error in the redirect, with the state and nothing written, and return its code."""
        decided, landing, writes = self.redirected()
        assert decided.refusal is not None, landing
        assert not writes
        assert decided.consent is None
        assert landing.members.get("state") == dict(self.fields).get("state")
        return landing.members["error"]

    def issued(self) -> tuple[Landing, Writes]:
        """Expect that something is issued at once."""
        decided, landing, writes = self.redirected()
        assert decided.refusal is None, decided.refusal.detail or decided.refusal.description
        return landing, writes

    def allowed(self, shop: str | None = None) -> "Arrival":
        """Expect the consent page, and return the same with the person's approval."""
        return self.but(decision=self.asked(Step.CONSENT).answered(approved=True, shop=shop))

    def refused(self) -> "Arrival":
        """Expect the consent page, and return the same with the person's refusal."""
        return self.but(decision=self.asked(Step.CONSENT).answered(approved=False))


def az(**changes: str | None) -> Arrival:
    """Return a sound request of the standard server, but for some parameters."""
    return Arrival(fields=list(STANDARD.items())).sending(**changes)


def partner(path: str, dialect: str, **changes: str | None) -> Arrival:
    """Return a sound request of a partner's client, but for some parameters."""
    sound = {**PARTNER, "response_type": "token" if path == "/open/implicit" else "code"}
    return Arrival(path=path, fields=list(sound.items()), client=client(dialect=dialect)).sending(**changes)


def youzan(**changes: str | None) -> Arrival:
    return partner("/oauth/authorize", "youzan", **changes)


def fantem(**changes: str | None) -> Arrival:
    return partner("/oauth/authorize", "fantem", **changes)


def code_of_platform(**changes: str | None) -> Arrival:
    return partner("/open/authorize/index", "open_platform", **changes)


def implicit(**changes: str | None) -> Arrival:
    return partner("/open/implicit", "open_platform", **changes)


EVERY_DOOR: Final = {"standard": az, "youzan": youzan, "fantem": fantem, "code": code_of_platform, "implicit": implicit}


def shops(*codes: str, dialect: str = "youzan") -> tuple[Shop, ...]:
    return tuple(shop(id=f"shop-{code}", code=code, dialect=dialect, name=f"Shop {code}") for code in codes)
