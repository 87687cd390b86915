"""Viewers a core: people who watch a stream of several qualities, at 6 Mbit/s for the best.

CPU seconds of the servers alone: of the site, whose media port they fetch from; and of the site
and of nginx together, with the cache that `metropole proxy-config nginx` writes in front. The
encoder makes the qualities (multitrack), so that nothing is encoded here. What the site needs with
nobody watching is told apart.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks import cpu
from benchmarks.load import Publisher, make_clip
from benchmarks.peers import metropole, playback_path, wait_for
from benchmarks.players import Viewers, get
from tests.support.nginx import AROUND, NGINX
from tests.support.site_process import METROPOLE, SiteProcess, free_ports

LADDER = ((1920, 1080, 6_000_000), (1280, 720, 2_500_000), (854, 480, 1_200_000))
"""Pixels and bit/s, best first."""
SHARES = (7, 2, 1)
"""How many of ten viewers watch each of them."""
VIEWERS = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What watching cost.

    Fields:
        resting: share of a core with nobody watching.
        watching: share of a core that the viewers add.
        parts: that a viewer fetched in a second.
        viewers: how many watched.
    """

    resting: float
    watching: float
    parts: float
    viewers: int

    @property
    def per_core(self) -> float:
        """Viewers that one core carries, beside what it does anyway."""
        return self.viewers / self.watching


def watch(port: int, paths: list[str], pids: list[int], seconds: float) -> Seen:
    """Let them watch for so long."""
    before, began = cpu.seconds(*pids), time.monotonic()
    time.sleep(seconds)
    resting = (cpu.seconds(*pids) - before) / (time.monotonic() - began)
    crowd = Viewers(port, paths)
    try:
        crowd.run(1.5)
        before, parts = cpu.seconds(*pids), crowd.parts
        wall = crowd.run(seconds)
        used = (cpu.seconds(*pids) - before) / wall
        fetched = (crowd.parts - parts) / wall / len(paths)
    finally:
        crowd.close()
    return Seen(resting, used - resting, fetched, len(paths))


def measure(rounds: int, seconds: float) -> dict[str, list[Seen]]:
    """Each way, round by round."""
    found: dict[str, list[Seen]] = {"alone": [], "behind nginx": []}
    clips = [make_clip(width, height, encoded=8) for width, height, _ in LADDER]
    rates = [rate for _, _, rate in LADDER]
    with metropole() as (site, key, ours):
        smaller = list(zip(clips[1:], rates[1:], strict=True))
        publisher = Publisher(site.rtmp_port, "live", key, clips[0], rates[0], 4096, smaller)
        feeder = threading.Thread(target=publisher.run, args=(3600,), daemon=True)
        feeder.start()
        try:
            media, index = playback_path(site)
            with nginx_before(site) as (front, theirs):
                for _ in range(rounds):
                    paths = crowd_of(media, index)
                    found["alone"].append(watch(media, paths, ours, seconds))
                    behind = [f"/-/media{path}" for path in paths]
                    found["behind nginx"].append(watch(front, behind, ours + theirs, seconds))
        finally:
            publisher.stopping = True
            feeder.join()
            publisher.close()
    return found


def crowd_of(port: int, index: str) -> list[str]:
    """The playlist that each viewer follows."""
    folder = index.rsplit("/", 1)[0]
    lines = get(port, index)[2].decode().splitlines()
    order: dict[str, str] = {}
    for info, uri in pairwise(lines):
        if found := re.search(r"RESOLUTION=(\d+x\d+)", info):
            order[found[1]] = uri
    names = [order[f"{width}x{height}"] for width, height, _ in LADDER]
    shares = [name for name, share in zip(names, SHARES, strict=True) for _ in range(share)]
    return [f"{folder}/{shares[n % len(shares)]}" for n in range(VIEWERS)]


@contextlib.contextmanager
def nginx_before(site: SiteProcess) -> Iterator[tuple[int, list[int]]]:
    """nginx with the configuration that the command writes for the site; its port and processes."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    port = free_ports(1)[0]
    written = subprocess.run(
        [METROPOLE, "--config", str(site.config), "proxy-config", "nginx",
         "--cache-dir", str(folder / "cache")],
        capture_output=True, text=True, check=True,
    ).stdout.replace(f":{site.port};", ":SITE;")  # fmt: skip
    written = written.replace(f"listen {site.port}", f"listen {port}")
    written = written.replace(f"listen [::]:{site.port}", f"listen [::]:{port}")
    (folder / "site.conf").write_text(written.replace(":SITE;", f":{site.port};"))
    around = AROUND.format(user="user root; ", folder=folder, site=folder / "site.conf")
    (folder / "nginx.conf").write_text(around)
    process = subprocess.Popen(
        [NGINX, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    )
    try:
        wait_for(port)
        yield port, [process.pid, *cpu.children(process.pid)]
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
