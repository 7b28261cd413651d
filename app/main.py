"""The only wiring: from settings to the application, and from the application to a listening server."""

import asyncio
import functools
import gc
import http.client
import logging
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app import __version__
from app.asking import status_of
from app.browser.pages import Pages
from app.browser.sessions import SessionLimits
from app.browser.theme import load_theme
from app.browser.views import Trouble
from app.core.clock import Clock, SystemClock
from app.core.keys import UnusableKey
from app.core.mistakes import ExitCode, Mistake
from app.core.secret_key import CLIENT_SECRETS, SecretKey
from app.dialects import DialectError, Dialects, load_dialects
from app.listener import DirectDoor, bind, check_certificate, uvicorn_options
from app.oauth2 import Assertions, AuthorizationServer, Subjects
from app.pipeline import Pipeline
from app.proofs import ClientKeys, Gatherer, IdTokenHints, KeyKeeper, Minter, Notifier, PasswordPool, Remote, check_signing_keys
from app.routers import health
from app.routers.cross_origin import Origins
from app.routers.desk import Call, Desk
from app.routers.machine import Machine
from app.routers.oauth2 import machine_router
from app.routers.people import People
from app.routers.static import static_router
from app.routers.well_known import WellKnown
from app.settings import PREFIX, Settings, load_settings, read_from_files
from app.storage import Storage, open_key, open_storage
from app.telemetry import Journal, JsonJournal
from app.telemetry.logs import describe, set_up_logging

PURGE_SECONDS: Final = 600
"""Between two rounds of deleting what is dead."""
ANSWER_SECONDS: Final = 60
"""How long the first of several worker processes may take to answer."""
_log: Final = logging.getLogger("tokenry.main")


class Application(FastAPI):
    """The framework's application, and the doors to which a server of ours brings whole requests past the framework."""

    direct_doors: Mapping[bytes, DirectDoor]


def create_app(  # noqa: PLR0913 (each is made where it is not given)
    settings: Settings,
    *,
    clock: Clock | None = None,
    journal: Journal | None = None,
    dialects: Dialects | None = None,
    key: SecretKey | None = None,
    pages: Pages | None = None,
    storage: Storage | None = None,
    back_channel: str | None = None,
) -> Application:
    """Build the application; what is not given is made from the settings. The storage opens when the application starts.

    ``back_channel`` is the address that the metadata has for what only servers call, where it is not the issuer's.

    Raises:
        Mistake: a dialect file, or what the pages are made of, cannot be used.
    """
    clock = clock or SystemClock()
    journal = journal or JsonJournal(settings.log_number)
    dialects = dialects or read_dialects(settings)
    pages = pages or read_pages(settings)
    machines = [Machine(door, clock, journal) for door in dialects.machine_doors]
    desk = Desk(issuer=settings.effective_issuer, pages=pages, clock=clock, journal=journal, language=settings.language)
    well_known = WellKnown(settings.effective_issuer, dialects["standard"], clock, back_channel)
    people = People(desk, dialects.authorization_doors, issuer=settings.effective_issuer, service=settings.brand_name)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = storage or await open_storage(settings.database_url.get_secret_value(), clock=clock)
        pool = PasswordPool()
        app.state.storage = opened
        keys = (key or read_key(settings)).derive
        assertions = Assertions(settings.effective_issuer, timedelta(seconds=settings.client_assertion_lasts), back_channel)
        engine = AuthorizationServer(settings.effective_issuer, Subjects(keys(b"pairwise")), assertions)
        remote = Remote(allow_private=settings.private_addresses)
        gatherer = Gatherer(opened, clock, pool, ClientKeys(remote, keys(CLIENT_SECRETS), clock))
        keeper = well_known.keeper = KeyKeeper(opened, clock, keys(b"signing"))
        minter = Minter(keeper, clock)
        app.state.keeper, app.state.minter, app.state.subjects, app.state.sealing_key = keeper, minter, engine.subjects, keys(b"signing")
        pipeline = Pipeline(opened, engine, gatherer, minter, clock)
        origins = Origins(opened)
        for machine in machines:
            machine.pipeline = pipeline
            machine.origins = origins
        limits = SessionLimits(lasts=settings.session_lasts, idle=settings.session_idle)
        people.hints, people.minter = IdTokenHints(keeper, engine.issuer), minter
        people.open(opened, engine, gatherer, pool, keys, limits, clock)
        notifier = Notifier(opened, minter, remote, engine.issuer, engine.subjects, clock)
        working = [asyncio.create_task(work) for work in (_purge_now_and_then(opened, clock), keeper.keep(), notifier.keep())]
        _settle_memory()
        try:
            yield
        finally:
            await _stop(working)
            pool.close()
            minter.close()
            if storage is None:
                await opened.close()
            if isinstance(journal, JsonJournal):
                journal.flush()  # a worker process ends by the signal itself, and runs nothing after this

    app = Application(
        title="Tokenry",
        version=__version__,
        description="An OAuth 2.0 authorization server that speaks every partner's dialect over one strict core.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
        redirect_slashes=False,
    )
    app.add_exception_handler(HTTPException, _refusal(desk))
    app.include_router(health.router)
    app.include_router(well_known.router())
    app.include_router(static_router(pages.assets))
    for router in people.routers():
        app.include_router(router)
    app.include_router(machine_router(machines))
    app.direct_doors = {machine.door.path.encode(): machine for machine in machines} if settings.direct_doors else {}
    return app


