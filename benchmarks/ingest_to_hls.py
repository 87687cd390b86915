"""RTMP in, HLS out: CPU per gigabit beside nginx-rtmp, and how soon a part can be fetched.

Both servers get the same paced stream in turn, in the same run. Ours runs as an operator runs it
(`metropole serve`, everything in one process); nginx-rtmp writes its segments to a memory file
system. Usage: python -m benchmarks.ingest_to_hls [--seconds N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import re
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cpu
from benchmarks.load import MARK, Clip, Publisher, make_clip
from tests.support.site_process import SiteProcess, free_ports, make_site

BITRATES = (6_000_000, 20_000_000, 100_000_000)
CHUNKS = (128, 4096)
APP = "live"

NGINX = """
load_module modules/ngx_rtmp_module.so;
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; chunk_size 4096; max_message 8M;
  application live {{ live on; hls on; hls_path {folder}/hls; hls_fragment 2s;
  hls_playlist_length 24s; }} }} }}
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: CPU seconds a gigabit, and share of one core."""

    per_gigabit: float
    core: float


def measure(
    port: int, key: str, clip: Clip, rate: int, chunk: int, seconds: float, pids: list[int]
) -> Cell:
    """Publish and account."""
    publisher = Publisher(port, APP, key, clip, rate, chunk)
    publisher.run(1)
    before, began, octets = cpu.seconds(*pids), time.monotonic(), publisher.octets
    publisher.run(seconds)
    used = cpu.seconds(*pids) - before
    wall = time.monotonic() - began
    publisher.close()
    return Cell(used / ((publisher.octets - octets) * 8 / 1e9), used / wall)


@contextlib.contextmanager
def nginx() -> Iterator[tuple[int, list[int]]]:
    """nginx-rtmp with its segments in memory: its port and processes."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    (folder / "hls").mkdir()
    port = free_ports(1)[0]
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    process = subprocess.Popen(
        ["/usr/sbin/nginx", "-c", str(config), "-e", str(folder / "error.log")]
    )
    try:
        for _ in range(100):
            if (folder / "nginx.pid").exists() and cpu.children(process.pid):
                break
            time.sleep(0.05)
        yield port, [process.pid, *cpu.children(process.pid)]
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


class Prober(threading.Thread):
    """Fetches each part as soon as it can and reads how old its newest frame is."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self.delays: list[float] = []
        self.path, self.stopping = path, False
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def get(self, path: str) -> tuple[int, bytes]:
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def run(self) -> None:
        folder = self.path.rsplit("/", 1)[0]
        _, master = self.get(self.path)
        media = next(line for line in master.decode().splitlines() if line and line[0] != "#")
        _, playlist = self.get(f"{folder}/{media}")
        hints = re.findall(r'PRELOAD-HINT:TYPE=PART,URI="([^"]+)"', playlist.decode())
        stem, number = re.fullmatch(r"(.*_p)(\d+)\.m4s", hints[0]).groups()  # type: ignore[union-attr]
        part = int(number)
        while not self.stopping:
            status, body = self.get(f"{folder}/{stem}{part}.m4s")
            now = time.monotonic()
            if status == 200 and (at := body.rfind(MARK)) >= 0:
                sent = struct.unpack_from(">d", body, at + len(MARK))[0]
                self.delays.append((now - sent) * 1000)
            part += 1


async def playback_path(site: SiteProcess) -> tuple[int, str]:
    """Port and path of the running broadcast's multivariant playlist."""
    async with asyncio.timeout(15):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(b"GET /boss?fragment=page-data HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            text = (await reader.read()).decode()
            writer.close()
            if found := re.search(r"http://127\.0\.0\.1:(\d+)(/[^\"]+\.m3u8)", text):
                return int(found[1]), found[2]
            await asyncio.sleep(0.1)


def latency(
    site: SiteProcess, key: str, clip: Clip, rate: int, chunk: int, seconds: float
) -> list[float]:
    """Delays in ms from a part's last octet sent until a client holds the part."""
    publisher = Publisher(site.rtmp_port, APP, key, clip, rate, chunk)
    feeder = threading.Thread(target=publisher.run, args=(seconds + 6,), daemon=True)
    feeder.start()
    prober = Prober(*asyncio.run(playback_path(site)))
    prober.start()
    feeder.join()
    prober.stopping = True
    publisher.close()
    prober.join(10)
    return prober.delays[5:]


async def started(folder: Path) -> SiteProcess:
    site = make_site(folder)
    await site.init()
    return site


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


@contextlib.contextmanager
def metropole() -> Iterator[tuple[SiteProcess, str, list[int]]]:
    """A site that serves: it, the key of a channel, and its processes."""
    with tempfile.TemporaryDirectory() as folder:
        site = asyncio.run(started(Path(folder)))
        key = stream_key(site)
        command = [str(Path(shutil.which("metropole") or ".venv/bin/metropole"))]
        process = subprocess.Popen(
            [*command, "--config", str(site.config), "serve"],
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


def wait_for(port: int) -> None:
    """Until someone listens."""
    for _ in range(300):
        with (
            contextlib.suppress(OSError),
            contextlib.closing(socket.create_connection(("127.0.0.1", port))),
        ):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    seconds = parser.parse_args().seconds
    clip = make_clip()
    print(
        "| Mbit/s | chunk | Metropole CPU-s/Gbit | nginx-rtmp | ratio | core "
        "| part p50 ms | p99 ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with metropole() as (site, key, ours), nginx() as (port, theirs):
        for rate in BITRATES:
            for chunk in CHUNKS:
                mine = measure(site.rtmp_port, key, clip, rate, chunk, seconds, ours)
                peer = measure(port, "x", clip, rate, chunk, seconds, theirs)
                delays = sorted(latency(site, key, clip, rate, chunk, seconds))
                p99 = delays[int(len(delays) * 0.99)]
                print(
                    f"| {rate // 1_000_000} | {chunk} | {mine.per_gigabit:.3f} | "
                    f"{peer.per_gigabit:.3f} | {mine.per_gigabit / peer.per_gigabit:.2f} | "
                    f"{mine.core:.1%} | {statistics.median(delays):.1f} | {p99:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
