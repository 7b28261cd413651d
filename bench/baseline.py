"""The two yardsticks, under the options that the service itself runs with: a constant answer by a FastAPI route and by bare ASGI."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from app.listener import uvicorn_options

ANSWER: dict[str, str | int] = {"access_token": "A" * 43, "token_type": "Bearer", "expires_in": 3600, "scope": "read write"}
BODY = b'{"access_token":"' + b"A" * 43 + b'","token_type":"Bearer","expires_in":3600,"scope":"read write"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

framework = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@framework.post("/fastapi", response_model=None)
async def constant() -> dict[str, str | int]:
    return ANSWER


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer ``/bare`` at once (and ``/livez``, for whoever waits for the start), and leave the rest to the framework."""
    if scope["type"] == "http" and scope["path"] in {"/bare", "/livez"}:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": BODY})
    else:
        await framework(scope, receive, send)  # type: ignore[arg-type]  # ASGI's own, wider types


def main() -> None:
    port = int(sys.argv[sys.argv.index("--port") + 1])
    with socket.create_server(("127.0.0.1", port), backlog=2048) as listener:
        server = uvicorn.Server(uvicorn.Config(application, **uvicorn_options(log_level="warning")))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.serve([listener]))


if __name__ == "__main__":
    main()
