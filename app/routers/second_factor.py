"""Two-step sign-in on the account pages: setting it up, its recovery codes, turning it off."""

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.account import Person
from app.browser.second_factor import SecondFactorResult, SecondFactors, Setup
from app.browser.views import Done, FormProblem, RecoveryCodesPage, SecondFactorSettingsPage, TotpPage
from app.browser.visitor import Cookie
from app.routers.account import AccountPages
from app.routers.desk import STATUSES, Call, Desk


class SecondFactorPages:
    """Answers people who change their second step; their login has to be fresh."""

    def __init__(self, desk: Desk, account: AccountPages) -> None:
        self._desk = desk
        self._account = account
        self.second_factors: SecondFactors

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        handle = self._account.fresh(self._settings, "second-factor")
        router.add_api_route("/account/second-factor", self._desk.handler(handle), methods=["GET", "POST"])
        return router

    async def _settings(self, call: Call, person: Person) -> Response:
        if person.user.second_factor_at is None:
            return await self._set_up(call, person)
        if call.request.method == "GET":
            return await self._on(call, person)
        form = self._desk.form(call)
        if not self._desk.is_ours(call):
            return await self._on(call, person, FormProblem.EXPIRED)
        if form.get("recovery_codes") == "new":
            return await self._renew_codes(call, person)
        if form.get("second_factor") == "off":
            return await self._turn_off(call, person)
        return self._desk.send_to(call, f"{self._desk.base}/account/second-factor")

    # -- where it is off -----------------------------------------------------------------------------------------------------------

    async def _set_up(self, call: Call, person: Person) -> Response:
        if call.request.method == "GET":
            return self._totp(call, person, self.second_factors.begin(person))
        form = self._desk.form(call)
        setup = self.second_factors.resume(person, form.get("setup", "")) if self._desk.is_ours(call) else None
        if setup is None:
            return self._totp(call, person, self.second_factors.begin(person), SecondFactorResult(problem=FormProblem.EXPIRED))
        result = await self.second_factors.turn_on(person, setup, form.get("code", ""), call.visitor)
        call.event |= {"grant": "second_factor_on"} | ({"cause": f"code_{result.problem}"} if result.problem else {})
        if result.problem is FormProblem.EXPIRED:
            return self._desk.send_to(call, f"{self._desk.base}/account/second-factor")
        if result.problem is not None:
            return self._totp(call, person, setup, result)
        return self._codes(call, person, result.codes, Done.SECOND_FACTOR_ON, result.cookies)

    def _totp(self, call: Call, person: Person, setup: Setup, result: SecondFactorResult | None = None) -> Response:
        problem, minutes = (result.problem, result.minutes) if result is not None else (None, 0)
        view = TotpPage(
            person=person.user.username, uri=setup.uri, secret=setup.secret, setup=setup.token, problem=problem, minutes=minutes
        )
        return self._desk.page(call, view, STATUSES.get(problem, 400) if problem else 200, retry_in=minutes * 60)

    # -- where it is on ------------------------------------------------------------------------------------------------------------

    async def _on(self, call: Call, person: Person, problem: FormProblem | None = None) -> Response:
        left = await self.second_factors.codes_left(person)
        view = SecondFactorSettingsPage(since=person.user.second_factor_at or self._desk.clock.now(), recovery_codes=left, problem=problem)
        return self._desk.page(call, view, 400 if problem else 200)

    async def _renew_codes(self, call: Call, person: Person) -> Response:
        codes = await self.second_factors.renew_codes(person)
        call.event |= {"grant": "recovery_codes_new"}
        if not codes:
            return self._desk.send_to(call, f"{self._desk.base}/account/second-factor")
        return self._codes(call, person, codes)

    async def _turn_off(self, call: Call, person: Person) -> Response:
        result = await self.second_factors.turn_off(person, call.visitor)
        call.event |= {"grant": "second_factor_off"}
        done = f"?done={Done.SECOND_FACTOR_OFF}" if result.problem is None else ""
        return self._desk.send_to(call, f"{self._desk.base}/account{done}", result.cookies)

    def _codes(
        self, call: Call, person: Person, codes: tuple[str, ...], done: Done | None = None, cookies: tuple[Cookie, ...] = ()
    ) -> Response:
        """Show codes, this once: nothing can show them again."""
        view = RecoveryCodesPage(person=person.user.username, codes=codes, at=self._desk.clock.now(), done=done)
        return self._desk.page(call, view, cookies=cookies)
