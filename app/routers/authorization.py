"""The authorization endpoints of all dialects, and the consent page.

The steps never call each other: each sends the browser back to the authorization endpoint, which asks what comes next.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.browser.authorization import Answer, Authorization, Considered
from app.browser.seals import Pending
from app.browser.views import AskedScope, ConsentPage, FormPostPage, FormProblem, OfferedShop, Trouble
from app.dialects import AuthorizationDoor, AuthorizationReading, WireRequest
from app.messages import Ask, ErrorPage, Redirect, Step
from app.oauth2 import FORM_POST
from app.routers.desk import Call, Desk, Handler, name_of

_CONTINUE: Final = b"continue="
"""Begins the query of a browser that comes back from a step."""


class Asked(NamedTuple):
    """A request that may have waited: at which door, how it reads, and when it came first (``None`` for now)."""

    door: AuthorizationDoor
    reading: AuthorizationReading
    asked_at: datetime | None


class AuthorizationPages:
    """Answers browsers at the authorization endpoints and on the consent page."""

    def __init__(self, desk: Desk, doors: Mapping[str, AuthorizationDoor]) -> None:
        self._desk = desk
        self._doors = doors
        self.authorization: Authorization

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter()
        for path, door in self._doors.items():
            endpoint = self._desk.handler(self._endpoint(door))
            for method in door.methods:
                router.add_api_route(
                    path,
                    endpoint,
                    methods=[method],
                    name=f"{method} {path}",
                    tags=[owner.dialect.tables.title["en"] for owner in door.owners.values()],
                    summary=" / ".join(owner.table.title.get("en", path) for owner in door.owners.values()),
                    response_class=Response,
                    openapi_extra={"parameters": _parameters(door)},
                )
            router.routes.append(Route(path, _AnyMethod(endpoint), name=f"other {path}", include_in_schema=False))
        router.add_api_route("/login/cancel", self._desk.handler(self._cancel), methods=["GET"], include_in_schema=False)
        router.add_api_route("/consent", self._desk.handler(self._consent), methods=["GET", "POST"], include_in_schema=False)
        return router

    def resumed(self, call: Call, token: str | None) -> Asked | None:
        """Return the request that waits under a token, if it is this browser's and not too old."""
        pending = self._desk.pending.open(token, None if call.is_new else call.browser, self._desk.clock.now())
        door = self._doors.get(pending.path) if pending is not None else None
        return Asked(door, door.resume(pending.query), pending.asked_at) if pending is not None and door is not None else None

    def cancelled(self, token: str) -> str:
        """Return the address at which a person gives a waiting request up and goes back to the app."""
        return f"{self._desk.base}/login/cancel?request={token}"

    def expired(self, call: Call) -> Response:
        """Answer whose request is not known any more."""
        return self._desk.trouble(
            call, Trouble.EXPIRED, 400, "invalid_request", "The request has expired or belongs to another browser. Start again in the app."
        )

    def continued(self, asked: Asked, token: str) -> str:
        """Return the address at which a waiting request goes on."""
        return f"{self._desk.base}{asked.door.path}?{_CONTINUE.decode()}{token}"

    def _endpoint(self, door: AuthorizationDoor) -> Handler:
        async def authorize(call: Call) -> Response:
            request, query = call.request, call.request.scope["query_string"]
            asked: Asked | None
            if request.method == "GET" and query.startswith(_CONTINUE):
                asked = self.resumed(call, query.removeprefix(_CONTINUE).partition(b"&")[0].decode("latin-1"))
                if asked is None or asked.door is not door:
                    return self.expired(call)
            else:
                content_type = request.headers.get("content-type", "")
                wire = WireRequest(request.method, content_type, None, query, call.body, call.visitor.address)
                asked = Asked(door, door.read(wire), None)
            considered = await self.authorization.settle(asked.reading, call.visitor, asked.asked_at)
            return self._answer(call, asked, considered)

        return authorize

    def _answer(self, call: Call, asked: Asked, considered: Considered) -> Response:
        """Send the browser to the client, to the next step, or tell what is wrong."""
        decided, message = considered.decided, considered.message
        call.event |= {"dialect": message.dialect, "grant": message.registered_grant, "client_id": asked.reading.client_id}
        if isinstance(decided, ErrorPage):
            return self._desk.refuse(call, decided.refusal, decided.client)
        if isinstance(decided, Redirect):
            call.event |= {"user_id": decided.user_id, "shop": decided.shop}
            if decided.refusal is not None:
                call.event |= {"cause": decided.refusal.cause, "detail": decided.refusal.detail or decided.refusal.description}
            if decided.response_mode == FORM_POST:
                return self._desk.page(call, _posted(decided), redirect_uri=decided.redirect_uri)
            return self._desk.send_to(call, decided.location)
        step = "/login" if decided.step is Step.LOGIN else "/consent"
        pending = Pending(path=asked.door.path, query=asked.reading.query, asked_at=asked.asked_at or self._desk.clock.now())
        language = f"&ui_locales={quote(decided.ui_locales)}" if decided.ui_locales else ""
        return self._desk.send_to(call, f"{self._desk.base}{step}?request={self._desk.pending.close(pending, call.browser)}{language}")

    async def _cancel(self, call: Call) -> Response:
        asked = self.resumed(call, call.request.query_params.get("request"))
        if asked is None:
            return self.expired(call)
        return self._answer(call, asked, await self.authorization.withdraw(asked.reading, call.visitor))

    # -- consent -------------------------------------------------------------------------------------------------------------------

    async def _consent(self, call: Call) -> Response:
        token = call.request.query_params.get("request")
        asked = self.resumed(call, token)
        if asked is None or token is None:
            return self.expired(call)
        answer, problem = None, None
        if call.request.method == "POST":
            form = self._desk.form(call)
            answer = Answer(
                approved=form.get("decision") == "approve",
                shop=form.get("shop"),
                was_shown=lambda ask: self._desk.is_ours(call, *_shown(ask)) and form.get("decision") in {"approve", "refuse"},
            )
            problem = FormProblem.EXPIRED
        considered = await self.authorization.settle(asked.reading, call.visitor, asked.asked_at, answer)
        decided = considered.decided
        if not isinstance(decided, Ask) or decided.step is not Step.CONSENT:
            return self._answer(call, asked, considered)
        if answer is not None and answer.was_shown(decided) and decided.shops:
            problem = FormProblem.NO_SHOP
        return await self._ask(call, token, decided, problem)

    async def _ask(self, call: Call, token: str, ask: Ask, problem: FormProblem | None) -> Response:
        titles = await self.authorization.titles(ask.scopes, call.visitor.language)
        view = ConsentPage(
            app=name_of(ask.client),
            person=ask.user.username if ask.user is not None else "",
            destination=urlsplit(ask.redirect_uri).hostname or urlsplit(ask.redirect_uri).scheme,
            scopes=[AskedScope(name=name, title=titles[name], is_new=name in ask.new_scopes) for name in ask.scopes],
            shops=[OfferedShop(code=shop.code, name=shop.name or shop.code) for shop in ask.shops],
            shop=ask.shops[0].code if len(ask.shops) == 1 else None,
            lasts=ask.access_token_expires_in if ask.renewable_in is None else ask.renewable_in,
            refreshable=ask.renewable_in is not None,
            remembered=ask.is_remembered,
            switch=f"{self._desk.base}/login?request={token}&switch=yes",
            problem=problem,
        )
        return self._desk.page(call, view, 400 if problem else 200, about=_shown(ask), redirect_uri=ask.redirect_uri)


def _posted(decided: Redirect) -> FormPostPage:
    return FormPostPage(app=name_of(decided.client), action=decided.redirect_uri, fields=decided.fields)


def _shown(ask: Ask) -> tuple[str, ...]:
    """Return what a consent page shows and its form is signed for: an answer to another page does not count."""
    return ("consent", ask.client.client_id, ask.redirect_uri, ask.user.id if ask.user is not None else "", *ask.scopes)


class _AnyMethod:
    """Calls an endpoint for whatever method: it answers those that it does not know itself."""

    def __init__(self, endpoint: Any) -> None:  # noqa: ANN401 (an endpoint function)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


def _parameters(door: AuthorizationDoor) -> list[dict[str, Any]]:
    """Describe the parameters of a door for the OpenAPI document."""
    described: dict[str, dict[str, Any]] = {}
    for owner in door.owners.values():
        for name in (*owner.table.required, *owner.table.optional):
            table = owner.dialect.tables.parameters[name]
            parameter = {"name": name, "in": "query", "description": table.description.get("en", ""), "schema": {"type": "string"}}
            described.setdefault(name, parameter | {"required": name in owner.table.required})
    return list(described.values())
