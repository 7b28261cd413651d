"""A proxy in front of a PostgreSQL server that can lose, hold back and slow down what it carries."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Self
from urllib.parse import parse_qs, urlsplit


class Mode(Enum):
    PASS = "pass"
    SWALLOW = "swallow"
    """Take connections and bytes, and let nothing through, either way."""
    LOSE_ANSWERS = "lose answers"
    """Carry the question, wait for the answer, and end the connection instead of giving it."""
    REFUSE = "refuse"
    """End every connection at once."""


class Proxy:
    """Listens on a loopback port; ``delay`` in seconds holds every answer back."""

    def __init__(self, url: str) -> None:
        self._target = url
        self.mode = Mode.PASS
        self.delay = 0.0
        self.url = ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        parts = urlsplit(self._target)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{parts.username}@127.0.0.1:{port}{parts.path}?sslmode=disable"
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """End all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.mode is Mode.REFUSE:
            return
        parts = urlsplit(self._target)
        folder = parse_qs(parts.query).get("host")
        if folder:
            server_reader, server_writer = await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
        else:
            server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        self._writers.add(server_writer)
        directions = [self._pipe(reader, server_writer, self._question), self._pipe(server_reader, writer, self._answer)]
        tasks = [asyncio.ensure_future(direction) for direction in directions]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            server_writer.transport.abort()
            self._writers.discard(server_writer)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: Callable[[], Awaitable[bool]]) -> None:
        while data := await reader.read(65536):
            if not await gate():
                return
            writer.write(data)

    async def _question(self) -> bool:
        await self._swallowing()
        return True

    async def _answer(self) -> bool:
        await self._swallowing()
        if self.delay:
            await asyncio.sleep(self.delay)
        return self.mode is not Mode.LOSE_ANSWERS

    async def _swallowing(self) -> None:
        while self.mode is Mode.SWALLOW:
            await asyncio.sleep(0.02)
