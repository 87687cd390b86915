"""What every transcoder must do. A part of `conformance`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from metropole_core.contracts.transcoder import Capability, Job, JobReport, JobState, Transcoder
from metropole_core.errors import PluginError, Unavailable
from metropole_core.registry import Registry
from metropole_media.ladder import RenditionPlan
from metropole_media.live import LiveStream, Packet, PublisherHandle, Track

PROBE_SECONDS = 20.0
START_SECONDS = 0.25
"""That `start` and `close` may keep the event loop: they begin and end a process at most."""
ANSWER_SECONDS = 20.0
"""Until something comes out, on a machine that is busy."""
REFUSED = RenditionPlan("unplanned", 64, 36, 30.0, 100_000, "avc1.64000a")


async def check_transcoder(
    transcoder: Transcoder,
    tracks: tuple[Track, ...],
    packets: Sequence[Packet],
    plans: tuple[RenditionPlan, ...],
) -> Capability | None:
    """A back-end, with what a publisher would send.

    Arguments:
        tracks, packets: one short clip, H.264, with two key frames at least, a second or less
            apart; video is track 0.
        plans: smaller than the clip.

    Returns:
        What `probe` found; None if nothing works on this machine, which it must say in words;
        the rest cannot be checked then.
    """
    try:
        Registry().add("under_test", "register_transcoder", transcoder)
    except PluginError as error:
        raise AssertionError(error.sentence) from None
    began = time.monotonic()
    try:
        capability = await transcoder.probe()
    except Unavailable as error:
        if not error.sentence:
            raise AssertionError("probe must say in words why nothing works") from None
        return None
    took = time.monotonic() - began
    assert took <= PROBE_SECONDS, f"probe took {took:.1f} s; its budget is {PROBE_SECONDS:g} s"
    _check_capability(capability)
    await _check_refusal(transcoder)
    await _check_work(transcoder, tracks, packets, plans)
    return capability


def _check_capability(capability: Capability) -> None:
    assert capability.sentence, "a capability needs a sentence for the operator"
    assert capability.decodes, "a capability names what can be decoded"
    assert capability.encodings, "a capability needs an encoding; raise Unavailable without"
    assert capability.decode_pixels_per_second > 0, "decode_pixels_per_second must be measured"
    for each in capability.encodings:
        size = each.max_width, each.max_height, each.max_frame_rate, each.pixels_per_second
        assert min(size) > 0, f"encoding {each.fourcc}: every figure must be above 0"


async def _check_refusal(transcoder: Transcoder) -> None:
    """What cannot be done ends with a sentence, not with an exception."""
    stream = LiveStream("conformance", time.monotonic)
    stream.ladder.declare(())
    reports: list[JobReport] = []
    job = _start(transcoder, stream, (REFUSED,), reports)
    await _until(lambda: bool(reports), "a job for a rendition that is not planned must fail")
    assert [report.state for report in reports] == [JobState.FAILED], "it must fail, and once"
    assert reports[0].reason, "a failure needs a reason"
    _close(job)
    stream.end()


async def _check_work(
    transcoder: Transcoder,
    tracks: tuple[Track, ...],
    packets: Sequence[Packet],
    plans: tuple[RenditionPlan, ...],
) -> None:
    stream = LiveStream("conformance", time.monotonic)
    stream.ladder.declare(plans)
    source = Follower()
    stream.subscribe(source)
    feeds = {plan.name: Follower() for plan in plans}
    for name, follower in feeds.items():
        stream.ladder.feed(name).subscribe(follower)
    reports: list[JobReport] = []
    job = _start(transcoder, stream, plans, reports)
    keys = [number for number, packet in enumerate(packets) if packet.key and not packet.track]
    assert len(keys) >= 2, "the clip for this check needs two key frames"

    # A publisher who is in the middle of a group of pictures.
    handle = stream.attach()
    handle.describe(tracks)
    _publish(handle, packets[keys[0] + 1 :])
    handle.detach()
    first = source.keys[0]
    for name, follower in feeds.items():
        what = f"rendition {name} of a stream that was joined between key frames"
        await _until(
            lambda: follower.interruptions == 1,  # noqa: B023
            f"{what} must rest with it",
            reports,
        )
        assert follower.tracks, f"{what} must be described before its packets"
        assert follower.packets[0].key, f"{what} must begin with a key frame"
        scale = follower.tracks[0].timescale
        assert _seconds(follower.packets[0], scale) == first, f"{what} begins with the source's"

    # The same publisher comes back.
    known = len(source.keys)
    handle = stream.attach()
    handle.describe(tracks)
    _publish(handle, packets)
    handle.detach()
    for name, follower in feeds.items():
        what = f"rendition {name}"
        await _until(
            lambda: follower.interruptions == 2,  # noqa: B023
            f"{what} must go on",
            reports,
        )
        assert follower.keys == source.keys, (
            f"{what} must have its key frames where the source has them, at {source.keys}, "
            f"not at {follower.keys}"
        )
        times = [packet.dts for packet in follower.packets]
        assert times == sorted(times), f"{what}: decode times must never go back"
        assert all(packet.data for packet in follower.packets), f"{what}: packets must hold data"
    assert len(source.keys) > known, "the clip must hold key frames"
    failed = [report.reason for report in reports if report.state is JobState.FAILED]
    assert not failed, f"the job failed: {failed}"

    stream.end()
    assert all(follower.ended for follower in feeds.values()), "feeds must end with the stream"
    count = len(reports)
    _close(job)
    await asyncio.sleep(0)
    assert len(reports) == count, "no report may follow the end of the stream"


def _start(
    transcoder: Transcoder,
    stream: LiveStream,
    plans: tuple[RenditionPlan, ...],
    reports: list[JobReport],
) -> Job:
    began = time.monotonic()
    job = transcoder.start(stream, plans, reports.append)
    took = time.monotonic() - began
    assert took <= START_SECONDS, f"start kept the event loop for {took:.2f} s"
    return job


def _close(job: Job) -> None:
    began = time.monotonic()
    job.close()
    job.close()  # twice is fine
    took = time.monotonic() - began
    assert took <= START_SECONDS, f"close kept the event loop for {took:.2f} s"


def _publish(handle: PublisherHandle, packets: Sequence[Packet]) -> None:
    for packet in packets:
        handle.write(replace(packet))  # the stream writes its own times into it


def _seconds(packet: Packet, timescale: int) -> float:
    return round(packet.pts / timescale, 4)


async def _until(
    condition: Callable[[], bool], sentence: str, reports: Sequence[JobReport] = ()
) -> None:
    began = time.monotonic()
    while not condition():
        failed = [report.reason for report in reports if report.state is JobState.FAILED]
        assert not failed, f"{sentence}; the job failed: {failed}"
        assert time.monotonic() - began < ANSWER_SECONDS, sentence
        await asyncio.sleep(0.01)


class Follower:
    """A `Subscriber` that writes down the video that it is given."""

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self.packets: list[Packet] = []
        self.keys: list[float] = []
        self.interruptions = 0
        self.ended = False

    def on_tracks(self, tracks: tuple[Track, ...], epoch: int) -> None:
        self.tracks = tracks

    def on_packet(self, packet: Packet) -> None:
        if packet.track == 0:
            self.packets.append(packet)
            if packet.key:
                self.keys.append(_seconds(packet, self.tracks[0].timescale))

    def on_interrupted(self) -> None:
        self.interruptions += 1

    def on_end(self) -> None:
        self.ended = True
