"""Key frames of all streams, one after the other, through one process that decodes.

A stream that asks again before its turn replaces what it asked for: nothing piles up. The process
is started when there is work, ended when there was none for a while, and ended at once when it
does not answer in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable

from metropole_core.errors import MetropoleError
from metropole_egress_thumbnails.frames import LENGTH, MAX_ANSWER, KeyFrame, request
from metropole_egress_thumbnails.settings import ThumbnailSettings
from metropole_media.transcode.process import environment

ANSWER_SECONDS = 10.0
"""For one picture; the process may have to start, and has low priority."""
IDLE_SECONDS = 60.0
MAX_WAITING = 256
"""Streams whose frame waits. With more, the newest are left out until there is room."""
MAX_WAITING_OCTETS = 128 * 1024 * 1024
"""Of their frames; most have less than one MiB."""

Taker = Callable[[bytes], Awaitable[None]]


class Decoder:
    """Makes pictures of key frames.

    Arguments:
        settings: width, quality, memory.
        log: where a process that fails is told.
        command: what is run; for tests.
    """

    def __init__(
        self,
        settings: ThumbnailSettings,
        log: logging.Logger,
        command: tuple[str, ...] = (
            sys.executable,
            "-P",
            "-m",
            "metropole_egress_thumbnails.worker",
        ),
    ) -> None:
        self._settings = settings
        self._log = log
        self._command = (*command, str(settings.memory_mib))
        self._waiting: dict[int, tuple[KeyFrame, Taker]] = {}
        self._work = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._told = False
        self._kept = True

    @property
    def waiting(self) -> int:
        """Streams whose frame waits."""
        return len(self._waiting)

    def ask(self, stream: int, frame: KeyFrame, taker: Taker) -> None:
        """Have a picture made; `taker` gets it, unless none could be made.

        Arguments:
            stream: whose it is: what it asked for before, and did not get yet, is forgotten.
        """
        if stream not in self._waiting and len(self._waiting) >= MAX_WAITING:
            return
        others = sum(len(each.data) for n, (each, _) in self._waiting.items() if n != stream)
        if others + len(frame.data) <= MAX_WAITING_OCTETS:
            self._waiting[stream] = frame, taker
            self._work.set()

    def forget(self, stream: int) -> None:
        """A stream has ended."""
        self._waiting.pop(stream, None)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                if await self._wait():
                    await self._one()
                else:
                    await self._end()
        finally:
            await self._end()

    async def _one(self) -> None:
        """Make the picture that was asked for first. Nothing of its stream is held on to."""
        frame, taker = self._waiting.pop(next(iter(self._waiting)))
        picture = await self._decode(frame)
        if picture:
            await self._hand_over(taker, picture)

    async def _wait(self) -> bool:
        """Whether there is work; False after a time without any."""
        if not self._waiting:
            self._work.clear()
            if self._process is None:
                await self._work.wait()
                return True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._work.wait()
        return bool(self._waiting)

    async def _hand_over(self, taker: Taker, picture: bytes) -> None:
        try:
            await taker(picture)
            self._kept = True
        except MetropoleError as error:  # the disk is full, say: the site goes on without
            if self._kept:
                self._log.warning("pictures out of streams are not kept: %s", error.sentence)
            self._kept = False
        except Exception:
            self._log.exception("a picture out of a stream could not be kept")

    async def _decode(self, frame: KeyFrame) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._ask_process(frame)
        except (OSError, EOFError, TimeoutError) as error:
            await self._end()
            if not self._told:
                self._told = True
                self._log.warning(
                    "a key frame could not be made a picture: the process that decodes %s. "
                    "Streams and viewers are not touched; this is told once.",
                    "took too long" if isinstance(error, TimeoutError) else "failed",
                )
            return b""

    async def _ask_process(self, frame: KeyFrame) -> bytes:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment(),
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request(frame, self._settings.width, self._settings.quality))
        await process.stdin.drain()
        (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if size > MAX_ANSWER:
            raise EOFError
        return await process.stdout.readexactly(size)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
