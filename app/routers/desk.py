"""What all pages share over HTTP: who is there, what their form says, how a page, a redirect or a trouble is answered."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.browser import languages
from app.browser.headers import REDIRECT_HEADERS, page_headers
from app.browser.pages import Pages
from app.browser.seals import PendingRequests, Seal
from app.browser.views import ErrorPage, FormProblem, Frame, Trouble, View
from app.browser.visitor import BROWSER, DEVICES, SESSION, Cookie, CookieJar, Visitor, language_cookie, new_cookie_value
from app.core.causes import STANDARD_ANSWERS, Cause
from app.core.clock import Clock
from app.dialects.codecs import URLENCODED, decode_urlencoded, media_type_of
from app.ledger import StorageUnavailable
from app.messages import Refusal
from app.models import Client
from app.telemetry import Event, Journal, next_request_id
from app.telemetry.logs import describe

_log: Final = logging.getLogger("tokenry.routers")
MAXIMUM_FORM: Final = 64 * 1024
"""Bytes of a form: a passkey's answer is the largest thing in one."""
_ECHOED: Final = 2048
"""Bytes of a query that an error page repeats to be shown in another language; who sends more reads it in this one."""
STATUSES: Final = {FormProblem.BLOCKED: 429, FormProblem.BUSY: 503, FormProblem.WRONG: 401}
"""The statuses of pages that show a form again; 400 for all others."""
_TROUBLES: Final = {
    Cause.UNKNOWN_CLIENT: Trouble.UNKNOWN_APP,
    Cause.UNREGISTERED_REDIRECT_URI: Trouble.UNREGISTERED_ADDRESS,
    Cause.TOO_MANY_ATTEMPTS: Trouble.TOO_MANY,
    Cause.UNAVAILABLE: Trouble.BUSY,
    Cause.SERVER_ERROR: Trouble.FAULT,
}


@dataclass(slots=True)
class Call:
    """One request of a browser: who asks, the body that came, and what is told of it in the log."""

    request: Request
    visitor: Visitor
    is_new: bool
    """Whether the browser came without the cookie that forms and pending requests are bound to."""
    request_id: str
    body: bytes = b""
    event: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path that was asked for; the framework's own reading of the address fails where the query is no text."""
        path: str = self.request.scope["path"]
        return path

    @property
    def browser(self) -> str:
        """What binds forms and pending requests to this browser."""
        return self.visitor.browser or ""


Handler = Callable[[Call], Awaitable[Response]]


