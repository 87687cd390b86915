"""What a worker makes of a stream."""

from __future__ import annotations

from statistics import mean

import pytest

from metropole_media.codecs.model import Colour
from metropole_media.transcode.encoders import VideoEncoder
from metropole_media.transcode.pace import MAX_GOP
from tests.support.clips import clip
from tests.support.encoded import Encoded, encode
from tests.support.renditions import LOW, MIDDLE, decode, is_alive, making, plan, write

TICK = 90  # of a rendition, in a millisecond


def seconds(source: Encoded, *, keys: bool = False) -> list[float]:
    """When the frames of a clip are shown, beginning at 0, in 1/90000 s."""
    packets = [packet for packet in source.of(0) if packet.key or not keys]
    first = min(packet.pts for packet in source.of(0))
    return sorted((packet.pts - first) * TICK for packet in packets)


async def test_key_frames_lie_where_the_source_has_them() -> None:
    source = encode(fps=60, seconds=2, gop=31, size=(384, 216))
    half = plan("90p15", 160, 90, 15.0)
    async with making(plan("180p60", 320, 180, 60.0), LOW, half) as studio:
        studio.publish(source)
        await studio.rests()
        first = studio.source.packets[0].pts * TICK
        for name, share in (("180p60", 1), ("90p", 2), ("90p15", 4)):
            feed = studio.feeds[name]
            assert feed.keys == studio.source.keys
            times = seconds(source)
            keys = [times.index(each) for each in seconds(source, keys=True)]
            ends = [*keys[1:], len(times)]
            # Evenly, and beginning anew with each key frame.
            wanted = [
                times[number]
                for begin, end in zip(keys, ends, strict=True)
                for number in range(begin, end, share)
            ]
            assert [packet.pts - first for packet in feed.packets] == wanted
            assert all(packet.dts == packet.pts for packet in feed.packets)
            frames = decode(feed)
            assert [frame.pts for frame in frames] == [packet.pts for packet in feed.packets]
            track = feed.tracks[0]
            assert (frames[0].width, frames[0].height) == (track.width, track.height)
            assert [frame.pts for frame in frames if frame.key_frame] == [
                packet.pts for packet in feed.packets if packet.key
            ]


async def test_a_source_that_reorders_its_frames() -> None:
    source = encode(fps=30, seconds=2, gop=20, bframes=2, size=(320, 180))
    assert any(packet.pts != packet.dts for packet in source.of(0))
    async with making(LOW) as studio:
        studio.publish(source)
        await studio.rests()
        feed = studio.feeds["90p"]
        assert feed.keys == studio.source.keys
        shown = sorted(packet.pts * TICK for packet in studio.source.packets)
        assert [packet.pts for packet in feed.packets] == shown


async def test_a_source_with_few_key_frames_gets_more() -> None:
    source = encode(fps=30, seconds=9.5, gop=900, size=(160, 90), audio=False)
    async with making(LOW, plan("60p", 106, 60, 15.0)) as studio:
        studio.publish(source)
        await studio.rests()
        low, lower = studio.feeds["90p"], studio.feeds["60p"]
        assert low.keys == lower.keys
        assert len(low.keys) == 3
        gaps = [b - a for a, b in zip(low.keys, low.keys[1:], strict=False)]
        assert all(MAX_GOP / 90_000 <= gap < MAX_GOP / 90_000 + 0.05 for gap in gaps)


async def test_the_source_changes_and_the_renditions_go_on() -> None:
    before = encode(fps=30, seconds=1, gop=15, size=(320, 180), audio=False)
    after = encode(fps=30, seconds=1, gop=15, size=(640, 360), audio=False)
    async with making(LOW) as studio:
        handle = studio.publisher(before)
        write(handle, before.packets)
        handle.describe(after.tracks)
        write(handle, after.packets, 1000)
        handle.detach()
        await studio.rests()
        feed = studio.feeds["90p"]
        assert len(feed.packets) == 60
        assert feed.keys == studio.source.keys
        assert {(frame.width, frame.height) for frame in decode(feed)} == {(160, 90)}