async def _stop(working: Collection[asyncio.Task[None]]) -> None:
    for task in working:
        task.cancel()
    await asyncio.wait(working)


def _refusal(desk: Desk) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers for the framework what it refuses itself, such as a path that does not exist: a page for a person."""

    async def not_found(call: Call) -> Response:
        return desk.trouble(call, Trouble.NOT_FOUND, 404, "invalid_request", HTTPStatus.NOT_FOUND.phrase)

    page = desk.handler(not_found)

    async def refuse(request: Request, error: Exception) -> Response:
        status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
        if status == HTTPStatus.NOT_FOUND and "text/html" in request.headers.get("accept", ""):
            return await page(request)
        body = {"error": "invalid_request", "error_description": HTTPStatus(status).phrase}
        return JSONResponse(body, status, headers={**(headers or {}), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})

    return refuse


@cache
def _settle_memory() -> None:
    """Take what was built at start out of the collector's sight, and let it look at the rest less often.

    A request's objects die by reference count; looking for cycles among them hundreds of times a second is time lost. What imports left
    behind stays too: collecting it first would take a tenth of the start and give no page back.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _purge_now_and_then(storage: Storage, clock: Clock) -> None:
    """Delete what is dead, from time to time; nothing relies on it, so a failure waits for the next time."""
    while True:
        await asyncio.sleep(PURGE_SECONDS)
        try:
            await storage.purge(clock.now())
        except Exception as problem:  # noqa: BLE001 (the next time comes whatever it is)
            _log.warning("purge: %s", describe(problem))


def read_key(settings: Settings) -> SecretKey:
    """Return the key under which everything is signed and sealed.

    Raises:
        Mistake: there is none, and none can be made.
    """
    secret = settings.secret_key
    return open_key(settings.database_url.get_secret_value(), secret.get_secret_value() if secret is not None else None)


def read_dialects(settings: Settings) -> Dialects:
    """Return the dialects of the settings.

    Raises:
        Mistake: a file cannot be used.
    """
    try:
        return load_dialects(settings.dialects)
    except DialectError as error:
        raise Mistake(str(error), ExitCode.CONFIGURATION) from None


def read_pages(settings: Settings) -> Pages:
    """Return the pages in the theme of the settings.

    Raises:
        Mistake: the name, the colour, the logo or a template cannot be used.
    """
    theme = load_theme(settings.brand_name, settings.brand_color, settings.brand_logo, settings.templates)
    return Pages(theme, urlsplit(settings.effective_issuer).path)


