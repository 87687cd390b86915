"""The servers that are measured: a Metropole site as an operator runs it, and nginx."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import cpu
from tests.support.site_process import METROPOLE, SiteProcess, free_ports, make_site
from tests.support.stage import people_of


def wait_for(port: int) -> None:
    """Until someone listens."""
    for _ in range(600):
        with (
            contextlib.suppress(OSError),
            contextlib.closing(socket.create_connection(("127.0.0.1", port))),
        ):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


@contextlib.contextmanager
def nginx(config: str) -> Iterator[tuple[int, list[int], Path]]:
    """nginx with one worker and its files in memory.

    Arguments:
        config: with `{port}` and `{folder}`; the lines that every configuration has are added.

    Yields:
        Its port, its processes, and the folder.
    """
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    folder.chmod(0o755)
    port = free_ports(1)[0]
    head = f"daemon off; worker_processes 1; user root; pid {folder}/nginx.pid;\n"
    head += f"error_log {folder}/error.log; events {{ worker_connections 4096; }}\n"
    path = folder / "nginx.conf"
    modules, _, rest = config.format(folder=folder, port=port).partition("\n---\n")
    path.write_text(f"{modules}\n{head}\n{rest}")
    process = subprocess.Popen(
        ["/usr/sbin/nginx", "-c", str(path), "-e", str(folder / "error.log")]
    )
    try:
        wait_for(port)
        yield port, [process.pid, *cpu.children(process.pid)], folder
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def metropole(
    database: str | None = None,
    serve: Sequence[str | Path] = (METROPOLE,),
    people: Sequence[str] = (),
    tokens: list[str] | None = None,
) -> Iterator[tuple[SiteProcess, str, list[int]]]:
    """A new site that serves, and makes no further qualities.

    Arguments:
        database: its URL; SQLite if not told.
        serve: the command that is run.
        people: accounts to make beside the administrator's.
        tokens: gets the secret of a session of each of them.

    Yields:
        The site, the stream key of its administrator's channel, its processes.
    """
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder), database)
        asyncio.run(site.init())
        with site.config.open("a") as config:
            config.write("\n[transcoding]\nenabled = false\n")
        key = stream_key(site)
        for name in people:
            _, token = asyncio.run(people_of(site, name))
            if tokens is not None:
                tokens.append(token)
        process = subprocess.Popen(
            [*serve, "--config", str(site.config), "serve"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for port in (site.port, site.rtmp_port):
                wait_for(port)
            yield site, key, [process.pid]
        finally:
            process.terminate()
            process.wait()


def stream_key(site: SiteProcess) -> str:
    """The key of the administrator's channel, from the database."""
    from metropole_core.config import load_config
    from metropole_core.site import Site

    async def look() -> str:
        async with Site.offline(load_config(site.config, {})) as offline:
            channel = await offline.channels.by_name("boss")
            assert channel is not None
            return await offline.channels.stream_key(channel.id)

    return asyncio.run(look())


def playback_path(site: SiteProcess, channel: str = "boss") -> tuple[int, str]:
    """Port and path of the multivariant playlist of a channel's running broadcast."""
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with socket.create_connection(("127.0.0.1", site.port)) as client:
            target = f"/{channel}?fragment=page-data"
            client.sendall(f"GET {target} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
            text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
        if found := re.search(r"http://127\.0\.0\.1:(\d+)(/[^\"]+\.m3u8)", text):
            return int(found[1]), found[2]
        time.sleep(0.1)
    raise TimeoutError("the channel did not go on air")
