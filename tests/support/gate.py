"""A firewall before the media port: it lets pass, refuses, or swallows what comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Gate:
    """Open at first. Connections that are under way feel what it turns to, too.

    Arguments:
        port: where it stands; nobody else listens there.
        behind: the port of this machine that it leads to.
    """

    def __init__(self, port: int, behind: int) -> None:
        self.port = port
        self._behind = behind
        self._open = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.passed = 0
        """Octets that came back through it."""

    async def let_pass(self) -> None:
        self._open.set()
        await self._stand()

    async def refuse(self) -> None:
        """Connections are cut, new ones refused."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def swallow(self) -> None:
        """Nothing passes any more, and nothing is said of it: new connections too."""
        self._open.clear()
        await self._stand()

    async def _stand(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._come, "127.0.0.1", self.port)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        inner: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            if self._server is None:
                return
            answers, inner = await asyncio.open_connection("127.0.0.1", self._behind)
            self._writers.add(inner)
            ways = [
                asyncio.ensure_future(self._carry(reader, inner, back=False)),
                asyncio.ensure_future(self._carry(answers, writer, back=True)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        except OSError:
            pass
        finally:
            for each in filter(None, (writer, inner)):
                self._writers.discard(each)
                each.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                self.passed += len(data) if back else 0
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def gate(port: int, behind: int) -> AsyncIterator[Gate]:
    """A gate that is gone after the block."""
    made = Gate(port, behind)
    await made.let_pass()
    try:
        yield made
    finally:
        await made.refuse()
        made._open.set()
        while made._writers:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
