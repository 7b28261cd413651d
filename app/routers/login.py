"""Logging in: the page of the password and the passkey, and the page of the second step."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.account import Accounts
from app.browser.login import HalfPerson, LoginResult, Logins
from app.browser.views import FormProblem, LoginPage, SecondFactorPage
from app.messages import Ask, Step
from app.routers.authorization import Asked, AuthorizationPages
from app.routers.desk import STATUSES, Call, Desk, name_of

_PAGES: Final = {"second-factor": "/account/second-factor", "passkeys": "/account/passkeys"}
"""Where ``to`` leads: pages for whom somebody has to prove anew who they are. A word and never an address (OWASP ASVS 3.7.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a login leads: on with the request that waits, or to a page of the account.

    ``query`` are the parameters by which each step of the login knows it again.
    """

    asked: Asked | None
    after: str
    query: dict[str, str]


class LoginPages:
    """Answers browsers on the pages of the login."""

    def __init__(self, desk: Desk, authorization: AuthorizationPages) -> None:
        self._desk = desk
        self._authorization = authorization
        self.logins: Logins
        self.accounts: Accounts

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/login", self._desk.handler(self._login), methods=["GET", "POST"])
        router.add_api_route("/login/second-factor", self._desk.handler(self._second_factor), methods=["GET", "POST"])
        return router

    def _way(self, call: Call) -> Way | None:
        """Return where a login leads; ``None`` where it is to go on with a request that is not known any more."""
        token, to = (call.request.query_params.get(name) for name in ("request", "to"))
        if token is None:
            page = _PAGES.get(to or "")
            return Way(asked=None, after=self._desk.base + (page or "/account"), query={"to": to} if to and page else {})
        asked = self._authorization.resumed(call, token)
        return Way(asked=asked, after=self._authorization.continued(asked, token), query={"request": token}) if asked is not None else None

    def _address(self, path: str, way: Way, **more: str) -> str:
        query = urlencode(more | way.query)
        return f"{self._desk.base}{path}" + (f"?{query}" if query else "")

    # -- the first step ------------------------------------------------------------------------------------------------------------

    async def _login(self, call: Call) -> Response:
        way = self._way(call)
        if way is None:
            return self._authorization.expired(call)
        if call.request.method == "POST":
            return await self._try(call, way)
        ask = await self._asks(call, way.asked)
        if way.asked is not None and ask is None and "switch" not in call.request.query_params:
            return self._desk.send_to(call, way.after)
        result = LoginResult(problem=FormProblem.EXPIRED) if "late" in call.request.query_params else LoginResult()
        if not way.query.get("to"):
            return self._page(call, ask, (ask.login_hint if ask is not None else None) or "", result)
        person = await self.accounts.person(call.visitor)
        if person is not None and person.is_fresh(self._desk.clock.now()):
            return self._desk.send_to(call, way.after)
        return self._page(call, ask, person.user.username if person is not None else "", result, again=person is not None)

    async def _asks(self, call: Call, asked: Asked | None) -> Ask | None:
        """Return what the waiting request asks of the person, where that is to log in or, when they want to be another one, to consent."""
        if asked is None:
            return None
        foreseen = await self._authorization.authorization.foresee(asked.reading, call.visitor, asked.asked_at)
        decided = foreseen.decided
        if isinstance(decided, Ask) and (decided.step is Step.LOGIN or "switch" in call.request.query_params):
            return decided
        return None

    async def _try(self, call: Call, way: Way) -> Response:
        form = self._desk.form(call)
        name = form.get("username", "")
        if not self._desk.is_ours(call):
            if self._desk.is_from_here(call) and await self._is_done(call, way):
                return self._desk.send_to(call, way.after)
            result = LoginResult(problem=FormProblem.EXPIRED)
        elif "credential" in form:
            result = await self.logins.by_passkey(form["credential"], call.visitor)
        else:
            result = await self.logins.by_password(name, form.get("password", ""), call.visitor)
        if result.half is not None:
            call.event |= {"grant": "login", "detail": "a second step is demanded", "user_id": result.tried}
            return self._desk.send_to(call, self._address("/login/second-factor", way, half=result.half))
        if result.user is not None:
            return self._enter(call, way, result)
        return self._page(call, await self._asks(call, way.asked), name, self._noted(call, result))

    async def _is_done(self, call: Call, way: Way) -> bool:
        """Whether somebody has logged in, in another tab, since the page was shown, and nothing more is wanted."""
        if way.asked is not None:
            return await self._asks(call, way.asked) is None
        return not way.query and await self.accounts.person(call.visitor) is not None

    def _enter(self, call: Call, way: Way, result: LoginResult) -> Response:
        call.event |= {"user_id": result.user.id if result.user is not None else None, "grant": "login", "detail": " ".join(result.amr)}
        return self._desk.send_to(call, way.after, result.cookies)

    @staticmethod
    def _noted(call: Call, result: LoginResult) -> LoginResult:
        call.event |= {"cause": f"login_{result.problem}", "grant": "login", "detail": result.detail}
        call.event |= {"user_id": result.tried} if result.tried is not None else {}
        return result

    def _page(self, call: Call, ask: Ask | None, username: str, result: LoginResult, *, again: bool = False) -> Response:
        token = call.request.query_params.get("request")
        view = LoginPage(
            app=name_of(ask.client) if ask is not None else None,
            username=username,
            again=again or (ask is not None and bool(ask.prompt & {"login"})),
            problem=result.problem,
            minutes=result.minutes,
            cancel=self._authorization.cancelled(token) if ask is not None and token is not None else None,
            passkey=self.logins.passkey_options(call.visitor),
        )
        redirect_uri = ask.redirect_uri if ask is not None else None
        return self._desk.page(call, view, _status(result), redirect_uri=redirect_uri, retry_in=result.minutes * 60)

    # -- the second step -----------------------------------------------------------------------------------------------------------

    async def _second_factor(self, call: Call) -> Response:
        way = self._way(call)
        if way is None:
            return self._authorization.expired(call)
        token = call.request.query_params.get("half", "")
        half = await self.logins.half_person(token, call.visitor)
        if half is None:
            return self._desk.send_to(call, self._address("/login", way, late="yes"))
        call.event |= {"user_id": half.user.id}
        is_answer = call.request.method == "POST" and self._desk.is_ours(call, half.user.id)
        if not is_answer and await self._has_finished(call, half):
            return self._desk.send_to(call, way.after)
        if call.request.method == "POST":
            return await self._try_code(call, way, half, is_answer=is_answer)
        return await self._step(call, way, half, LoginResult())

    async def _has_finished(self, call: Call, half: HalfPerson) -> bool:
        """Whether this step is done: they came back by the browser's button, or another tab was faster."""
        person = await self.accounts.person(call.visitor)
        return person is not None and person.user.id == half.user.id and person.session.created_at >= half.at

    async def _try_code(self, call: Call, way: Way, half: HalfPerson, *, is_answer: bool) -> Response:
        code = self._desk.form(call).get("code", "")
        result = await self.logins.by_code(half.user, code, call.visitor) if is_answer else LoginResult(problem=FormProblem.EXPIRED)
        if result.user is not None:
            return self._enter(call, way, result)
        return await self._step(call, way, half, self._noted(call, result))

    async def _step(self, call: Call, way: Way, half: HalfPerson, result: LoginResult) -> Response:
        ask = await self._asks(call, way.asked)
        query = call.request.query_params
        recovery = "recovery" in query
        other = {"half": query["half"]} | ({} if recovery else {"recovery": "yes"})
        view = SecondFactorPage(
            person=half.user.username,
            recovery=recovery,
            other=self._address("/login/second-factor", way, **other),
            problem=result.problem,
            minutes=result.minutes,
            cancel=self._address("/login", way),
        )
        redirect_uri = ask.redirect_uri if ask is not None else None
        about = (half.user.id,)
        return self._desk.page(call, view, _status(result), about=about, redirect_uri=redirect_uri, retry_in=result.minutes * 60)


def _status(result: LoginResult) -> int:
    return STATUSES.get(result.problem, 400) if result.problem is not None else 200
