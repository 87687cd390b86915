"""Publishers for tests: the test picture of `metropole_cli.testcard`, or a file, over RTMP.

    async with publishing("rtmp://127.0.0.1:1935/live/KEY", "--size", "640x360") as publisher:
        ...
        await publisher.stop()      # as a creator ends: the encoder says so
        publisher.kill()            # as a cable is pulled

From a shell: `python -m metropole_cli.testcard URL --size 640x360 --fps 30 --gop 1`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STOP_SECONDS = 10.0


class PublisherProcess:
    """A running encoder."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> tuple[int, str]:
        """Until it ends by itself: its exit status and what it complained about."""
        _, complaints = await asyncio.wait_for(self._process.communicate(), STOP_SECONDS)
        assert self._process.returncode is not None
        return self._process.returncode, complaints.decode(errors="replace")

    async def stop(self) -> int:
        """End as a creator does, and wait for it."""
        if self.running:
            self._process.terminate()
        return (await self.wait())[0]

    def kill(self) -> None:
        """End at once; the encoder cannot say goodbye."""
        if self.running:
            self._process.kill()

    def pause(self) -> None:
        """Keep the connection, but send nothing any more."""
        import signal

        self._process.send_signal(signal.SIGSTOP)


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[PublisherProcess]:
    """Run an encoder until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    publisher = PublisherProcess(process)
    try:
        yield publisher
    finally:
        publisher.kill()
        await process.communicate()


@asynccontextmanager
async def publishing(url: str, *options: str) -> AsyncIterator[PublisherProcess]:
    """Publish the test picture to `url`; `options` are those of `metropole_cli.testcard`."""
    async with running(sys.executable, "-m", "metropole_cli.testcard", url, *options) as publisher:
        yield publisher