Build = Callable[[str, Storage, Clock, Journal], Application]
"""Builds the application of another issuer, over another open storage, under the same settings."""
Stage = Callable[[str, Storage, Build, Dialects], AbstractAsyncContextManager[Any]]
"""Puts something around the application of an issuer over its storage, and gives what is to be served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a way to start adds to the server: ``serve`` and ``sandbox`` differ in nothing else.

    ``prepare`` runs once over the open storage: the port is bound by then, and who connects waits. ``announce`` is told the issuer
    and the port once the server answers, or the first of its worker processes. ``loopback`` listens on both loopback addresses,
    whatever the host. ``stage`` builds applications around the one that is served, where there is a single process; ``clock`` is
    that of its storage. ``back_channel`` is where other servers reach it, if that is not at the issuer. ``worker`` names what makes
    the application of one of several worker processes.
    """

    prepare: Callable[[Storage, Dialects, Clock], Awaitable[None]]
    announce: Callable[[str, int], None]
    journal: Journal
    loopback: bool = False
    plain_logs: bool = False
    clock: Clock = field(default_factory=SystemClock)
    stage: Stage | None = None
    back_channel: str | None = None
    worker: str = "app.main:worker"


def run(settings: Settings, start: Start) -> None:
    """Serve until a signal says stop.

    Raises:
        Mistake: something that is set cannot be, nothing is answered then; or no worker process starts.
        DatabaseError: the database cannot be used (see :mod:`app.storage`).
    """
    set_up_logging(settings.log_level, plain=start.plain_logs)
    if settings.tls_cert is not None and settings.tls_key is not None:
        check_certificate(settings.tls_cert, settings.tls_key)
    dialects, pages = read_dialects(settings), read_pages(settings)
    sockets = bind(settings.host, settings.port, loopback=start.loopback)
    port: int = sockets[0].getsockname()[1]
    if settings.port != port:
        settings = settings.model_copy(update={"port": port})
    try:
        if settings.workers == 1:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(settings, start, dialects, pages, sockets))
        else:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_prepare(settings, start, dialects))
            _serve_by_several(settings, start, sockets)
    finally:
        for each in sockets:
            each.close()


async def _prepare(settings: Settings, start: Start, dialects: Dialects) -> None:
    clock = SystemClock()
    storage = await open_storage(settings.database_url.get_secret_value(), clock=clock)
    try:
        key = read_key(settings)
        await start.prepare(storage, dialects, clock)
        await _check_key(key, storage, clock)
    finally:
        await storage.close()


async def _serve(settings: Settings, start: Start, dialects: Dialects, pages: Pages, sockets: list[socket.socket]) -> None:
    storage = await open_storage(settings.database_url.get_secret_value(), clock=start.clock)
    try:
        key = read_key(settings)
        await start.prepare(storage, dialects, start.clock)
        await _check_key(key, storage, start.clock)
        if start.stage is None:
            app = create_app(settings, clock=start.clock, journal=start.journal, dialects=dialects, key=key, pages=pages, storage=storage)
            await _listen(app, settings, start, sockets)
            return

        def build(issuer: str, storage: Storage, clock: Clock, journal: Journal) -> Application:
            changed = settings.model_copy(update={"issuer": issuer, "direct_doors": False})
            behind = issuer.removeprefix(settings.effective_issuer)
            servers = f"{start.back_channel}{behind}" if start.back_channel is not None else None
            return create_app(changed, clock=clock, journal=journal, dialects=dialects, key=key, storage=storage, back_channel=servers)

        async with start.stage(settings.effective_issuer, storage, build, dialects) as staged:
            await _listen(staged, settings, start, sockets, lifespan="off")
    finally:
        await storage.close()


