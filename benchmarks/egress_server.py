"""The media port with the HLS egress in a process of its own, fed with made-up parts.

Nothing else runs in it: no ingest, no pages. Prints its port. `/feed/<ms>` makes a part every so
many milliseconds (0: none), `/stats/` tells the counters of the listener.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from dataclasses import asdict

from metropole_egress_hls.origin import HlsOrigin
from metropole_egress_hls.playout import Playout
from metropole_egress_hls.rendition import Rendition

from metropole_media.hls.multivariant import Expected, Variant
from metropole_media.hls.window import Window, WindowLimits
from metropole_media.http.limits import ListenerLimits
from metropole_media.http.listener import Listener
from metropole_media.http.origin import Request, Response
from metropole_media.packaged import Init, Part, SegmentStart
from tests.support.packaging import AUDIO, VIDEO

PARTS, PART_SECONDS = 5, 0.2


class Feeder:
    """Makes parts, one a tick."""

    def __init__(self, size: int) -> None:
        self.data = os.urandom(size)
        self.number = 0
        self.every = 0.0
        limits = WindowLimits(linger_seconds=5, max_octets=1 << 30)
        window = Window(limits, time.monotonic)
        self.rendition = Rendition("v0", window, lambda _: None)
        self.playout = Playout(self.rendition, time.monotonic, 5, lambda: None)
        self.playout.offer([Variant("v0.m3u8", window, Expected.of((VIDEO, AUDIO)))], [])
        self.rendition.on_init(Init(0, b"init", (VIDEO, AUDIO), PART_SECONDS, 60.0))
        for _ in range(PARTS * 20 + 2):
            self.part()

    def part(self) -> None:
        """The next one, and the segments' beginnings and ends as they come."""
        segment, index = divmod(self.number, PARTS)
        if index == 0:
            start = SegmentStart(segment + 1, 1.7e9 + segment * PARTS * PART_SECONDS, False)
            self.rendition.on_segment_begin(start)
        last = index == PARTS - 1
        self.rendition.on_part(Part(self.number, PART_SECONDS, index == 0, self.data, last))
        if last:
            self.rendition.on_segment_end(1)
        self.number += 1

    async def run(self) -> None:
        while True:
            if self.every:
                self.part()
            await asyncio.sleep(self.every or 0.01)


class Control:
    """An origin: `/feed/<ms>`."""

    def __init__(self, feeder: Feeder) -> None:
        self.feeder = feeder

    def handle(self, request: Request) -> Response:
        self.feeder.every = float(request.path) / 1000
        return Response(200, b"ok")


class Stats:
    """An origin: `/stats/`."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    def handle(self, request: Request) -> Response:
        return Response(200, json.dumps(asdict(self.listener.stats)).encode())


async def serve(size: int) -> None:
    feeder = Feeder(size)
    origin = HlsOrigin()
    origin.add("x", feeder.playout)
    listener = Listener({"hls": origin}, limits=ListenerLimits(max_per_address=10_000))
    listener.mount("feed", Control(feeder))
    listener.mount("stats", Stats(listener))
    await listener.start("127.0.0.1", 0)
    print(listener.port, flush=True)
    await feeder.run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200_000, help="octets of a part")
    asyncio.run(serve(parser.parse_args().size))
