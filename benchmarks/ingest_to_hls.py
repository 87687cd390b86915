"""RTMP in, HLS out: CPU per gigabit beside nginx-rtmp, and how soon a part can be fetched.

Both servers get the same paced stream in turn, in the same run. Ours runs as an operator runs it
(`metropole serve`, everything in one process); nginx-rtmp writes its segments to a memory file
system. Then a picture of 8K is passed through while a room of people talks, and chat messages are
timed. Usage: python -m benchmarks.ingest_to_hls [--seconds N] [--only bitrates|chat]
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from benchmarks import cpu
from benchmarks.load import MARK, Clip, Publisher, make_clip
from benchmarks.peers import metropole, nginx, playback_path
from tests.support.site_process import SiteProcess

BITRATES = (6_000_000, 20_000_000, 100_000_000)
CHUNKS = (128, 4096)
APP = "live"
LARGEST = (7680, 4320)
LARGEST_RATE = 100_000_000
MESSAGES, LISTENERS, SPEAKERS = 200, 100, 25
"""Chat messages a second, sockets that get each, people who say them."""
TALKATIVE = """
import sys
from metropole_core.chat import limits
from metropole_cli.main import main
limits.MESSAGES = 10_000
sys.argv[0] = "metropole"
main()
"""
"""A site where nobody talks too much: a quarter of a hundred people make the noise of thousands."""

NGINX = """
load_module modules/ngx_rtmp_module.so;
---
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


def latency(
    site: SiteProcess, key: str, clip: Clip, rate: int, chunk: int, seconds: float
) -> list[float]:
    """Delays in ms from a part's last octet sent until a client holds the part."""
    publisher = Publisher(site.rtmp_port, APP, key, clip, rate, chunk)
    feeder = threading.Thread(target=publisher.run, args=(seconds + 6,), daemon=True)
    feeder.start()
    prober = Prober(*playback_path(site))
    prober.start()
    feeder.join()
    prober.stopping = True
    publisher.close()
    prober.join(10)
    return prober.delays[5:]


class Picture(threading.Thread):
    """8K on air for so many seconds; `delays` are those of `latency`."""

    def __init__(self, site: SiteProcess, key: str, clip: Clip, seconds: float) -> None:
        super().__init__(daemon=True)
        self.delays: list[float] = []
        self._stream = site, key, clip, LARGEST_RATE, 4096, seconds

    def run(self) -> None:
        self.delays = latency(*self._stream)


def chat_beside(seconds: float) -> None:
    """8K passed through at 100 Mbit/s while a room of people talks: how late a message comes."""
    clip = make_clip(*LARGEST, encoded=4)
    tokens: list[str] = []
    people = [f"speaker{number}" for number in range(SPEAKERS)]
    serve = (sys.executable, "-c", TALKATIVE)
    with metropole(serve=serve, people=people, tokens=tokens) as (site, key, pids):
        print()
        print(f"{MESSAGES} chat messages a second to {LISTENERS} sockets:")
        print("| beside | said | delivered | p50 ms | p99 ms | worst ms | core | part p99 ms |")
        print("|---|---|---|---|---|---|---|---|")
        for beside in ("nothing", "8K at 100 Mbit/s", "nothing", "8K at 100 Mbit/s"):
            picture = Picture(site, key, clip, seconds + 3)
            if beside != "nothing":
                picture.start()
                playback_path(site)
            before, began = cpu.seconds(*pids), time.monotonic()
            told = subprocess.run(
                [sys.executable, "-m", "benchmarks.chat_room", str(site.port), "boss",
                 str(seconds), str(MESSAGES), str(LISTENERS), *tokens],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            core = (cpu.seconds(*pids) - before) / (time.monotonic() - began)
            if beside != "nothing":
                picture.join()
            parts = sorted(picture.delays)
            chat = json.loads(told.stdout)
            late = f"{parts[int(len(parts) * 0.99)]:.1f}" if parts else ""
            print(
                f"| {beside} | {chat['said']} | {chat['heard']} of {chat['wanted']} "
                f"| {chat['p50']:.1f} | {chat['p99']:.1f} | {chat['worst']:.1f} | {core:.0%} "
                f"| {late} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", choices=("bitrates", "chat"))
    options = parser.parse_args()
    if options.only != "chat":
        bitrates(options.seconds)
    if options.only != "bitrates":
        chat_beside(options.seconds)


def bitrates(seconds: float) -> None:
    """Each bit rate and chunk size, beside nginx-rtmp."""
    clip = make_clip()
    print(
        "| Mbit/s | chunk | Metropole CPU-s/Gbit | nginx-rtmp | ratio | core "
        "| part p50 ms | p99 ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with metropole() as (site, key, ours), nginx(NGINX) as (port, theirs, _):
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
