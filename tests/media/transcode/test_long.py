"""Half a minute of a stream as it comes in, made as a site makes it."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from metropole_media.transcode.job import JobLimits
from tests.support.encoded import encode
from tests.support.renditions import making, plan, write

ROUNDS = 15
SECONDS = 2


@pytest.mark.full
@pytest.mark.timeout(120)
async def test_it_keeps_up_and_does_not_grow() -> None:
    clip = encode(fps=60, seconds=SECONDS, gop=60, size=(640, 360))
    plans = (plan("360p60", 640, 360, 60.0), plan("180p", 320, 180), plan("90p", 160, 90, 15.0))
    # A machine that is busy with other tests may be slow, but must not lose anything.
    limits = JobLimits(queue_seconds=30, hang_seconds=30)
    async with making(*plans, limits=limits) as studio:
        handle = studio.publisher(clip)
        began = time.monotonic()
        for number in range(ROUNDS):
            shift = number * SECONDS * 1000
            for packet in clip.packets:
                wait = began + (packet.dts + shift) / 1000 - time.monotonic()
                if wait > 0.005:
                    await asyncio.sleep(wait)
                write(handle, (packet,), shift)
        handle.detach()
        await studio.rests()
        frames = ROUNDS * SECONDS * 60
        for follower, share in zip(studio.feeds.values(), (1, 2, 4), strict=True):
            assert follower.keys == studio.source.keys
            assert len(follower.packets) == frames // share
            assert all(before.dts < after.dts for before, after in pairwise(follower.packets))
        assert studio.reports[-1].dropped == 0
        memory = [report.memory_octets for report in studio.reports]
        settled = memory[len(memory) // 3]
        assert memory[-1] - settled < 8 << 20, f"memory grew: {memory[::20]}"
