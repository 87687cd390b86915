"""Colour beside the frames, sizes that only a key frame says, and a codec that changes."""

from __future__ import annotations

import av
import pytest

from metropole_media.codecs.model import Colour
from metropole_media.live import Packet
from metropole_media.rtmp import amf0
from metropole_media.rtmp.events import TracksKnown
from tests.support.rtmp_encoder import ASC, AVCC, IDR, SLICE, Publisher

PQ: amf0.Value = {
    "colorConfig": {
        "bitDepth": 10.0,
        "colorPrimaries": 9.0,
        "transferCharacteristics": 16.0,
        "matrixCoefficients": 9.0,
    },
    "hdrCll": {"maxFall": 400.0, "maxCLL": 1000.0},
}
VPCC = bytes.fromhex("01000000000a82020202") + b"\0\0"
FFMPEG = bytes.fromhex(
    "d468766331020009636f6c6f72496e666f03000b636f6c6f72436f6e6669670300177472616e73666572436861"
    "72616374657269737469637300403000000000000000126d6174726978436f656666696369656e747300402200"
    "0000000000000e636f6c6f725072696d6172696573004022000000000000000009000009"
)
"""What FFmpeg 8.1 sends of a BT.2020 picture with PQ."""


def told(value: amf0.Value, name: str = "colorInfo") -> bytes:
    """As FFmpeg sends it."""
    return b"\xd4avc1" + amf0.encode([name, value])


def colours(publisher: Publisher) -> list[Colour | None]:
    return [event.tracks[0].colour for event in publisher.events if isinstance(event, TracksKnown)]


@pytest.fixture
def live(publisher: Publisher) -> Publisher:
    publisher.go_live()
    publisher.video(0, b"\x17\0\0\0\0" + AVCC)
    publisher.audio(0, b"\xaf\0" + ASC)
    return publisher


def test_colour_that_is_told_before_the_first_frame_comes_with_the_track(live: Publisher) -> None:
    live.video(0, told(PQ))
    live.video(0, b"\x17\1\0\0\0" + IDR)
    (found,) = colours(live)
    assert found is not None
    assert (found.primaries, found.transfer, found.video_range) == (9, 16, "PQ")
    assert found.light == bytes.fromhex("03e80190")


def test_what_ffmpeg_says_about_colour_is_read(live: Publisher) -> None:
    live.video(0, FFMPEG)
    live.video(0, b"\x17\1\0\0\0" + IDR)
    assert colours(live) == [Colour(9, 16, 9)]


def test_colour_that_changes_is_announced_and_undefined_takes_it_back(live: Publisher) -> None:
    live.video(0, b"\x17\1\0\0\0" + IDR)
    live.video(33, told(PQ))
    live.video(33, b"\x27\1\0\0\0" + SLICE)
    live.video(66, told(PQ))
    assert len(live.video(66, b"\x27\1\0\0\0" + SLICE)) == 1
    live.video(99, told(None))
    live.video(99, b"\x27\1\0\0\0" + SLICE)
    assert [found and found.transfer for found in colours(live)] == [None, 16, None]


@pytest.mark.parametrize(
    "body",
    [
        told(PQ, "somethingElse"),
        told(PQ)[:-3],
        b"\xd4avc1\2\0",
        b"\xd4avc1",
        b"\xd4avc1" + amf0.encode([1.0, 2.0, 3.0]),
        told({"colorConfig": 7.0}),
    ],
)
def test_what_is_no_colour_is_passed_over(live: Publisher, body: bytes) -> None:
    live.video(0, body)
    live.video(0, b"\x17\1\0\0\0" + IDR)
    assert colours(live) == [None]


def vp9(size: tuple[int, int]) -> list[bytes]:
    encoder = av.CodecContext.create("libvpx-vp9", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.rate, encoder.options = (
        25,
        {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
    )
    found = []
    for number in range(2):
        frame = av.VideoFrame(*size, "yuv420p")
        frame.pts = number
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return found


def test_a_picture_is_not_announced_before_its_size_is_known(publisher: Publisher) -> None:
    publisher.go_live()
    key, other = vp9((320, 180))
    publisher.audio(0, b"\xaf\0" + ASC)
    publisher.video(0, b"\x90vp09" + VPCC)
    publisher.video(0, b"\xa1vp09" + other)
    publisher.audio(0, b"\xaf\1sound")
    assert publisher.events[1:] == []
    known, *packets = publisher.video(40, b"\x91vp09" + key)
    assert isinstance(known, TracksKnown)
    assert [(t.fourcc, t.width, t.height) for t in known.tracks] == [
        ("vp09", 320, 180),
        ("mp4a", 0, 0),
    ]
    assert [(p.track, p.dts) for p in packets if isinstance(p, Packet)] == [(100, 0), (0, 40)]


def test_the_size_of_a_further_track_is_waited_for_too(live: Publisher) -> None:
    live.video(0, b"\x96\0vp09\1" + VPCC)
    live.audio(0, b"\xaf\1sound")
    assert live.video(0, b"\x17\1\0\0\0" + IDR) == []
    known = live.video(0, b"\x96\1vp09\1" + vp9((320, 180))[0])[0]
    assert isinstance(known, TracksKnown)
    assert [track.id for track in known.tracks] == [0, 1, 100]


def test_a_size_that_never_comes_does_not_hold_up_the_sound(publisher: Publisher) -> None:
    publisher.go_live()
    publisher.audio(0, b"\xaf\0" + ASC)
    publisher.video(0, b"\x90vp09" + VPCC)
    for stamp in range(0, 1100, 20):
        publisher.audio(stamp, b"\xaf\1sound")
    known = publisher.events[1]
    assert isinstance(known, TracksKnown)
    assert [track.kind for track in known.tracks] == ["audio"]
    # When it comes after all, the picture is announced.
    known, _ = publisher.video(1100, b"\x91vp09" + vp9((320, 180))[0])
    assert isinstance(known, TracksKnown)
    assert [track.kind for track in known.tracks] == ["video", "audio"]


def test_another_codec_on_the_same_track_is_a_new_picture(live: Publisher) -> None:
    key, other = vp9((320, 180))
    live.video(0, b"\x17\1\0\0\0" + IDR)
    live.video(33, b"\x90vp09" + VPCC)
    # Nothing is told until the new picture can be described; frames of the old codec are lost.
    assert live.video(33, b"\x27\1\0\0\0" + SLICE) == []
    assert live.video(33, b"\xa1vp09" + other) == []
    assert len(live.audio(40, b"\xaf\1sound")) == 1
    known, packet = live.video(66, b"\x91vp09" + key)
    assert isinstance(known, TracksKnown)
    assert (known.tracks[0].id, known.tracks[0].fourcc) == (0, "vp09")
    assert isinstance(packet, Packet)
    live.video(99, b"\x17\0\0\0\0" + AVCC)
    known, _ = live.video(99, b"\x17\1\0\0\0" + IDR)
    assert isinstance(known, TracksKnown)
    assert known.tracks[0].config == AVCC