async def test_no_rendition_is_larger_than_its_source() -> None:
    before = encode(fps=30, seconds=1, gop=15, size=(320, 180), audio=False)
    after = encode(fps=30, seconds=1, gop=15, size=(160, 90), audio=False)
    async with making(MIDDLE, LOW) as studio:
        handle = studio.publisher(before)
        write(handle, before.packets)
        handle.describe(after.tracks)
        write(handle, after.packets, 1000)
        handle.detach()
        await studio.until(lambda: studio.feeds["90p"].interruptions == 1, "90p must go on")
        assert len(studio.feeds["90p"].packets) == 60
        assert len(studio.feeds["180p"].packets) == 30
        assert studio.feeds["180p"].interruptions == 1
        tiny = encode(fps=30, seconds=1, gop=15, size=(96, 54), audio=False)
        studio.publish(tiny)
        await studio.until(lambda: studio.failures, "nothing is left to make")
        assert studio.failures == ["The source is 96x54, and all renditions would be larger."]


async def test_a_publisher_who_comes_back() -> None:
    source = encode(fps=30, seconds=1, gop=15, size=(320, 180))
    async with making() as studio:
        for stay in (1, 2):
            studio.publish(source)
            await studio.rests(stay)
        # Two who come one after the other, before anything of the first has come out.
        studio.publish(source)
        studio.publish(source)
        await studio.rests(4)
        for feed in studio.feeds.values():
            assert feed.keys == studio.source.keys
            assert len(feed.packets) == 120
        assert studio.stream.ladder.feed("90p").epoch == 4


async def test_a_rendition_that_is_shed_is_no_longer_made() -> None:
    source = encode(fps=30, seconds=1, gop=15, size=(320, 180), audio=False)
    async with making() as studio:
        handle = studio.publisher(source)
        write(handle, source.packets)
        await studio.until(lambda: studio.feeds["180p"].packets, "180p must be made")
        studio.stream.ladder.shed("180p")
        assert studio.feeds["180p"].ended
        write(handle, source.packets, 1000)
        handle.detach()
        await studio.until(lambda: studio.feeds["90p"].interruptions, "90p must go on")
        assert len(studio.feeds["90p"].packets) == 60
        pid = studio.job.pid
        studio.stream.ladder.shed("90p")
        assert pid is not None
        await studio.until(lambda: not is_alive(pid), "nobody wants anything of it")
        assert not studio.failures


@pytest.mark.parametrize("kind", ["hevc", "av1", "vp9"])
async def test_every_codec_is_decoded(kind: str) -> None:
    source = clip(kind, "", seconds=1, gop=15)
    async with making(LOW) as studio:
        studio.publish(source)
        await studio.rests()
        feed = studio.feeds["90p"]
        assert feed.keys == studio.source.keys
        assert len(decode(feed)) == len(source.of(0))


@pytest.mark.parametrize("kind", ["hevc-pq", "av1-pq"])
async def test_high_dynamic_range_becomes_standard(kind: str) -> None:
    source = clip(kind, "", seconds=1, gop=15)
    assert source.tracks[0].colour is not None
    assert source.tracks[0].colour.video_range == "PQ"
    async with making(LOW) as studio:
        studio.publish(source)
        await studio.rests()
        feed = studio.feeds["90p"]
        assert feed.tracks[0].colour == Colour(1, 1, 1)
        frame = decode(feed)[0]
        assert frame.format.name == "yuv420p"
        # Half the code values of PQ are less than 100 candelas: what is bright stays bright.
        brightness = bytes(frame.planes[0])
        assert 60 < mean(brightness) < 190


@pytest.mark.parametrize(
    ("encoder", "codec"),
    [
        (
            VideoEncoder(
                "libx265",
                "hvc1",
                options=(
                    ("preset", "ultrafast"),
                    ("tune", "zerolatency"),
                    ("forced-idr", "1"),
                    (
                        "x265-params",
                        "keyint=-1:scenecut=0:open-gop=0:bframes=0:log-level=none:pools=1",
                    ),
                ),
            ),
            "hevc",
        ),
        (
            VideoEncoder(
                "libsvtav1",
                "av01",
                options=(
                    ("preset", "12"),
                    ("svtav1-params", "pred-struct=1:rc=2:rtc=1:keyint=-1:scd=0:lp=1"),
                ),
                max_rate=0.0,
            ),
            "libdav1d",
        ),
    ],
    ids=["hevc", "av1"],
)
async def test_other_codecs_come_out(encoder: VideoEncoder, codec: str) -> None:
    source = clip("h264", "", seconds=1, gop=15)
    async with making(LOW, encoder=encoder) as studio:
        studio.publish(source)
        await studio.rests()
        feed = studio.feeds["90p"]
        assert feed.tracks[0].fourcc == encoder.fourcc
        assert feed.tracks[0].codec.startswith(encoder.fourcc)
        assert feed.keys == studio.source.keys
        assert len(decode(feed, codec)) == 30
