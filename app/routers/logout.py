"""Signing out: by a person's own wish, or at that of a client (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from app.browser.account import Accounts, Person
from app.browser.headers import framing
from app.browser.logout import Left, Logouts
from app.browser.views import FormProblem, SignedOutPage, SignOutPage
from app.browser.visitor import Cookie, no_session_cookie
from app.dialects.codecs import decode_urlencoded
from app.messages import Refusal
from app.oauth2.end_session import Leaving
from app.routers.desk import Call, Desk, name_of

PATH: Final = "/logout"
_OURS: Final = frozenset({"csrf", "where"})
"""What our own form sends, and no client's request does."""
_GO_ON: Final = 5
"""Seconds after which a browser without scripts goes back to the client, whether or not all pages of others are loaded."""


class LogoutPages:
    """Answers people who sign out, and the clients who send them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.accounts: Accounts
        self.logouts: Logouts

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route(PATH, self._desk.handler(self._logout), methods=["GET", "POST"])
        return router

    async def _logout(self, call: Call) -> Response:
        call.event |= {"grant": "logout"}
        try:
            if call.request.method == "GET":
                return await self._come(call)
            form = self._desk.form(call) if call.body else {}
            if not _OURS.isdisjoint(form):
                return await self._decide(call, form.get("where") == "everywhere")
            # A form on another site brings none of our cookies; the browser that follows a redirect of its answer does.
            leaving = await self.logouts.read(form)
            return self._desk.send_to(call, self._waiting(leaving, form.get("ui_locales")))
        except Refusal as refusal:
            return self._desk.refuse(call, refusal, back=self._address())

    def _address(self, **query: str) -> str:
        return f"{self._desk.base}{PATH}" + (f"?{urlencode(query)}" if query else "")

    def _waiting(self, leaving: Leaving, ui_locales: str | None) -> str:
        """Return the address at which a request waits for the person."""
        language = {"ui_locales": ui_locales} if ui_locales else {}
        return self._address(request=self.logouts.close(leaving), **language)

    # -- coming ------------------------------------------------------------------------------------------------------------------------

    async def _come(self, call: Call) -> Response:
        query = _query(call)
        if "out" in query:
            return await self._tell(call, query)
        token = query.get("request")
        leaving = await (self.logouts.resume(token) if token is not None else self.logouts.read(query))
        if leaving is None:
            return self._desk.send_to(call, self._address())
        call.event |= {"client_id": leaving.client.client_id} if leaving.client is not None else {}
        person = await self.accounts.person(call.visitor)
        if person is None:
            return self._nobody(call, leaving)
        call.event |= {"user_id": person.user.id}
        if self.logouts.is_proved(leaving, person):
            return self._leave(call, await self.logouts.end(person, leaving, everywhere=False))
        if token is None and leaving != Leaving():
            return self._desk.send_to(call, self._waiting(leaving, query.get("ui_locales")))
        return self._ask(call, person, leaving)

    def _ask(self, call: Call, person: Person, leaving: Leaving, problem: FormProblem | None = None) -> Response:
        view = SignOutPage(
            person=person.user.username, app=name_of(leaving.client) if leaving.client is not None else None, problem=problem
        )
        return self._desk.page(call, view, 400 if problem else 200, about=_about(leaving), redirect_uri=leaving.uri)

    def _nobody(self, call: Call, leaving: Leaving) -> Response:
        """Answer where nobody is signed in: only who has shown an ID token of ours is gone back to unasked."""
        if leaving.location is not None and leaving.subject is not None:
            return self._desk.send_to(call, leaving.location, _no_session(call))
        return self._signed_out(call, Left(everywhere=False, leaving=leaving), [])

    # -- leaving -----------------------------------------------------------------------------------------------------------------------

    async def _decide(self, call: Call, everywhere: bool) -> Response:  # noqa: FBT001 (the person's choice)
        token = _query(call).get("request")
        leaving = await self.logouts.resume(token) if token is not None else Leaving()
        person = await self.accounts.person(call.visitor)
        if person is None:
            return self._nobody(call, leaving or Leaving())
        call.event |= {"user_id": person.user.id}
        if leaving is None or not self._desk.is_ours(call, *_about(leaving)):
            return self._ask(call, person, leaving or Leaving(), FormProblem.EXPIRED)
        return self._leave(call, await self.logouts.end(person, leaving, everywhere=everywhere))

    def _leave(self, call: Call, left: Left) -> Response:
        """Send a browser that is signed out on its way: to the client at whose wish, or to the page that tells it."""
        location = left.leaving.location
        if location is not None and not left.told:
            return self._desk.send_to(call, location, _no_session(call))
        known = {"left": self.logouts.close_left(left, call.browser)} if left.told or left.leaving.client is not None else {}
        address = self._address(out="everywhere" if left.everywhere else "here", **known)
        return self._desk.send_to(call, address, _no_session(call))

    async def _tell(self, call: Call, query: dict[str, str]) -> Response:
        person = await self.accounts.person(call.visitor)
        if person is not None:
            return self._ask(call, person, Leaving())
        left = await self.logouts.left(query.get("left", ""), call.browser) if "left" in query else None
        if left is None:
            left = Left(everywhere=query["out"] == "everywhere")
        return self._signed_out(call, left, await self.logouts.frames(left))

    def _signed_out(self, call: Call, left: Left, frames: list[str]) -> Response:
        leaving = left.leaving
        view = SignedOutPage(
            everywhere=left.everywhere,
            app=name_of(leaving.client) if leaving.client is not None else None,
            back=leaving.location,
            frames=frames,
        )
        response = self._desk.page(call, view, cookies=_no_session(call))
        if frames:
            response.headers["Content-Security-Policy"] = framing(response.headers["Content-Security-Policy"], frames)
            if view.back is not None:
                response.headers["Refresh"] = f"{_GO_ON}; url={view.back}"
        return response


def _query(call: Call) -> dict[str, str]:
    """Return the parameters of an address.

    Raises:
        Refusal: one stands there twice, or is no text.
    """
    try:
        return decode_urlencoded(call.request.scope["query_string"], "")
    except Refusal as refusal:
        raise Refusal(refusal.cause, refusal.description.replace("request body", "query")) from None


def _no_session(call: Call) -> list[Cookie]:
    """Return what takes a session's cookie away that the browser has shown.

    One that another site has made send a form shows none, and keeps what it has.
    """
    return [no_session_cookie()] if call.visitor.session is not None else []


def _about(leaving: Leaving) -> tuple[str, ...]:
    """Return what the page that asks is about, and its form is signed for."""
    client_id = leaving.client.client_id if leaving.client is not None else ""
    return ("logout", client_id, leaving.uri or "", leaving.state or "")