async def _listen(app: Any, settings: Settings, start: Start, sockets: list[socket.socket], **more: Any) -> None:  # noqa: ANN401
    config = uvicorn.Config(app, **_options(settings), **more)
    announce = functools.partial(start.announce, settings.effective_issuer, settings.port)
    await _Announcing(config, announce, getattr(app, "stopping", None)).serve(sockets)


async def _check_key(key: SecretKey, storage: Storage, clock: Clock) -> None:
    """Check that what the secret key once sealed can be opened.

    Raises:
        Mistake: it is another one than that which the signing keys were sealed under.
    """
    try:
        await check_signing_keys(storage, key.derive(b"signing"), clock)
    except UnusableKey as problem:
        advice = "start with that one (TOKENRY_SECRET_KEY), or make new signing keys with: tokenry keys rotate --now"
        raise Mistake(f"{problem}: {advice}", ExitCode.CONFIGURATION) from None


def _options(settings: Settings) -> dict[str, Any]:
    """Return what the server is configured with."""
    options: dict[str, Any] = {}
    if settings.effective_issuer.startswith("https:"):
        # Whatever is answered, browsers keep to https for a year (RFC 6797).
        options["headers"] = [("strict-transport-security", f"max-age={365 * 24 * 3600}")]
    if settings.trusted_proxies:
        options |= {"proxy_headers": True, "forwarded_allow_ips": settings.trusted_proxies}
    if settings.tls_cert is not None:
        options |= {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}
    return uvicorn_options(**options)


class _Announcing(uvicorn.Server):
    """Says so once the server answers, and tells who keeps an answer open when it is about to stop."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None], stopping: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._announce = announce
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started:
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; an answer that never ends would be waited for."""
        if self._stopping is not None:
            self._stopping()
        await super().shutdown(sockets)


class _AnnouncingSupervisor(Multiprocess):
    """Says so once the first worker process answers, and stops where none does."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], announce: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._announce = announce
        self._problem: Exception | None = None

    def run(self) -> None:
        """Keep the workers running until a signal says stop.

        Raises:
            Mistake: none of them starts, or it cannot be announced.
        """
        # The supervisor's own loop has no place where something could wait; the thread ends with the process at the latest.
        threading.Thread(target=self._announce_first_answer, daemon=True).start()
        super().run()
        if self._problem is not None:
            raise self._problem
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            raise Mistake("a server process could not start: it has told why")

    def _announce_first_answer(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        try:
            while not self._is_answered():
                if self.should_exit.wait(0.05):
                    return
                if time.monotonic() > deadline:
                    raise Mistake(f"no server process has answered for {ANSWER_SECONDS} seconds")  # noqa: TRY301 (as from announcing)
            if not self.should_exit.is_set():
                self._announce()
        except Exception as problem:  # noqa: BLE001 (the main thread raises it)
            self._problem = problem
            self.should_exit.set()

    def _is_answered(self) -> bool:
        """Whether a worker says that it lives. A connection may wait for the first one, so the answer comes as early as it can."""
        host, port = self.sockets[0].getsockname()[:2]
        try:
            return status_of(host, port, "/livez", is_https=bool(self.config.is_ssl), within=2) == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


def _serve_by_several(settings: Settings, start: Start, sockets: list[socket.socket]) -> None:
    """Start worker processes; they read the same settings from the environment, and from the files that hold them."""
    in_files = read_from_files()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        variable = f"{PREFIX}{name.upper()}"
        # What stands in a file is read from there again: it may be a secret, and other programs can read an environment.
        if text is None or (variable not in os.environ and in_files.get(name) == str(text)):
            continue
        os.environ.pop(f"{variable}_FILE", None)
        os.environ[variable] = str(text)
    config = uvicorn.Config(start.worker, factory=True, workers=settings.workers, **_options(settings))
    _AnnouncingSupervisor(config, sockets, functools.partial(start.announce, settings.effective_issuer, settings.port)).run()


def worker() -> Application:
    """Return the application of one of several worker processes."""
    settings = load_settings()
    set_up_logging(settings.log_level, plain=False)
    return create_app(settings)
