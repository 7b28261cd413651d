"""What all of the control API shares: whose namespace a request is for, and what it is told."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from app.core.causes import Cause
from app.sandbox.faults import FaultKind
from app.sandbox.paths import WORLD
from app.sandbox.recorder import Recorded
from app.sandbox.showing import line, view
from app.sandbox.worlds import IDLE_SECONDS, START, World

Values = Annotated[dict[str, Any], Body()]
Language = Annotated[Literal["en", "zh"], Query(description="The language of explanations.")]


def _world(request: Request) -> World:
    world: World = request.scope[WORLD]
    return world


Here = Annotated[World, Depends(_world)]


class Told(BaseModel):
    """Something that is told to the control API: unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class NewNamespace(Told):
    """A namespace to make."""

    name: str | None = Field(None, description="Up to 40 of a-z, 0-9 and -; made up where it is not given.")
    demo: bool = Field(default=True, description="Whether it begins with the demo identities.")
    declared: dict[str, Any] | None = Field(None, description="What `tokenry apply` would read from a file: users, clients, shops, scopes.")
    now: datetime | None = Field(None, description="The time that it begins with, also one long past; the machine's where it is not given.")
    idle_seconds: float = Field(IDLE_SECONDS, ge=1, le=86_400, description="How long it stays when nobody asks it.")


class ClockSetting(Told):
    """Where the clock is put."""

    now: datetime | None = Field(None, description="The moment to jump to, also one before everything here was made.")
    frozen: bool | None = Field(None, description="Whether it stands.")


class Advance(Told):
    """How far the clock is moved."""

    seconds: float = Field(description="May be negative.", ge=-4e9, le=4e9)


class NewToken(Told):
    """A token to mint."""

    client_id: str
    kind: Literal["access", "refresh", "id"] = "access"
    user: str | None = None
    scope: str | None = None
    shop: str | None = None
    expires_in: int | None = Field(None, description="Seconds; negative for one that has expired.")
    claims: dict[str, Any] = Field(default_factory=dict, description="Of an ID token: put in, or in the place of the usual ones.")


class NewCode(Told):
    """A code to issue, as if the person had allowed the request."""

    client_id: str
    user: str
    shop: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None


class NewFault(Told):
    """A fault to inject, and the exchanges that it befalls."""

    kind: FaultKind
    client_id: str | None = None
    grant: str | None = Field(None, description="The dialect's word for it.")
    path: str | None = Field(None, description="The door's path, such as /token.")
    nth: int | None = Field(None, ge=1, description="Only the nth exchange of these.")
    times: int | None = Field(1, ge=1, description="How often it happens; null for ever.")
    probability: float = Field(1.0, ge=0, le=1)
    seed: int = 0
    seconds: float = Field(1.0, ge=0, le=60, description="Of latency and slow_body.")
    status: int = Field(500, ge=400, le=599, description="Of status.")
    retry_after: int | None = Field(None, ge=0, le=86_400)
    cause: Cause = Field(Cause.SERVER_ERROR, description="Of refuse: why the door is to refuse.")


class NewResponse(Told):
    """What the person at the next login or consent page does; what is null is left to whoever sits at the browser."""

    user: str | None = Field(None, description="User name or e-mail address; @login_hint for whomever the request names.")
    decision: Literal["approve", "deny"] | None = "approve"
    shop: str | None = Field(None, description="The code of the shop to pick, where one is to be picked.")
    times: int | None = Field(1, ge=1, description="How often; null for ever.")


class Named(Told):
    """The name of a snapshot."""

    name: str = START


class Search(Told):
    """Which exchanges are wanted."""

    path: str | None = None
    client_id: str | None = None
    cause: str | None = None
    status: int | None = None
    search: str | None = Field(None, max_length=200, description="Words that stand anywhere in it.")
    after: int = Field(0, description="Only those with a higher number.")
    limit: int = Field(100, ge=1, le=500)
    full: bool = Field(default=False, description="Whole exchanges instead of a line for each.")
    language: Literal["en", "zh"] = "en"

    def finds(self, recorded: Recorded) -> bool:
        """Whether an exchange is wanted."""
        short = line(recorded)
        wanted = {"path": self.path, "client_id": self.client_id, "cause": self.cause, "status": self.status}
        if recorded.number <= self.after or any(value is not None and short[name] != value for name, value in wanted.items()):
            return False
        shown = json.dumps(view(recorded, "", self.language), ensure_ascii=False, default=str) if self.search else ""
        return not self.search or self.search.lower() in shown.lower()
