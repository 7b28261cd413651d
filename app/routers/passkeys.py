"""People's passkeys on the account pages: which there are, adding and removing."""

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.account import Person
from app.browser.ceremonies import LateAnswer, UnsoundAnswer
from app.browser.passkeys import Passkeys
from app.browser.views import Done, FormProblem, Passkey, PasskeysPage
from app.routers.account import AccountPages
from app.routers.desk import Call, Desk

_DONE = {done.value: done for done in (Done.PASSKEY_ADDED, Done.PASSKEY_REMOVED)}


class PasskeyPages:
    """Answers people on the page of their passkeys; their login has to be fresh."""

    def __init__(self, desk: Desk, account: AccountPages) -> None:
        self._desk = desk
        self._account = account
        self.passkeys: Passkeys

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        handle = self._account.fresh(self._passkeys, "passkeys")
        router.add_api_route("/account/passkeys", self._desk.handler(handle), methods=["GET", "POST"])
        return router

    async def _passkeys(self, call: Call, person: Person) -> Response:
        if call.request.method == "GET":
            return await self._page(call, person, _DONE.get(call.request.query_params.get("done", "")))
        form = self._desk.form(call)
        if not self._desk.is_ours(call):
            return await self._page(call, person, problem=FormProblem.EXPIRED)
        if "credential" in form:
            return await self._add(call, person, form.get("name", ""), form["credential"])
        removed = await self.passkeys.remove(person, form.get("remove", ""))
        call.event |= {"grant": "passkey_remove"}
        return self._desk.send_to(call, self._address(Done.PASSKEY_REMOVED if removed else None))

    async def _add(self, call: Call, person: Person, name: str, credential: str) -> Response:
        call.event |= {"grant": "passkey_add"}
        try:
            await self.passkeys.add(person, name, credential, call.visitor)
        except UnsoundAnswer as problem:
            shown = FormProblem.EXPIRED if isinstance(problem, LateAnswer) else FormProblem.UNSUPPORTED
            call.event |= {"cause": f"passkey_{shown}", "detail": str(problem)}
            return await self._page(call, person, problem=shown)
        return self._desk.send_to(call, self._address(Done.PASSKEY_ADDED))

    def _address(self, done: Done | None) -> str:
        return f"{self._desk.base}/account/passkeys" + (f"?done={done}" if done is not None else "")

    async def _page(self, call: Call, person: Person, done: Done | None = None, problem: FormProblem | None = None) -> Response:
        known = await self.passkeys.of(person)
        view = PasskeysPage(
            person=person.user.username,
            passkeys=[
                Passkey(id=passkey.credential_id.hex(), name=passkey.name or "", since=passkey.created_at, last_used=passkey.last_used_at)
                for passkey in known
            ],
            options=self.passkeys.creation_options(person, known, call.visitor),
            done=done,
            problem=problem,
        )
        return self._desk.page(call, view, 400 if problem else 200)
