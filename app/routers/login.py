"""Logging in and out."""

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.login import LoginResult, Logins
from app.browser.views import FormProblem, LoginPage
from app.messages import Ask, Step
from app.routers.authorization import Asked, AuthorizationPages
from app.routers.desk import STATUSES, Call, Desk, name_of


class LoginPages:
    """Answers browsers on the login page."""

    def __init__(self, desk: Desk, authorization: AuthorizationPages) -> None:
        self._desk = desk
        self._authorization = authorization
        self.logins: Logins

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/login", self._desk.handler(self._login), methods=["GET", "POST"])
        return router

    async def _login(self, call: Call) -> Response:
        token = call.request.query_params.get("request")
        asked = self._authorization.resumed(call, token)
        if token is not None and asked is None:
            return self._authorization.expired(call)
        after = self._authorization.continued(asked, token) if asked is not None and token is not None else f"{self._desk.base}/account"
        if call.request.method == "POST":
            return await self._try(call, asked, after)
        ask = await self._asks(call, asked)
        if asked is not None and ask is None and "switch" not in call.request.query_params:
            return self._desk.send_to(call, after)
        return self._page(call, ask, (ask.login_hint if ask is not None else None) or "")

    async def _asks(self, call: Call, asked: Asked | None) -> Ask | None:
        """Return what the waiting request asks of the person, where that is to log in or, when they want to be another one, to consent."""
        if asked is None:
            return None
        foreseen = await self._authorization.authorization.foresee(asked.reading, call.visitor, asked.asked_at)
        decided = foreseen.decided
        if isinstance(decided, Ask) and (decided.step is Step.LOGIN or "switch" in call.request.query_params):
            return decided
        return None

    async def _try(self, call: Call, asked: Asked | None, after: str) -> Response:
        form = self._desk.form(call)
        name = form.get("username", "")
        if not self._desk.is_ours(call):
            result = LoginResult(problem=FormProblem.EXPIRED)
        else:
            result = await self.logins.by_password(name, form.get("password", ""), call.visitor)
        if result.user is not None:
            call.event |= {"user_id": result.user.id, "grant": "login"}
            return self._desk.send_to(call, after, result.cookies)
        call.event |= {"cause": f"login_{result.problem}", "grant": "login"}
        return self._page(call, await self._asks(call, asked), name, result)

    def _page(self, call: Call, ask: Ask | None, username: str, result: LoginResult | None = None) -> Response:
        problem = result.problem if result is not None else None
        minutes = result.minutes if result is not None else 0
        view = LoginPage(
            app=name_of(ask.client) if ask is not None else None,
            username=username,
            again=ask is not None and bool(ask.prompt & {"login"}),
            problem=problem,
            minutes=minutes,
        )
        status = STATUSES.get(problem, 400) if problem is not None else 200
        redirect_uri = ask.redirect_uri if ask is not None else None
        return self._desk.page(call, view, status, redirect_uri=redirect_uri, retry_in=minutes * 60)
