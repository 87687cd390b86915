"""A stream whose renditions a real worker makes, and everything that comes out of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from metropole_core.testing.transcoders import Follower
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, Packet, PublisherHandle
from metropole_media.transcode.encoders import JobSpec, VideoEncoder, make_rung
from metropole_media.transcode.job import JobLimits, JobStatus, TranscodeJob
from tests.support.encoded import Encoded

WAIT_SECONDS = 20.0
X264 = VideoEncoder(
    "libx264",
    "avc1",
    options=(
        ("preset", "ultrafast"),
        ("tune", "zerolatency"),
        ("forced-idr", "1"),
        ("sc_threshold", "0"),
        ("x264-params", "keyint=infinite"),
    ),
)
PATIENT = JobLimits(queue_seconds=1e6, hang_seconds=60, tick_seconds=0.05)
"""For clips that are handed over at once."""


def plan(name: str, width: int, height: int, rate: float = 30.0) -> RenditionPlan:
    return RenditionPlan(name, width, height, rate, 200_000, "avc1.64000d")


MIDDLE, LOW = plan("180p", 320, 180), plan("90p", 160, 90)


class Studio:
    """A stream, its job, and who follows."""

    def __init__(
        self,
        plans: tuple[RenditionPlan, ...],
        limits: JobLimits,
        encoder: VideoEncoder,
        memory: int,
    ) -> None:
        self.stream = LiveStream("lab", time.monotonic)
        self.stream.ladder.declare(plans)
        self.source = Follower()
        self.stream.subscribe(self.source)
        self.feeds = {each.name: Follower() for each in plans}
        for name, follower in self.feeds.items():
            self.stream.ladder.feed(name).subscribe(follower)
        self.reports: list[JobStatus] = []
        rungs = tuple(make_rung(each, encoder) for each in plans)
        spec = JobSpec(rungs, memory_octets=memory, niceness=0)
        self.job = TranscodeJob(self.stream, spec, self.reports.append, limits=limits)

    @property
    def failures(self) -> list[str]:
        return [report.reason for report in self.reports if report.state == "failed"]

    def publisher(self, clip: Encoded) -> PublisherHandle:
        handle = self.stream.attach()
        handle.describe(clip.tracks)
        return handle

    def publish(self, clip: Encoded) -> None:
        """A whole stay at once."""
        handle = self.publisher(clip)
        write(handle, clip.packets)
        handle.detach()

    async def until(self, condition: Callable[[], object], what: str) -> None:
        began = time.monotonic()
        while not condition():
            assert time.monotonic() - began < WAIT_SECONDS, f"{what}; {self.reports[-1:]}"
            await asyncio.sleep(0.01)

    async def rests(self, times: int = 1) -> None:
        """Until everything of so many publishers has come out."""
        for name, feed in self.feeds.items():
            await self.until(
                lambda: feed.interruptions == times or self.failures,  # noqa: B023
                f"{name} did not come to rest",
            )
        assert not self.failures


def write(handle: PublisherHandle, packets: Iterable[Packet], shift_ms: int = 0) -> None:
    """Hand packets over, `shift_ms` later than they say."""
    for packet in packets:
        moved = replace(packet, dts=packet.dts + shift_ms, pts=packet.pts + shift_ms)
        handle.write(moved)


@asynccontextmanager
async def making(
    *plans: RenditionPlan,
    limits: JobLimits = PATIENT,
    encoder: VideoEncoder = X264,
    memory: int = 1 << 30,
) -> AsyncIterator[Studio]:
    """A studio until the block ends; its worker is gone then."""
    studio = Studio(plans or (MIDDLE, LOW), limits, encoder, memory)
    pid = studio.job.pid
    try:
        yield studio
    finally:
        studio.job.close()
        studio.stream.end()
        if pid is not None:
            process = Path(f"/proc/{pid}")
            await studio.until(lambda: not process.exists(), "the worker did not end")


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def decode(feed: Follower, codec: str = "h264") -> list[Any]:
    """All frames of a rendition, by FFmpeg's decoder."""
    os.environ.setdefault("SVT_LOG", "1")
    decoder = av.CodecContext.create(codec, "r")
    decoder.extradata = feed.tracks[0].config
    decoder.thread_count = 1
    frames: list[Any] = []
    for packet in feed.packets:
        raw = av.Packet(bytes(packet.data))
        raw.dts, raw.pts = packet.dts, packet.pts
        raw.time_base = Fraction(1, feed.tracks[0].timescale)
        frames += decoder.decode(raw)
    return frames + decoder.decode(None)
