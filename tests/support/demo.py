"""A demonstration (`metropole demo`) in a process of its own, on free ports."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

from tests.support.site_process import METROPOLE, free_ports

GREETED = b"Ctrl-C ends everything."
ON_AIR = b"northlight: connecting -> live"


class Demo:
    """One demonstration. `said` holds what it printed so far."""

    def __init__(self, folder: Path, *, metropole: Path = METROPOLE) -> None:
        self.folder = folder / "demo-data"
        self.metropole = metropole
        self.port, self.media, self.rtmp = free_ports(3)
        self.said = b""
        self.process: asyncio.subprocess.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, for the second time as well; it has not said anything yet then."""
        self.said = b""
        self.process = await asyncio.create_subprocess_exec(
            self.metropole, "demo", "--data-dir", str(self.folder), "--port", str(self.port),
            "--media-port", str(self.media), "--rtmp-port", str(self.rtmp),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    async def says(self, words: bytes, seconds: float = 30) -> None:
        """Wait until it has printed the words."""
        assert self.process.stdout is not None
        async with asyncio.timeout(seconds):
            while words not in self.said:
                line = await self.process.stdout.readline()
                assert line, self.said.decode()
                self.said += line

    def password(self, name: str) -> str:
        """The password that it printed for an account."""
        found = re.search(rf"Sign in: +{name} / (\S+)", self.said.decode())
        assert found is not None, self.said.decode()
        return found[1]

    async def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it and wait.

        Returns:
            Its exit code.
        """
        self.process.send_signal(how)
        rest, _ = await asyncio.wait_for(self.process.communicate(), 10)
        self.said += rest
        return self.process.returncode or 0
