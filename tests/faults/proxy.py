"""A proxy in front of a database, which on demand is slow, swallows everything, or is not there."""

import asyncio
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Mood(Enum):
    """What the proxy does with what comes."""

    PASS = "pass"
    SWALLOW = "swallow"
    """Takes connections and bytes, and lets none of them through: what a firewall does that has forgotten a connection."""
    REFUSE = "refuse"
    """Ends every connection at once."""


class Proxy:
    """Listens on a port of its own and talks to the database behind ``url``; ``delay`` is in seconds per packet to the database."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self.mood = Mood.PASS
        self.delay = 0.0
        self._server: asyncio.Server | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def url(self) -> str:
        """The database's URL by way of the proxy."""
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._parts._replace(netloc=f"{self._parts.username}:{self._parts.password}@127.0.0.1:{port}"))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.set()
        self.drop()
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0.05)

    def drop(self) -> None:
        """End every connection there is."""
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()

    def turn(self, mood: Mood) -> None:
        """Change the mood; connections that had something swallowed are broken for good, as behind a firewall."""
        if self.mood is Mood.SWALLOW and mood is not Mood.SWALLOW:
            self.drop()
        self.mood = mood
        if mood is Mood.REFUSE:
            self.drop()
        (self._open.clear if mood is Mood.SWALLOW else self._open.set)()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mood is Mood.REFUSE:
            writer.transport.abort()
            return
        await self._open.wait()
        try:
            behind_reader, behind_writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, behind_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, behind_writer, slow=True))
                group.create_task(self._carry(behind_reader, writer, slow=False))
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, slow: bool) -> None:
        try:
            while data := await reader.read(65536):
                await self._open.wait()
                if slow and self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
