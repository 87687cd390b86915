"""From nothing to the first home page: CPU and wall seconds of a fresh process.

A whole site with all its plugins, beside one line from Quart on Hypercorn started in the same way.
The files are in the kernel's cache; the database is there and empty.
Usage: python -m benchmarks.start [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import cpu
from benchmarks.players import get
from tests.support.site_process import METROPOLE, free_ports, make_site

PATIENCE = 60.0


def start(command: list[str], port: int) -> tuple[float, float]:
    """CPU and wall seconds until the home page is there, whole."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.monotonic() < began + PATIENCE:
            with contextlib.suppress(ConnectionRefusedError):
                status, _, body = get(port, "/")
                wall, used = time.monotonic() - began, cpu.since_start(process.pid)
                assert status == 200
                assert b"<title>" in body
                return used, wall
            assert process.poll() is None, "the server has ended"
            time.sleep(0.005)
        raise TimeoutError(" ".join(command))
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder))
        asyncio.run(site.init())
        (port,) = free_ports(1)
        peers = {
            "Metropole": ([str(METROPOLE), "--config", str(site.config), "serve"], site.port),
            "Quart and Hypercorn": (
                [sys.executable, "-m", "benchmarks.hello_site", str(port)],
                port,
            ),
        }
        results: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
        for number in range(rounds + 1):
            for name, (command, where) in peers.items():
                took = start(command, where)
                if number:  # the first one fills the caches
                    results[name].append(took)
    print("| first home page of | CPU s | rounds | wall s | times the peer |")
    print("|---|---|---|---|---|")
    peer = statistics.median(used for used, _ in results["Quart and Hypercorn"])
    for name, took in results.items():
        used = [each for each, _ in took]
        median = statistics.median(used)
        wall = statistics.median(each for _, each in took)
        print(
            f"| {name} | {median:.2f} | {min(used):.2f} to {max(used):.2f} | {wall:.2f} "
            f"| {median / peer:.1f} |"
        )


if __name__ == "__main__":
    main()
