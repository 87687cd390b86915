"""Renditions by the ffmpeg of this machine, in software: the same path as with hardware."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from metropole_transcoder_ffmpeg.backends import SOFTWARE, encoder_for
from metropole_transcoder_ffmpeg.probe import Trial
from metropole_transcoder_ffmpeg.relay import How
from metropole_transcoder_ffmpeg.settings import FfmpegSettings
from metropole_transcoder_ffmpeg.transcoder import WORKER, FfmpegTranscoder

from metropole_core.contracts.transcoder import JobReport, JobState
from metropole_core.testing import conformance
from metropole_core.testing.transcoders import Follower
from metropole_media.codecs.table import VIDEO_CODECS
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, PublisherHandle
from metropole_media.transcode.encoders import JobSpec, make_rung
from metropole_media.transcode.job import JobLimits, JobStatus, TranscodeJob
from tests.support.clips import clip
from tests.support.encoded import Encoded, encode

LARGE = RenditionPlan("180p", 320, 180, 60.0, 300_000, "avc1.640015")
HALF = RenditionPlan("90p", 160, 90, 30.0, 100_000, "avc1.64000b")
SMALL = Trial(320, 180, 30.0, 8)
QUICK = JobLimits(hang_seconds=0.6, tick_seconds=0.1, behind_seconds=0.4)
WAIT = 15.0


def source(seconds: float = 1.0) -> Encoded:
    """Two B-frames, and groups of an odd number of pictures: not what halving would like."""
    return encode(fps=60, seconds=seconds, gop=25, bframes=2, audio=False, size=(320, 180))


def spec(*plans: RenditionPlan, memory: int = 1 << 30, program: str = "ffmpeg") -> JobSpec:
    rungs = []
    for plan in plans:
        encoder = encoder_for(SOFTWARE, plan.codec, "ultrafast")
        assert encoder is not None
        rungs.append(make_rung(plan, encoder))
    facts = How(program, "software", "/dev/dri/renderD128").facts()
    return JobSpec(tuple(rungs), memory_octets=memory, niceness=0, worker=WORKER, facts=facts)


class Studio:
    """A stream, its source, its feeds, and a job that makes them."""

    def __init__(self, job: JobSpec, plans: tuple[RenditionPlan, ...]) -> None:
        self.stream = LiveStream("lab", time.monotonic)
        self.stream.ladder.declare(plans)
        self.source = Follower()
        self.stream.subscribe(self.source)
        self.feeds = {plan.name: Follower() for plan in plans}
        for name, follower in self.feeds.items():
            self.stream.ladder.feed(name).subscribe(follower)
        self.reports: list[JobStatus] = []
        self.job = TranscodeJob(self.stream, job, self.reports.append, limits=QUICK)

    def publish(self, encoded: Encoded) -> PublisherHandle:
        handle = self.stream.attach()
        handle.describe(encoded.tracks)
        self.write(handle, encoded)
        return handle

    def write(self, handle: PublisherHandle, encoded: Encoded, shift: int = 0) -> None:
        for packet in encoded.packets:
            handle.write(replace(packet, dts=packet.dts + shift, pts=packet.pts + shift))

    async def until(self, condition: Callable[[], bool], *, failing: bool = False) -> None:
        end = time.monotonic() + WAIT
        while not condition():
            failed = [each.reason for each in self.reports if each.state == "failed"]
            assert failing or not failed, failed
            assert time.monotonic() < end, self.reports[-3:]
            await asyncio.sleep(0.01)

    async def failure(self) -> str:
        def reasons() -> list[str]:
            return [each.reason for each in self.reports if each.state == "failed"]

        await self.until(lambda: bool(reasons()), failing=True)
        assert len(reasons()) == 1
        return reasons()[0]

    def child(self) -> int:
        """The ffmpeg of the worker, 0 while there is none."""
        worker = self.job.pid
        if worker is None:
            return 0
        try:
            found = Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
            name = Path(f"/proc/{found[0]}/comm").read_text().strip() if found else ""
        except OSError:
            return 0
        return int(found[0]) if name == "ffmpeg" else 0


@asynccontextmanager
async def studio(*plans: RenditionPlan, job: JobSpec | None = None) -> AsyncIterator[Studio]:
    made = Studio(job or spec(*plans), plans)
    try:
        yield made
    finally:
        child, worker = made.child(), made.job.pid
        made.job.close()
        made.stream.end()
        await gone(child, worker or 0)


async def gone(*pids: int) -> None:
    end = time.monotonic() + WAIT
    for pid in filter(None, pids):
        while Path(f"/proc/{pid}").exists():
            assert time.monotonic() < end, "a process outlives its job"
            await asyncio.sleep(0.01)


async def test_conforms() -> None:
    transcoder = FfmpegTranscoder(FfmpegSettings(backend="software", preset="ultrafast"), SMALL)
    encoded = source()
    found = await conformance.check_transcoder(
        transcoder, encoded.tracks, encoded.packets, (LARGE, HALF)
    )
    assert found is not None
    assert [each.fourcc for each in found.encodings] == ["avc1"]
    assert {"avc1", "hvc1", "av01"} <= set(found.decodes)
    assert not found.hardware
    assert "x264" in found.sentence


async def test_key_frames_and_times_are_those_of_the_source() -> None:
    encoded = source(2.0)
    async with studio(LARGE, HALF) as lab:
        handle = lab.publish(encoded)
        handle.detach()
        await lab.until(lambda: all(f.interruptions for f in lab.feeds.values()))
        shown = sorted(packet.pts * 90 for packet in lab.source.packets)
        large, half = lab.feeds["180p"], lab.feeds["90p"]
        assert large.keys == half.keys == lab.source.keys
        assert len(large.keys) == 5
        assert [packet.pts for packet in large.packets] == shown
        # Every other picture, counted from each key frame.
        groups = [shown[at : at + 25][::2] for at in range(0, len(shown), 25)]
        assert [packet.pts for packet in half.packets] == [time_ for g in groups for time_ in g]
        for name, plan in (("180p", LARGE), ("90p", HALF)):
            (track,) = lab.feeds[name].tracks
            assert (track.codec, track.width, track.height) == (plan.codec, plan.width, plan.height)
            octets = sum(len(packet.data) for packet in lab.feeds[name].packets)
            # Noise, so that all that may be used is used.
            assert 0.7 < octets * 8 / 2.0 / plan.bitrate < 1.5, name


async def test_times_before_the_beginning_of_the_stream() -> None:
    """Sound came first, and the first pictures lie before it."""
    encoded = encode(fps=60, seconds=0.5, gop=25, bframes=2, size=(320, 180))
    sound = next(packet for packet in encoded.packets if packet.track)
    early = replace(sound, dts=300, pts=300)
    async with studio(LARGE) as lab:
        pictures = Encoded(encoded.tracks, (early, *encoded.of(0)))
        lab.publish(pictures).detach()
        await lab.until(lambda: lab.feeds["180p"].interruptions == 1)
        times = sorted(packet.pts * 90 for packet in lab.source.packets)
        assert times[0] < 0
        assert [packet.pts for packet in lab.feeds["180p"].packets] == times


@pytest.mark.parametrize("codec", ["hevc-b", "av1", "vp9"])
async def test_sources_of_other_codecs(codec: str) -> None:
    encoded = clip(codec, "")
    (track,) = encoded.tracks
    plan = RenditionPlan("small", 64, 36, 30.0, 50_000, "avc1.64000a")
    assert VIDEO_CODECS[track.fourcc].parse(track.config).width > plan.width
    async with studio(plan) as lab:
        lab.publish(encoded).detach()
        await lab.until(lambda: lab.feeds["small"].interruptions == 1)
        assert lab.feeds["small"].keys == lab.source.keys
        assert len(lab.feeds["small"].packets) == len(lab.source.packets)


async def test_high_dynamic_range_is_left_to_others() -> None:
    plan = RenditionPlan("small", 64, 36, 30.0, 50_000, "avc1.64000a")
    async with studio(plan) as lab:
        lab.publish(clip("hevc-pq", ""))
        assert "high dynamic range" in await lab.failure()


async def test_a_rendition_that_is_shed_leaves_the_others_whole() -> None:
    encoded = source()
    async with studio(LARGE, HALF) as lab:
        handle = lab.publish(encoded)
        await lab.until(lambda: len(lab.feeds["180p"].packets) > 50)
        first = lab.child()
        lab.stream.ladder.shed("90p")
        assert lab.feeds["90p"].ended
        lab.write(handle, encoded, 1000)
        # Another ffmpeg, which does not make it any more.
        await lab.until(lambda: lab.child() not in (0, first))
        command = Path(f"/proc/{lab.child()}/cmdline").read_bytes()
        assert b"[out0]" in command
        assert b"[out1]" not in command
        handle.detach()
        await lab.until(lambda: lab.feeds["180p"].interruptions == 1)
        shown = sorted(packet.pts * 90 for packet in lab.source.packets)
        assert [packet.pts for packet in lab.feeds["180p"].packets] == shown
        assert lab.feeds["180p"].keys == lab.source.keys


async def test_ffmpeg_that_is_killed_is_reported_at_once() -> None:
    async with studio(LARGE) as lab:
        lab.publish(source())
        # Nothing is written any more: nobody would notice by that.
        await lab.until(lambda: len(lab.feeds["180p"].packets) > 50)
        os.kill(lab.child(), signal.SIGKILL)
        assert await lab.failure() == "ffmpeg ended by itself by signal 9."


async def test_ffmpeg_that_hangs_is_behind_then_ended() -> None:
    encoded = source()
    async with studio(LARGE) as lab:
        handle = lab.publish(encoded)
        await lab.until(lambda: len(lab.feeds["180p"].packets) > 50)
        child = lab.child()
        os.kill(child, signal.SIGSTOP)
        for second in range(1, 200):
            lab.write(handle, encoded, 1000 * second)
            await asyncio.sleep(0.02)
            if lab.job.over:
                break
        assert "No picture came out" in await lab.failure()
        assert "behind" in [each.state for each in lab.reports]
        # It dies with its worker, though it cannot hear that its input has ended.
        await gone(child)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"memory": 24 << 20}, "memory"),
        ({"program": "/nowhere/ffmpeg"}, "No such file"),
        ({"program": "false"}, "ffmpeg ended by itself with status 1"),
    ],
)
async def test_what_cannot_run_is_told(given: dict[str, object], words: str) -> None:
    async with studio(LARGE, job=spec(LARGE, **given)) as lab:  # type: ignore[arg-type]
        lab.publish(source(3.0))
        assert words in await lab.failure()


async def test_jobs_are_counted_and_refused_in_words() -> None:
    transcoder = FfmpegTranscoder(FfmpegSettings(backend="software", max_jobs=1), SMALL)
    reports: list[JobReport] = []

    async def start(plan: RenditionPlan = LARGE) -> None:
        stream = LiveStream("lab", time.monotonic)
        stream.ladder.declare((plan,))
        jobs.append(transcoder.start(stream, (plan,), reports.append))
        await asyncio.sleep(0.01)

    jobs: list = []  # type: ignore[type-arg]
    await start()
    assert "has not been tried" in reports.pop().reason
    await transcoder.probe()
    await start(replace(LARGE, codec="av01.0.04M.08"))
    assert "no encoder for av01" in reports.pop().reason
    await start()
    assert not reports
    await start()
    report = reports.pop()
    assert (report.state, "max_jobs" in report.reason) == (JobState.FAILED, True)
    jobs[2].close()
    await start()
    assert not reports
    workers = [job.pid or 0 for job in jobs]
    for job in jobs:
        job.close()
    await gone(*workers)
