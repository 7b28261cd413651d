"""People's own pages: what they let in, where they are logged in, and their password."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.account import Accounts, Overview, Person
from app.browser.views import (
    AccountPage,
    ChangePasswordPage,
    Done,
    FormProblem,
    GrantedApp,
    OpenSession,
    PasswordChangedPage,
    ResetPasswordPage,
    Trouble,
)
from app.core.passwords import MINIMUM_LENGTH
from app.routers.desk import STATUSES, Call, Desk

_BUTTONS: Final = ("revoke", "revoke_all", "end_session", "end_other_sessions")
_GRACE: Final = timedelta(minutes=5)
PersonalHandler = Callable[[Call, Person], Awaitable[Response]]


class AccountPages:
    """Answers people on their own pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.accounts: Accounts

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        for path, handle in (
            ("/account", self._account),
            ("/account/password", self.personal(self._password)),
            ("/reset", self._reset),
        ):
            router.add_api_route(path, self._desk.handler(handle), methods=["GET", "POST"])
        return router

    def personal(self, handle: PersonalHandler) -> Callable[[Call], Awaitable[Response]]:
        """Return a handler for people who are logged in; others are sent to log in."""

        async def handler(call: Call) -> Response:
            person = await self.accounts.person(call.visitor)
            if person is None:
                return self._desk.send_to(call, f"{self._desk.base}/login")
            call.event |= {"user_id": person.user.id}
            return await handle(call, person)

        return handler

    def fresh(self, handle: PersonalHandler, to: str) -> Callable[[Call], Awaitable[Response]]:
        """Return a handler for people who have just logged in; others are sent to do so, and come back by ``to``, a word of the login page.

        A form stays good for some minutes more than the login that it was given on.
        """

        async def handler(call: Call) -> Response:
            person = await self.accounts.person(call.visitor)
            grace = _GRACE if call.request.method == "POST" else timedelta()
            if person is None or not person.is_fresh(self._desk.clock.now(), grace):
                return self._desk.send_to(call, f"{self._desk.base}/login?to={to}")
            call.event |= {"user_id": person.user.id}
            return await handle(call, person)

        return handler

    # -- the account page ------------------------------------------------------------------------------------------------------------

    async def _account(self, call: Call) -> Response:
        overview = await self.accounts.overview(call.visitor)
        if overview is None:
            return self._desk.send_to(call, f"{self._desk.base}/login")
        call.event |= {"user_id": overview.person.user.id}
        if call.request.method == "GET":
            return self._desk.page(call, _account_page(overview, call, _done(call.request.query_params.get("done"))))
        form = self._desk.form(call)
        if not self._desk.is_ours(call):
            return self._desk.page(call, _account_page(overview, call, None, FormProblem.EXPIRED), 400)
        button = next((name for name in _BUTTONS if name in form), "")
        done = await self.accounts.change(overview.person, button, form.get(button, ""))
        call.event |= {"grant": f"account_{button}"}
        return self._desk.send_to(call, f"{self._desk.base}/account" + (f"?done={done}" if done is not None else ""))

    async def _password(self, call: Call, person: Person) -> Response:
        def page(problem: FormProblem | None = None, minutes: int = 0) -> Response:
            view = ChangePasswordPage(person=person.user.username, minimum=MINIMUM_LENGTH, problem=problem, minutes=minutes)
            return self._desk.page(call, view, STATUSES.get(problem, 400) if problem else 200, retry_in=minutes * 60)

        if call.request.method == "GET":
            return page()
        form = self._desk.form(call)
        if not self._desk.is_ours(call):
            return page(FormProblem.EXPIRED)
        result = await self.accounts.change_password(
            person, form.get("current_password", ""), form.get("new_password", ""), form.get("repeated_password", ""), call.visitor
        )
        call.event |= {"grant": "password_change"} | ({"cause": f"password_{result.problem}"} if result.problem else {})
        if result.problem is not None:
            return page(result.problem, result.minutes)
        return self._desk.page(call, PasswordChangedPage(signed_in=True), cookies=result.cookies)

    # -- the one-time link -------------------------------------------------------------------------------------------------------------

    async def _reset(self, call: Call) -> Response:
        token = call.request.query_params.get("token", "")
        user = await self.accounts.reset_user(token)
        if user is None:
            return self._link_expired(call)
        call.event |= {"user_id": user.id, "grant": "password_reset"}
        problem = None
        if call.request.method == "POST":
            form = self._desk.form(call)
            if not self._desk.is_ours(call):
                problem = FormProblem.EXPIRED
            else:
                new, repeated = form.get("new_password", ""), form.get("repeated_password", "")
                result = await self.accounts.reset_password(user, token, new, repeated, call.visitor)
                if result.problem is FormProblem.EXPIRED:
                    return self._link_expired(call)
                if result.problem is None:
                    return self._desk.page(call, PasswordChangedPage(signed_in=False), cookies=result.cookies)
                problem = result.problem
        view = ResetPasswordPage(person=user.username, minimum=MINIMUM_LENGTH, problem=problem)
        return self._desk.page(call, view, 400 if problem else 200)

    def _link_expired(self, call: Call) -> Response:
        return self._desk.trouble(
            call, Trouble.LINK_EXPIRED, 404, "invalid_request", "The link was used, has expired, or was replaced by a later one."
        )


def _done(text: str | None) -> Done | None:
    try:
        return Done(text) if text else None
    except ValueError:
        return None


def _account_page(overview: Overview, call: Call, done: Done | None, problem: FormProblem | None = None) -> AccountPage:
    user, language = overview.person.user, call.visitor.language

    def title(scope: str) -> str:
        return overview.titles.get(scope, {}).get(language) or scope

    return AccountPage(
        person=user.username,
        email=user.email,
        apps=[
            GrantedApp(
                id=app.client_id,
                name=app.client_name or app.client_id,
                scopes=[title(scope) for scope in app.scopes],
                shops=[shop.name or shop.code for shop in app.shops],
                since=app.granted_at,
                last_used=app.last_used_at,
            )
            for app in overview.apps
        ],
        sessions=[
            OpenSession(
                id=session.id_hash.hex(),
                user_agent=session.user_agent or "",
                address=session.address or "",
                since=session.created_at,
                last_seen=session.last_seen_at,
                is_this=session.id_hash == overview.person.session.id_hash,
            )
            for session in overview.sessions
        ],
        second_factor_since=user.second_factor_at,
        recovery_codes=overview.recovery_codes,
        passkeys=len(overview.passkeys),
        done=done,
        problem=problem,
    )
