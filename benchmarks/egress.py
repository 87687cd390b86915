"""HLS out: parts and blocked playlist reloads, beside nginx serving the same octets.

CPU seconds of the serving process alone. Parts: a whole site with a stream on air, through its
media port and through its site port, and nginx sending the same part from memory. Reloads: the
media port with the HLS egress in a process of its own, with players that wait for each next part.
Then whole viewers of a stream of several qualities (`viewers.py`).
Usage: python -m benchmarks.egress [--rounds N] [--seconds N] [--only requests|viewers]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks import cpu, viewers
from benchmarks.load import Publisher, make_clip
from benchmarks.peers import metropole, nginx, playback_path
from benchmarks.players import Fetchers, Reloaders, get
from metropole_core.addresses import FALLBACK_PATH

BITRATE = 8_000_000
"""bit/s: a part of 200 ms has about 200 KB"""
CONNECTIONS = 32
SITE_PORT_PLAYERS = 20
WAITING = {1: 4.0, 100: 20.0, 1000: 80.0}
"""Players that wait, and milliseconds from part to part: quicker than any stream, so that there is
something to measure."""

NGINX = """
---
http {{ access_log off; sendfile on; tcp_nopush on; open_file_cache max=100;
  keepalive_timeout 60; keepalive_requests 1000000000; types {{ }} default_type video/mp4;
  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}
"""


@dataclass(slots=True)
class Row:
    """Results of one peer, round by round, in microseconds of CPU."""

    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def spread(self) -> str:
        return f"{min(self.rounds):.1f} to {max(self.rounds):.1f}"


Table = dict[str, Row]


def record(table: Table, name: str, microseconds: float) -> None:
    """Keep a round's result."""
    table.setdefault(name, Row()).rounds.append(microseconds)


def fetch(port: int, path: str, pids: list[int], seconds: float) -> float:
    """CPU microseconds an answer, fetched as fast as it goes, all else included that is done."""
    crowd = Fetchers(port, path, CONNECTIONS)
    try:
        crowd.run(0.3)
        before, answers = cpu.seconds(*pids), crowd.answers
        crowd.run(seconds)
        return (cpu.seconds(*pids) - before) / (crowd.answers - answers) * 1e6
    finally:
        crowd.close()


def resting(pids: list[int], seconds: float) -> float:
    """CPU seconds a second of a server that nobody asks for anything."""
    before, began = cpu.seconds(*pids), time.monotonic()
    time.sleep(seconds)
    return (cpu.seconds(*pids) - before) / (time.monotonic() - began)


# Parts


def newest_part(port: int, path: str) -> str:
    """Path of a part that every player fetches now."""
    folder = path.rsplit("/", 1)[0]
    _, _, master = get(port, path)
    media = next(line for line in master.decode().splitlines() if line and line[0] != "#")
    _, _, playlist = get(port, f"{folder}/{media}")
    parts = re.findall(r'PART:DURATION=[0-9.]+,URI="([^"]+)"', playlist.decode())
    return f"{folder}/{parts[-1]}"


def measure_parts(rounds: int, seconds: float) -> tuple[Table, Table]:
    """A part from the media port, the site port and nginx; and reloads through the site port."""
    parts: Table = {}
    reloads: Table = {}
    with metropole() as (site, key, ours), nginx(NGINX) as (port, theirs, folder):
        publisher = Publisher(site.rtmp_port, "live", key, make_clip(), BITRATE, 4096)
        feeder = threading.Thread(target=publisher.run, args=(3600,), daemon=True)
        feeder.start()
        media, index = playback_path(site)
        for number in range(rounds):
            path = newest_part(media, index)
            status, _, body = get(media, path)
            assert status == 200
            # A name of its own each time: nginx keeps what it knows of a file for a while.
            (folder / f"part{number}.m4s").write_bytes(body)
            status, _, same = get(site.port, FALLBACK_PATH + path)
            assert status == 200
            assert same == body
            idle = resting(ours, seconds)
            scale = 200_000 / len(body)
            took = fetch(media, path, ours, seconds)
            record(parts, "media port", took * scale)
            record(parts, "nginx", fetch(port, f"/part{number}.m4s", theirs, seconds) * scale)
            took = fetch(site.port, FALLBACK_PATH + path, ours, seconds)
            record(parts, "site port", took * scale)
            playlist = f"{index.rsplit('/', 1)[0]}/v0.m3u8"
            crowd = Reloaders(site.port, FALLBACK_PATH + playlist, SITE_PORT_PLAYERS)
            crowd.run(0.5)
            before, answers = cpu.seconds(*ours), crowd.answers
            wall = crowd.run(seconds)
            used = cpu.seconds(*ours) - before - idle * wall
            record(reloads, "site port", used / (crowd.answers - answers) * 1e6)
            crowd.close()
        publisher.stopping = True
        feeder.join()
        publisher.close()
    return parts, reloads


# Reloads


@dataclass(frozen=True, slots=True)
class MediaPort:
    """The process of `benchmarks.egress_server`."""

    port: int
    pid: int

    def feed(self, milliseconds: float) -> None:
        """A part every so often; 0 for none."""
        get(self.port, f"/feed/{milliseconds}")

    def released(self) -> int:
        """Requests that had to wait so far."""
        return int(json.loads(get(self.port, "/stats/")[2])["waits"])


@contextlib.contextmanager
def media_port() -> Iterator[MediaPort]:
    command = [sys.executable, "-m", "benchmarks.egress_server", "--size", "2000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield MediaPort(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait()


def measure_reloads(rounds: int, seconds: float) -> tuple[Table, Table]:
    """A released reload for each number of players; and what a part costs with nobody there."""
    table: Table = {}
    alone: Table = {}
    playlist = "/hls/x/v0.m3u8"
    with media_port() as server, nginx(NGINX) as (port, theirs, folder):
        for number in range(rounds):
            for waiting, every in WAITING.items():
                server.feed(every)
                idle = resting([server.pid], seconds)
                record(alone, f"{waiting}", idle * every * 1000)
                crowd = Reloaders(server.port, playlist, waiting)
                crowd.run(0.3)
                before, released = cpu.seconds(server.pid), server.released()
                wall = crowd.run(seconds)
                used = cpu.seconds(server.pid) - before - idle * wall
                record(table, f"{waiting}", used / (server.released() - released) * 1e6)
                crowd.close()
                server.feed(0)
            (folder / f"list{number}.m3u8").write_bytes(get(server.port, playlist)[2])
            record(table, "nginx", fetch(port, f"/list{number}.m3u8", theirs, seconds))
    return table, alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--only", choices=("requests", "viewers"))
    options = parser.parse_args()
    if options.only != "viewers":
        requests(options.rounds, options.seconds)
    if options.only != "requests":
        audience(options.rounds, options.seconds)


def audience(rounds: int, seconds: float) -> None:
    """Viewers a core."""
    print()
    print(
        f"| {viewers.VIEWERS} viewers of 6 Mbit/s and its smaller qualities | % of a core "
        "| rounds | viewers a core | with nobody watching | parts a second and viewer |"
    )
    print("|---|---|---|---|---|---|")
    for name, rows in viewers.measure(rounds, seconds).items():
        watching = [row.watching * 100 for row in rows]
        middle = sorted(rows, key=lambda row: row.watching)[len(rows) // 2]
        print(
            f"| {name} | {statistics.median(watching):.1f} "
            f"| {min(watching):.1f} to {max(watching):.1f} | {middle.per_core:.0f} "
            f"| {middle.resting:.1%} | {middle.parts:.1f} |"
        )


def requests(rounds: int, seconds: float) -> None:
    """Parts and reloads, one by one."""
    parts, fallback = measure_parts(rounds, seconds)
    print("| 200 KB part from | us of CPU | rounds | parts a CPU second | times nginx |")
    print("|---|---|---|---|---|")
    for name, row in parts.items():
        print(
            f"| {name} | {row.median:.1f} | {row.spread} | {1e6 / row.median:.0f} "
            f"| {parts['nginx'].median / row.median:.2f} |"
        )
    reloads, alone = measure_reloads(rounds, seconds)
    print()
    print(
        "| playlist reload | us of CPU | rounds | a CPU second | a part with nobody waiting, us |"
    )
    print("|---|---|---|---|---|")
    for name, row in reloads.items():
        what = "nginx, the same text as a file" if name == "nginx" else f"released, {name} waiting"
        fixed = f"{alone[name].median:.0f}" if name in alone else ""
        print(f"| {what} | {row.median:.1f} | {row.spread} | {1e6 / row.median:.0f} | {fixed} |")
    row = fallback["site port"]
    print(
        f"| released, site port, {SITE_PORT_PLAYERS} waiting | {row.median:.1f} | {row.spread} "
        f"| {1e6 / row.median:.0f} | |"
    )


if __name__ == "__main__":
    main()
