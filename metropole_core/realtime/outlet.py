"""The way out to one client: never waits, never holds more than a bound.

Where the server offers its transport, frames are written to it directly: a twelfth of the cost of
a WebSocket library's send. Hypercorn writes each of its own frames in one piece, so ours never
land inside another. Only the good-bye is the framework's own: it would else answer the client's
close frame with a second one, of which browsers complain. Elsewhere frames go through a bounded
queue and the framework's `send`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from metropole_core.realtime.frames import Frame

log = logging.getLogger("metropole.socket")

MAX_BUFFER = 256 * 1024
"""Octets that may wait for a client; one that lags more is dropped."""
SEND_BUFFER = 128 * 1024
"""SO_SNDBUF: the kernel would else swallow megabytes before anybody notices a slow client."""
CLOSE_SECONDS = 3.0
"""How long a client may take to answer a close frame."""


class Outlet(Protocol):
    """Writes to one client."""

    def offer(self, frame: Frame) -> bool:
        """Send it; False when the client is too slow, and then it was not sent."""

    def close(self, code: int, reason: str) -> None:
        """Say good-bye; the connection is cut when the client does not answer in time."""

    def abort(self) -> None:
        """Cut the connection."""


class TransportOutlet:
    """Writes to the connection's transport.

    Arguments:
        close: the framework's.
    """

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        close: Callable[[int, str], Awaitable[None]],
        max_buffer: int = MAX_BUFFER,
    ) -> None:
        self._transport = transport
        self._close = close
        self._max_buffer = max_buffer
        self._closed = False
        self._farewell: asyncio.Task[None] | None = None
        sock = transport.get_extra_info("socket")
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            except OSError as error:  # it was closed meanwhile
                log.debug("the send buffer could not be set: %s", error)

    def offer(self, frame: Frame) -> bool:
        transport = self._transport
        # Some event loops raise when a closed transport is written to.
        if self._closed or transport.is_closing():
            return True
        if transport.get_write_buffer_size() > self._max_buffer:
            return False
        transport.write(frame.wire)
        return True

    def close(self, code: int, reason: str) -> None:
        if self._closed or self._transport.is_closing():
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        self._farewell = loop.create_task(self._say_goodbye(code, reason), name="socket:close")
        loop.call_later(CLOSE_SECONDS, self._transport.abort)

    def abort(self) -> None:
        self._closed = True
        self._transport.abort()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        try:
            await self._close(code, reason)
        except Exception as error:  # the client was quicker
            log.debug("the close frame could not be sent: %s", error)


class QueueOutlet:
    """Sends through the framework, from a task of its own. Made in the connection's task.

    Arguments:
        send, close: the framework's.
        cut: ends the connection's task.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int, str], Awaitable[None]],
        cut: Callable[[], None],
        max_buffer: int = MAX_BUFFER,
    ) -> None:
        self._send = send
        self._close = close
        self._cut = cut
        self._max_buffer = max_buffer
        self._waiting: deque[str] = deque()
        self._size = 0
        self._more = asyncio.Event()
        self._farewell: tuple[int, str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.get_running_loop().create_task(self._run(), name="socket:send")

    def offer(self, frame: Frame) -> bool:
        if self._farewell is not None or self._task.done():
            return True
        if self._size > self._max_buffer:
            return False
        for text in frame.texts:
            self._waiting.append(text)
            self._size += len(text)
        self._more.set()
        return True

    def close(self, code: int, reason: str) -> None:
        if self._farewell is not None:
            return
        self._farewell = (code, reason)
        self._more.set()
        self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.abort)

    def abort(self) -> None:
        self.stop()
        self._cut()

    def stop(self) -> None:
        """The connection has ended."""
        self._task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    async def _run(self) -> None:
        while self._waiting or self._farewell is None:
            while self._waiting:
                text = self._waiting.popleft()
                await self._send(text)
                self._size -= len(text)
            self._more.clear()
            if self._farewell is None:
                await self._more.wait()
        await self._close(*self._farewell)
        self.abort()