class Desk:
    """Receives browsers for all routers of pages."""

    def __init__(self, *, issuer: str, pages: Pages, clock: Clock, journal: Journal, language: str) -> None:
        """Set the desk up; ``language`` is for browsers that ask for none of ours."""
        self.pending: PendingRequests
        self.clock = clock
        self.base = pages.base
        self._issuer = issuer
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(issuer))
        self._pages = pages
        self._journal = journal
        self._forms: Seal
        self._jar = CookieJar(secure=issuer.startswith("https:"), base=pages.base)
        self._language = language

    def open(self, keys: Callable[[bytes], bytes]) -> None:
        """Begin to receive; ``keys`` gives a key for each purpose."""
        self.pending = PendingRequests(keys(b"pending"))
        self._forms = Seal(keys(b"forms"))

    def handler(self, handle: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint of a route: reads who is there and their form, and answers whatever happens."""

        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            call = self._call(request)
            try:
                if request.method == "POST":
                    call.body = await _body(request)
                response = await handle(call)
            except Refusal as refusal:
                response = self.refuse(call, refusal)
            except StorageUnavailable as problem:
                response = self.refuse(call, Refusal(Cause.UNAVAILABLE, detail=str(problem), retry_in=1))
            except Exception as defect:  # noqa: BLE001 (whatever it is, the person gets a page and the operator a line)
                _log.error("request %s failed: %s", call.request_id, describe(defect))
                response = self.refuse(call, Refusal(Cause.SERVER_ERROR, detail=type(defect).__name__))
            response.headers["X-Request-Id"] = call.request_id
            self._note(call, response.status_code, time.perf_counter() - started)
            return response

        return endpoint

    def _call(self, request: Request) -> Call:
        headers = request.headers
        cookies = self._jar.read(headers.getlist("cookie"))
        browser = cookies.get(BROWSER)
        visitor = Visitor(
            session=cookies.get(SESSION),
            browser=browser or new_cookie_value(),
            devices=cookies.get(DEVICES, ""),
            language=languages.choose_language(
                request.query_params.get("ui_locales"),
                cookies.get(languages.COOKIE),
                headers.get("accept-language"),
                self._language,
            ),
            user_agent=headers.get("user-agent"),
            address=request.client.host if request.client else "",
        )
        return Call(request, visitor, browser is None, next_request_id())

    def _note(self, call: Call, status: int, seconds: float) -> None:
        request = call.request
        event = Event(
            at=self.clock.now(),
            request_id=call.request_id,
            method=request.method,
            path=call.path,
            status=status,
            seconds=seconds,
            address=call.visitor.address,
        )
        for name, value in call.event.items():
            setattr(event, name, value)
        self._journal.record(event)

    # -- forms -------------------------------------------------------------------------------------------------------------------

    @staticmethod
    def form(call: Call) -> Mapping[str, str]:
        """Return the fields of a form.

        Raises:
            Refusal: it cannot be read.
        """
        if media_type_of(call.request.headers.get("content-type", "")) != URLENCODED:
            raise Refusal(Cause.UNSUPPORTED_MEDIA_TYPE)
        return decode_urlencoded(call.body, "")

    def csrf(self, call: Call, *about: str) -> str:
        """Return what a page's form carries: a signature for this browser and session, over what the page is about."""
        return self._forms.sign(call.browser, call.visitor.session or "", call.path, *about)

    def is_from_here(self, call: Call) -> bool:
        """Whether the browser sent its form from a page of ours, as far as it tells (OWASP ASVS 3.5.1)."""
        if call.request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        # Our pages send no referrer, so browsers say "null" for the origin of their forms too (Fetch §3.2); then the signature decides.
        origin, host = call.request.headers.get("origin"), call.request.headers.get("host")
        return origin in {None, "null", self._origin} or (bool(host) and origin in {f"http://{host}", f"https://{host}"})

    def is_ours(self, call: Call, *about: str) -> bool:
        """Whether the form came from a page of ours in this very browser, about what it is said to be about."""
        expected = (call.browser, call.visitor.session or "", call.path, *about)
        is_signed = not call.is_new and self._forms.is_signature(self.form(call).get("csrf", ""), *expected)
        return is_signed and self.is_from_here(call)

    # -- answers -----------------------------------------------------------------------------------------------------------------

    def page(
        self,
        call: Call,
        view: View,
        status: int = 200,
        *,
        about: tuple[str, ...] = (),
        redirect_uri: str | None = None,
        retry_in: int = 0,
        cookies: Iterable[Cookie] = (),
    ) -> Response:
        """Answer with a page; ``about`` is what its form is signed for, ``redirect_uri`` where that form may end up."""
        query: bytes = call.request.scope["query_string"]
        is_echoed = len(query) <= _ECHOED or not isinstance(view, ErrorPage)
        frame = Frame(
            language=call.visitor.language,
            now=self.clock.now(),
            csrf=self.csrf(call, *about),
            query=query.decode("ascii", "replace") if is_echoed else None,
        )
        headers = dict(page_headers(redirect_uri, language=call.visitor.language))
        if retry_in or status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(retry_in or 1)
        response = HTMLResponse(self._pages.render(view, frame), status, headers=headers)
        if "ui_locales" in call.request.query_params:
            self._set(response, [language_cookie(call.visitor.language)])
        self._set(response, cookies)
        return self._settled(call, response)

    def send_to(self, call: Call, location: str, cookies: Iterable[Cookie] = ()) -> Response:
        """Send the browser elsewhere, by a GET whatever it came with (RFC 9700 §4.12)."""
        response = RedirectResponse(location, 303 if call.request.method == "POST" else 302)
        response.headers["location"] = location  # as it is: the framework would encode it once more
        response.headers.update(REDIRECT_HEADERS)
        self._set(response, cookies)
        return self._settled(call, response)

    def refuse(self, call: Call, refusal: Refusal, client: Client | None = None, back: str | None = None) -> Response:
        """Answer with what went wrong; ``back`` is where the person can go on all the same."""
        answer = STANDARD_ANSWERS[refusal.cause]
        call.event |= {"cause": refusal.cause, "detail": refusal.detail or refusal.description}
        view = ErrorPage(
            trouble=_TROUBLES.get(refusal.cause, Trouble.BAD_REQUEST),
            status=answer.status,
            error=answer.error,
            description=refusal.description,
            request_id=call.request_id,
            at=self.clock.now(),
            app=name_of(client) if client is not None else None,
            retry_in=refusal.retry_in,
            back=back,
        )
        response = self.page(call, view, answer.status, retry_in=refusal.retry_in or 0)
        if refusal.allow is not None:
            response.headers["Allow"] = refusal.allow
        return response

    def trouble(self, call: Call, trouble: Trouble, status: int, error: str, description: str) -> Response:
        """Answer with an error page about what no refusal tells."""
        view = ErrorPage(
            trouble=trouble, status=status, error=error, description=description, request_id=call.request_id, at=self.clock.now()
        )
        return self.page(call, view, status)

    def _settled(self, call: Call, response: Response) -> Response:
        if call.is_new:
            self._set(response, [Cookie(BROWSER, call.browser)])
        return response

    def _set(self, response: Response, cookies: Iterable[Cookie]) -> None:
        for cookie in cookies:
            response.headers.append("Set-Cookie", self._jar.header(cookie))


async def _body(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        Refusal: it is too large, or nobody is there any more.
    """
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAXIMUM_FORM:
                raise Refusal(Cause.BODY_TOO_LARGE)
    except ClientDisconnect:
        raise Refusal(Cause.MALFORMED_BODY) from None
    return body


def name_of(client: Client) -> str:
    """Return what people call an app."""
    return client.client_name or client.client_id
