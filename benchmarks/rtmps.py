"""What encryption costs the ingest: RTMPS beside RTMP, the same paced stream into the same server,
which reads it and hands its packets on to nobody.

Usage: python -m benchmarks.rtmps [--seconds N] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import cpu
from benchmarks.load import Clip, Publisher, make_clip

BITRATES = (6_000_000, 20_000_000, 100_000_000)
CHUNK = 4096


def measure(
    pid: int, port: int, clip: Clip, rate: int, seconds: float, tls: ssl.SSLContext | None
) -> tuple[float, float]:
    """CPU seconds a gigabit, and share of one core."""
    publisher = Publisher(port, "live", "bench", clip, rate, CHUNK, tls=tls)
    publisher.run(1)
    before, began, octets = cpu.seconds(pid), time.monotonic(), publisher.octets
    publisher.run(seconds)
    used, wall = cpu.seconds(pid) - before, time.monotonic() - began
    publisher.close()
    time.sleep(0.2)
    return used / ((publisher.octets - octets) * 8 / 1e9), used / wall


async def serve(folder: Path) -> None:
    """Open both ports, say which they are, and serve until the process is ended."""
    from metropole_ingest_rtmp.listener import RtmpListener, RtmpsListener
    from metropole_ingest_rtmp.settings import RtmpSettings

    from metropole_core.testing.clock import FakeClock
    from metropole_core.testing.context import make_context
    from metropole_media.live import LiveStream
    from tests.support.certificate import self_signed
    from tests.support.rtmp_listener import Doors, Follower

    chain, key = self_signed(folder)
    settings = RtmpSettings(
        bind="127.0.0.1:0", tls_bind="127.0.0.1:0", certificate=chain, certificate_key=key
    )
    clock = FakeClock()
    doors = Doors(clock)
    doors.streams["bench"] = LiveStream("bench", clock.monotonic)
    doors.followers["bench"] = Follower()  # one that follows nothing
    context = make_context(settings, clock=clock, publishing=doors)
    plain, secure = RtmpListener(context), RtmpsListener(context)
    await plain.start()
    await secure.start()
    print(plain.port, secure.port, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    clip = make_clip()
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.rtmps", "--serve", folder],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            plain, secure = map(int, server.stdout.readline().split())
            print("| Mbit/s | RTMP CPU-s/Gbit | RTMPS | ratio | RTMP core | RTMPS core |")
            print("|---|---|---|---|---|---|")
            for rate in BITRATES:
                rounds = [
                    (
                        measure(server.pid, plain, clip, rate, options.seconds, None),
                        measure(server.pid, secure, clip, rate, options.seconds, anybody),
                    )
                    for _ in range(options.rounds)
                ]
                one, other = (
                    [statistics.median(each[which][value] for each in rounds) for value in (0, 1)]
                    for which in (0, 1)
                )
                print(
                    f"| {rate // 1_000_000} | {one[0]:.3f} | {other[0]:.3f} | "
                    f"{other[0] / one[0]:.2f} | {one[1]:.1%} | {other[1]:.1%} |",
                    flush=True,
                )
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
