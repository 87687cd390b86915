"""A real listener, an origin with a shelf of answers, and a client that shows raw octets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from metropole_media.http.limits import ListenerLimits
from metropole_media.http.listener import Listener
from metropole_media.http.origin import Pending, Request, Response

ANYONE = ("Access-Control-Allow-Origin", "*")


class Shelf:
    """An origin: answers by path, and one shared `Pending` for everything under "wait/"."""

    def __init__(self) -> None:
        self.seen: list[Request] = []
        self.answers: dict[str, Any] = {
            "text": Response(200, b"0123456789", (("Content-Type", "text/plain"), ANYONE)),
            "big": Response(200, bytes(range(256)) * 12_000, (ANYONE,)),
            "gone": Response(404, b"", (ANYONE,)),
            "nothing": None,
            "split": Response(200, b"x", (("X-Name", "a\r\nX-Other: b"),)),
        }
        self.pending = self.fresh(60)

    def fresh(self, timeout: float) -> Pending:
        self.pending = Pending(timeout, lambda: Response(200, b"unchanged", (ANYONE,)))
        return self.pending

    def handle(self, request: Request) -> Response | Pending:
        self.seen.append(request)
        if request.path == "raise":
            raise LookupError("a bug in an origin")
        if request.path.startswith("wait"):
            return self.pending
        answer: Response | Pending = self.answers.get(request.path, self.answers["gone"])
        return answer


class Client:
    """One connection that sends and shows octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, raw: bytes) -> None:
        self.writer.write(raw)

    def get(self, path: str, *headers: str, method: str = "GET", version: str = "1.1") -> None:
        lines = [f"{method} {path} HTTP/{version}", "Host: a", *headers, "", ""]
        self.send("\r\n".join(lines).encode())

    async def answer(self, *, body: bool = True) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers by lower-case name, body."""
        async with asyncio.timeout(10):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw.decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}
            size = int(headers.get("content-length", 0)) if body else 0
            return int(first.split()[1]), headers, await self.reader.readexactly(size)

    async def closed(self) -> bytes:
        """What arrives until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


class Server:
    """A listener on a free port, with the clients that were made for it."""

    def __init__(self, listener: Listener, shelf: Shelf) -> None:
        self.listener, self.shelf = listener, shelf
        self._clients: list[Client] = []

    async def client(self, **options: Any) -> Client:
        pair = await asyncio.open_connection("127.0.0.1", self.listener.port, **options)
        client = Client(*pair)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        await self.listener.close()


Serve = Callable[..., Awaitable[Server]]


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition, with a bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a listener with the limits given by name; the origin is mounted at /shelf."""
    servers: list[Server] = []

    async def start(*, uncapped: Any = (), **limits: Any) -> Server:
        shelf = Shelf()
        limits.setdefault("sweep", 0.02)
        listener = Listener({"shelf": shelf}, limits=ListenerLimits(**limits), uncapped=uncapped)
        await listener.start("127.0.0.1", 0)
        servers.append(Server(listener, shelf))
        return servers[-1]

    yield start
    for server in servers:
        await server.close()
