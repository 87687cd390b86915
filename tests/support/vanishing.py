"""A way between client and server that can go dead: nothing passes any more, and nobody closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Way:
    """Forwards octets until it is cut; `lost` goes to the server when it is mended: nothing."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._target = port
        self._open = asyncio.Event()
        self._open.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """As when a cable is pulled: both ends stay open, and hear nothing of each other."""
        self._open.clear()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other, out = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, out]
        for source, target in ((reader, out), (other, writer)):
            task = asyncio.create_task(self._pass(source, target))
            self._tasks.add(task)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                await self._open.wait()
                target.write(data)
                await target.drain()
            await self._open.wait()
            target.close()

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def way_to(port: int) -> AsyncIterator[Way]:
    """A port of 127.0.0.1 that leads to another."""
    way = Way(port)
    server = await asyncio.start_server(way.accept, "127.0.0.1", 0)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        way.end()
