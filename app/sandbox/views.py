"""The views of the sandbox's own pages: what each shows, as :mod:`app.browser.views` does for those of the service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from app.browser.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page is: the namespace, and how it is reached."""

    issuer: str
    base: str
    """The path of the issuer, before every path of the namespace."""
    namespace: str = ""
    """Its name; empty for the sandbox's own."""
    elsewhere: str = ""
    """The issuer's origin, where the page was asked for at another one; what a browser keeps there, it does not find here."""
    time: str = ""
    """The namespace's time, where it was moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPage(View):
    """What every page of the sandbox has."""

    name: ClassVar[str] = ""
    """Which of the pages it is, for the navigation."""
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLine:
    """A door of a partner."""

    method: str
    path: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCard:
    """A client as its developer needs it."""

    client_id: str
    name: str
    secret: str = ""
    """In plain, where it is a published one; of any other only the digest is known."""
    is_public: bool = False
    redirect_uris: Sequence[str] = ()
    scope: str = ""
    quirks: Sequence[str] = ()
    """The titles of those that are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuirkLine:
    """A known quirk of a partner: ``note`` says what its document has, and what is seen instead."""

    title: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCard:
    """A partner: its doors, and the clients that speak its dialect here."""

    name: str
    title: str
    document: str
    doors: Sequence[DoorLine]
    clients: Sequence[ClientCard]
    quirks: Sequence[QuirkLine] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """How an app is pointed here, in the form that a library or tool reads."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLine:
    """One exchange in a list."""

    number: int
    time: str
    method: str
    path: str
    status: int
    milliseconds: float
    client_id: str = ""
    grant: str = ""
    cause: str = ""
    fault: int | None = None

    @property
    def is_refused(self) -> bool:
        """Whether something went wrong with it."""
        return bool(self.cause) or self.status >= 400  # noqa: PLR2004 (RFC 9110 §15.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePage(SandboxPage):
    """What opens at ``/``."""

    template: ClassVar[str] = "home.html"
    name: ClassVar[str] = "home"
    username: str
    """Of the demo user; empty where there is none."""
    password: str
    partners: Sequence[PartnerCard]
    snippets: Sequence[Snippet]
    exchanges: Sequence[ExchangeLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which exchanges a list is to hold; what is empty allows all."""

    search: str = ""
    client_id: str = ""
    path: str = ""
    result: str = ""
    """``refused`` or ``answered``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectorPage(SandboxPage):
    """The list of exchanges, the newest first."""

    template: ClassVar[str] = "inspector.html"
    name: ClassVar[str] = "inspector"
    exchanges: Sequence[ExchangeLine]
    filter: Filter
    clients: Sequence[str]
    """Those that asked, to filter by."""
    paths: Sequence[str]
    total: int
    """How many are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangePage(SandboxPage):
    """One exchange in detail; ``exchange`` is what the control API shows of it."""

    template: ClassVar[str] = "exchange.html"
    name: ClassVar[str] = "inspector"
    number: int
    exchange: Mapping[str, Any] | None
    """``None`` where it is not, or no longer, remembered."""
    request: str = ""
    response: str = ""
    tokens: Sequence["DecodedToken"] = ()
    curl: str = ""
    rule: Sequence[tuple[str, str]] = ()
    """The rule that was broken in pieces: each with the address where it can be read, or an empty one."""
    revealed: bool = False
    previous: int | None = None
    following: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedToken:
    """A signed token: the member in which it came, and its parts as JSON."""

    member: str
    header: str
    claims: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLine:
    """A flow of the playground in its list."""

    name: str
    title: str
    about: str
    steps: int
    needs_browser: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaygroundPage(SandboxPage):
    """The list of flows."""

    template: ClassVar[str] = "playground.html"
    name: ClassVar[str] = "playground"
    partners: Sequence[tuple[str, Sequence[FlowLine]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueLine:
    """A parameter of a step: its line in the partner's table, and the value that is sent.

    ``value`` may hold words such as ``$code``, which stand for what an earlier step yielded.
    """

    name: str
    type: str
    is_required: bool
    description: str
    value: str
    is_header: bool = False
    is_used_once: bool = False
    """Whether each request needs another value, which the page has when it is loaded again."""

    @property
    def is_shown(self) -> bool:
        """Whether it stands in the first table, rather than among what is seldom needed."""
        return self.is_required or bool(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCard:
    """A step of a flow: the request to one door."""

    title: str
    about: str
    method: str
    path: str
    media_types: Sequence[str]
    is_visit: bool
    """Whether the browser goes there, rather than a program."""
    parameters: Sequence[ValueLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowPage(SandboxPage):
    """One flow to click through."""

    template: ClassVar[str] = "flow.html"
    name: ClassVar[str] = "playground"
    flow: str
    title: str
    about: str
    partner: str
    document: str
    steps: Sequence[StepCard]
    username: str
    password: str
    problem: str = ""
    """Why the flow's client is not here; empty where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPage(SandboxPage):
    """Where the playground's clients get their answers."""

    template: ClassVar[str] = "callback.html"
    name: ClassVar[str] = "playground"
    parameters: Sequence[tuple[str, str]] = ()
    brought: Mapping[str, str] = field(default_factory=dict)
    """What came by a form, which the page's script cannot see otherwise."""
