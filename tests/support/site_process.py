"""A whole site as an operator runs it: `metropole init` and `metropole serve` in processes of their
own, on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import secrets
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

METROPOLE = Path(sys.executable).with_name("metropole")
START_TIMEOUT = 30.0
PORTS = range(15_000, 32_000)
LIMITS = {resource.RLIMIT_NOFILE: "nofile", resource.RLIMIT_FSIZE: "fsize"}
"""The options of prlimit (util-linux), which keeps the process id."""
ADMIN = "boss"
ADMIN_PASSWORD = "a password for the tests"


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now. Not of those that the system gives away by
    itself: a site that is stopped and started again shall find its own still free."""
    sockets: list[socket.socket] = []
    while len(sockets) < count:
        with contextlib.suppress(OSError):
            port = PORTS.start + secrets.randbelow(len(PORTS))
            sockets.append(socket.create_server(("127.0.0.1", port)))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass(slots=True)
class SiteProcess:
    """A running site. `log` holds what it printed so far. With `trusted`, a certificate, its pages
    are asked for over HTTPS. It makes no further qualities unless `transcoding` is set: the tests
    have two cores for everything."""

    folder: Path
    database: str
    port: int
    media_port: int
    rtmp_port: int
    metropole: Path = METROPOLE
    trusted: Path | None = None
    transcoding: bool = False
    process: asyncio.subprocess.Process | None = None
    log: list[str] = field(default_factory=list)
    _reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        return self.folder / "metropole.toml"

    def rtmp_url(self, key: str) -> str:
        return f"rtmp://127.0.0.1:{self.rtmp_port}/live/{key}"

    async def init(self) -> None:
        """`metropole init`, then the ports of this site in its configuration."""
        await self.run(
            "init", "--yes", "--name", "Metropole", "--public-url", self.url,
            "--data-dir", str(self.folder / "data"), "--database", self.database,
            "--admin", ADMIN, env={"METROPOLE_ADMIN_PASSWORD": ADMIN_PASSWORD},
        )  # fmt: skip
        text = self.config.read_text()
        for old, new in ((8000, self.port), (8001, self.media_port), (1935, self.rtmp_port)):
            text = text.replace(f'"127.0.0.1:{old}"', f'"127.0.0.1:{new}"')
        self.config.write_text(text)

    async def run(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """Run a command of the site to its end.

        Returns:
            What it printed. A failure is an AssertionError with all of it.
        """
        process = await asyncio.create_subprocess_exec(
            self.metropole, "--config", str(self.config), *arguments,
            env={**os.environ, **(env or {})}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(), START_TIMEOUT)
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def start(self, limits: Mapping[int, int] | None = None, *flags: str) -> None:
        """`metropole serve`, until it answers.

        Arguments:
            limits: of the process, by `resource.RLIMIT_...`; soft and hard alike.
            flags: of the command, such as "--verbose".
        """
        options = [f"--{LIMITS[which]}={value}" for which, value in (limits or {}).items()]
        self.process = await asyncio.create_subprocess_exec(
            *(("prlimit", *options) if options else ()),
            self.metropole, "--config", str(self.config), "serve", *flags,
            env={**os.environ, "METROPOLE_TRANSCODING__ENABLED": str(self.transcoding)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(START_TIMEOUT):
            while not await self.answers():
                assert self.process.returncode is None, "".join(self.log)
                await asyncio.sleep(0.05)

    async def answers(self) -> bool:
        """Whether the site answers now."""
        try:
            return (await self.get("/healthz")).startswith("HTTP/1.1 200")
        except OSError:
            return False

    async def get(self, path: str) -> str:
        """The whole answer to a GET, head and body."""
        tls = ssl.create_default_context(cafile=str(self.trusted)) if self.trusted else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        try:
            head = (
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode())
            return (await reader.read()).decode(errors="replace")
        finally:
            writer.close()
            await writer.wait_closed()

    async def logs(self, words: str, *, after: int = 0, seconds: float = 5.0) -> None:
        """Wait until a line that follows the first `after` ones holds the words."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if any(words in line for line in self.log[after:]):
                        return
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never logged: {words}\n{''.join(self.log)}") from None

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line.decode(errors="replace"))

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait.

        Returns:
            Its exit code.
        """
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        code = await asyncio.wait_for(self.process.wait(), 10)
        if self._reader is not None:
            await self._reader
        return code


def make_site(
    folder: Path, database: str | None = None, *, metropole: Path = METROPOLE
) -> SiteProcess:
    """A site in an empty folder; SQLite unless told otherwise. Nothing runs yet."""
    port, media, rtmp = free_ports(3)
    url = database or f"sqlite:///{folder}/data/metropole.sqlite3"
    return SiteProcess(folder, url, port, media, rtmp, metropole)


def run_command(
    *arguments: str, site: SiteProcess | None = None, seconds: float = 60, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, for that site when one is given; a failure is no error here."""
    config = ("--config", str(site.config)) if site else ()
    return subprocess.run(
        [METROPOLE, *config, *arguments], capture_output=True, text=True, timeout=seconds,
        check=False, env={**os.environ, **env},
    )  # fmt: skip
