"""A worker's process as the site sees it: started, written to, listened to, ended. Asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from typing import IO

from metropole_media.transcode.encoders import WORKER
from metropole_media.transcode.wire import BadMessage, Buffer, Message, Reader, encode

log = logging.getLogger(__name__)

HIGH_WATER = 256 * 1024
"""Octets in the transport from which on messages wait here."""
REAP_SECONDS = 0.02
KILL_AFTER = 50
"""Looks after its process before one that has closed its socket is killed."""
PRIVATE = ("METROPOLE_",)
"""What a process that decodes strangers' streams need not know."""


class _Child(subprocess.Popen[bytes]):
    """Whose end `WorkerProcess` waits for. A loop that is closed before leaves that to the system,
    without the warning of the original."""

    def __del__(self) -> None:
        self.poll()


class WorkerProcess(asyncio.Protocol):
    """One worker. All calls on the event loop; none waits.

    The process is started by the thread that runs the loop, and ends when that thread does.

    Arguments:
        on_message: hears what it says.
        on_exit: called once when it is gone by itself, with a sentence; not after `kill`.
        module: that is run.

    Fields:
        queued: octets that it has not been given yet.
    """

    def __init__(
        self,
        on_message: Callable[[Message], None],
        on_exit: Callable[[str], None],
        module: str = WORKER,
    ) -> None:
        self._on_message, self._on_exit = on_message, on_exit
        self._reader = Reader()
        self._queue: deque[list[Buffer]] = deque()
        self._queued = 0
        self._transport: asyncio.Transport | None = None
        self._paused = True
        self._killed = self._told = False
        self._looks = 0
        mine, theirs = socket.socketpair()
        try:
            self._process = _Child(
                [sys.executable, "-P", "-m", module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=_stderr(),
                env=environment(),
            )
        except BaseException:
            mine.close()
            raise
        finally:
            theirs.close()
        mine.setblocking(False)
        self._socket = mine
        self._loop = asyncio.get_running_loop()
        self._connecting = self._loop.create_task(self._connect(), name="transcode worker")
        self._connecting.add_done_callback(self._close)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def queued(self) -> int:
        inside = self._transport.get_write_buffer_size() if self._transport else 0
        return self._queued + inside

    def send(self, message: Message) -> None:
        """Queue a message. Whoever calls looks after the length of the queue.

        Raises:
            ValueError: it is longer than a message can be.
        """
        if self._killed or self._told:
            return
        octets = encode(message)
        if self._paused or self._transport is None:
            self._queue.append(octets)
            self._queued += sum(map(len, octets))
        else:
            self._transport.writelines(octets)

    def kill(self) -> None:
        """End it at once. Safe to call twice."""
        if self._killed:
            return
        self._killed = True
        self._queue.clear()
        self._queued = 0
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._connecting.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._reap()

    # What asyncio calls

    async def _connect(self) -> None:
        await self._loop.create_connection(lambda: self, sock=self._socket)

    def _close(self, _: asyncio.Task[None]) -> None:
        # Not before: the loop may be about to take it, and then another one with its number.
        if self._transport is None:
            self._socket.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        while self._queue and not self._paused and self._transport is not None:
            octets = self._queue.popleft()
            self._queued -= sum(map(len, octets))
            self._transport.writelines(octets)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                if self._killed:
                    return
                self._on_message(message)
        except BadMessage as error:
            self._tell(f"The worker said what cannot be understood: {error}.")

    def connection_lost(self, error: Exception | None) -> None:
        if not self._killed:
            self._reap()

    def _reap(self) -> None:
        """Look whether the process is gone, until it is."""
        code = self._process.poll()
        if code is None:
            self._looks += 1
            if self._looks == KILL_AFTER:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            self._loop.call_later(REAP_SECONDS, self._reap)
        elif not self._killed:
            self._tell(_how_it_ended(code))

    def _tell(self, sentence: str) -> None:
        if not self._told:
            self._told = True
            self._on_exit(sentence)


def _stderr() -> IO[bytes] | int | None:
    """Where the libraries may complain: to the log of a site that wants to hear it."""
    return None if log.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL


def environment() -> dict[str, str]:
    """Of the site without what is nobody's business who decodes strangers' streams."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    return {**kept, "SVT_LOG": "1"}


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"The worker ended by itself with status {code}."
    name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
    return f"The worker was ended by signal {name}."
