"""A WebSocket client on wsproto, as a browser would speak to `/ws`.

    async with connect(port, origin="http://127.0.0.1:8000", cookies={"metropole_session": "x"}) \
            as client:
        welcome = await client.hello("lab")
        await client.send({"t": "say", "text": "hi", "nonce": "1"})
        message = await client.expect("msg")
        assert await client.close_code() == 1001
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Message,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

WAIT = 5.0


class Rejected(Exception):
    """The server answered the handshake otherwise."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status}: {body.decode(errors='replace')}")
        self.status = status


class Client:
    """One open socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._protocol = WSConnection(ConnectionType.CLIENT)
        self._texts: deque[str] = deque()
        self._partial = ""
        self._code: int | None = None
        self.seen: list[dict[str, Any]] = []
        """Every frame that came, also those that `expect` passed over."""
        self._nonces = itertools.count(1)

    async def handshake(self, host: str, path: str, headers: Mapping[str, str]) -> None:
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._write(Request(host=host, target=path, extra_headers=extra))
        rejected: int | None = None
        body = b""
        while self._protocol.state is ConnectionState.CONNECTING or rejected is not None:
            for event in await self._events():
                if isinstance(event, AcceptConnection):
                    continue
                if isinstance(event, RejectConnection):
                    rejected = event.status_code
                    if not event.has_body:
                        raise Rejected(rejected, b"")
                elif isinstance(event, RejectData):
                    body += event.data
                    if event.body_finished:
                        raise Rejected(rejected or 0, body)
                else:
                    self._take(event)

    def write(self, event: Event) -> None:
        """Send any event of wsproto, without waiting."""
        self._write(event)

    async def send(self, message: Mapping[str, Any] | str | bytes) -> None:
        """Send a message, or a frame as it is."""
        if isinstance(message, bytes):
            self._write(BytesMessage(message))
        else:
            text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
            self._write(TextMessage(text))
        await self.writer.drain()

    async def receive(self, within: float = WAIT) -> dict[str, Any]:
        """The next frame.

        Raises:
            TimeoutError: none came.
            ConnectionError: the socket was closed; `close_code` says how.
        """
        async with asyncio.timeout(within):
            while not self._texts:
                if self._code is not None:
                    raise ConnectionError(f"closed with {self._code}")
                for event in await self._events():
                    self._take(event)
        frame: dict[str, Any] = json.loads(self._texts.popleft())
        self.seen.append(frame)
        return frame

    async def expect(self, kind: str, within: float = WAIT, **fields: Any) -> dict[str, Any]:
        """The next frame of that kind with those fields; others are passed over."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.receive(within)
                if frame["t"] == kind and all(frame.get(k) == v for k, v in fields.items()):
                    return frame

    async def message(self, message_id: str) -> dict[str, Any]:
        """The message of that id, whether it came already or not."""
        for frame in self.seen:
            if frame["t"] == "msg" and frame["id"] == message_id:
                return frame
        return await self.expect("msg", id=message_id)

    async def hello(self, channel: str | None = None, **fields: Any) -> dict[str, Any]:
        """Say hello; the welcome."""
        if channel is not None:
            fields["channel"] = channel
        await self.send({"t": "hello", "v": 1, **fields})
        return await self.expect("welcome")

    async def say(self, text: str) -> dict[str, Any]:
        """Say something; `accepted` or `refused`."""
        nonce = f"n{next(self._nonces)}"
        await self.send({"t": "say", "text": text, "nonce": nonce})
        async with asyncio.timeout(WAIT):
            while True:
                frame = await self.receive()
                if frame["t"] in ("accepted", "refused") and frame["nonce"] == nonce:
                    return frame

    async def close_code(self, within: float = WAIT) -> int:
        """Wait until the socket is closed: the code, 1006 when there was none."""
        async with asyncio.timeout(within):
            while self._code is None:
                for event in await self._events():
                    self._take(event)
        while self._texts:
            self.seen.append(json.loads(self._texts.popleft()))
        return self._code

    async def rest(self, within: float = WAIT) -> list[int]:
        """The opcodes of the frames that come until the connection ends, read apart from all
        else here: after this the client is of no use."""
        async with asyncio.timeout(within):
            octets = await self._reader.read()
        found = []
        while octets:
            length, head = octets[1] & 0x7F, 2
            if length == 126:
                length, head = int.from_bytes(octets[2:4], "big"), 4
            found.append(octets[0] & 0x0F)
            octets = octets[head + length :]
        return found

    def kinds(self) -> list[str]:
        """What came, by kind."""
        return [frame["t"] for frame in self.seen]

    async def _events(self) -> list[Event]:
        data = await self._reader.read(65536)
        if not data:
            if self._code is None:
                self._code = 1006
            if self._protocol.state is ConnectionState.CONNECTING:
                raise ConnectionError("closed during the handshake")
            return []
        self._protocol.receive_data(data)
        return list(self._protocol.events())

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            if self._code is None:
                self._code = event.code
            if self._protocol.state is ConnectionState.REMOTE_CLOSING:
                self._write(event.response())
        elif isinstance(event, Message) and isinstance(event.data, str):
            self._partial += event.data
            if event.message_finished:
                self._texts.append(self._partial)
                self._partial = ""

    def _write(self, event: Event) -> None:
        self.writer.write(self._protocol.send(event))


@contextlib.asynccontextmanager
async def connect(
    port: int,
    *,
    origin: str | None = None,
    cookies: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    path: str = "/ws",
) -> AsyncIterator[Client]:
    """An open socket.

    Raises:
        Rejected: the server refuses.
    """
    sent = dict(headers or {})
    if origin is not None:
        sent["Origin"] = origin
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        client = Client(reader, writer)
        await asyncio.wait_for(client.handshake(f"127.0.0.1:{port}", path, sent), WAIT)
        yield client
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
